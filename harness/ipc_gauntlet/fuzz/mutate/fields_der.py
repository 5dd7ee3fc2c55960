"""ASN.1 DER in a wire schema: items of tag, length and content within each other, as in certificates.

There is no grammar here: an input is taken apart by its tags and lengths, and made out of samples. Lengths are put right
in their shortest form, or are broken on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from ipc_gauntlet.fuzz.mutate.fields import Bytes, Field, Node, Scope, replace
from ipc_gauntlet.fuzz.mutate.fields_values import disturbed

_CONSTRUCTED = 0x20
_OCTETS = 0x04
_TAGS = {
    0x01: "boolean",
    0x02: "integer",
    0x03: "bit string",
    0x04: "octet string",
    0x05: "null",
    0x06: "oid",
    0x0C: "utf8 string",
    0x13: "printable string",
    0x16: "ia5 string",
    0x17: "utc time",
    0x18: "generalized time",
    0x30: "sequence",
    0x31: "set",
}
_INTEGERS = (
    b"\0",
    b"\1",
    b"\xff",
    b"\x7f",
    b"\0\x80",
    b"\0\0\1",
    b"",
    b"\x7f" + b"\xff" * 19,
    b"\x80" + bytes(20),
)
_OIDS = (b"\x55\x1d\x13", b"\x55\x1d\x0f", b"\x55\x1d\x11", b"\x55\x1d\x1e", b"\x55\x1d\x25", b"\x2b\x65\x70", b"\x2b\x65\x6e", b"\x80\1")  # fmt: skip
_TIMES = (
    b"260101000000Z",
    b"20260101000000Z",
    b"500101000000Z",
    b"991332000000Z",
    b"00000101000000Z",
    b"2601010000Z",
)
_SAMPLES = {0x01: (b"\xff", b"\0", b"\1", b""), 0x02: _INTEGERS, 0x06: _OIDS, 0x17: _TIMES, 0x18: _TIMES}
_MOST_LENGTH_BYTES = 8


def der_length(size: int, longer: int = 0) -> bytes:
    """A length in its shortest form, or with that many more bytes."""
    if size < 0x80 and not longer:
        return bytes((size,))
    width = max(1, (size.bit_length() + 7) // 8) + max(0, longer - (size < 0x80))
    return bytes((0x80 | width,)) + size.to_bytes(width)


@dataclass(frozen=True)
class _Tag(Field):
    def generate(self, rng: Random, scope: Scope) -> Node:
        return self.leaf(bytes((rng.choice(tuple(_TAGS)),)))

    def read(self, text: bytes, pos: int, end: int, scope: Scope) -> tuple[Node, int]:
        stop = min(end, pos + 1)
        return self.leaf(text[pos:stop]), stop

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        tag = node.data[0] if node.data else 0
        flipped = tag ^ rng.choice((0x20, 0x40, 0x80, 1, 2, 4))
        node.data = bytes((flipped if rng.random() < 0.5 else rng.choice(tuple(_TAGS)),))

    def show(self, node: Node) -> str:
        tag = node.data[0] if node.data else 0
        return _TAGS.get(tag, f"{tag:#04x}")


@dataclass(frozen=True)
class _Length(Field):
    def generate(self, rng: Random, scope: Scope) -> Node:
        return self.leaf(b"\0")

    def read(self, text: bytes, pos: int, end: int, scope: Scope) -> tuple[Node, int]:
        if pos >= end:
            return self.leaf(b""), pos
        more = text[pos] & 0x7F if text[pos] & 0x80 else 0
        stop = min(end, pos + 1 + min(more, _MOST_LENGTH_BYTES))
        return self.leaf(text[pos:stop]), stop

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        if node.kept and rng.random() < 0.3:
            node.kept = False
            return
        size, which = _size(node.data), rng.randrange(4)
        if which == 0:
            node.data = der_length(max(0, size + rng.choice((-1, 1, 2, 128))))
        elif which == 1:
            node.data = der_length(size, longer=rng.choice((1, 2, 3)))
        elif which == 2:
            node.data = rng.choice(
                (b"\x80", b"\xff", b"\x84\xff\xff\xff\xff", b"\x81\0", b"\x88" + b"\x7f" * 8)
            )
        else:
            node.data = disturbed(node.data, rng, same_length=True)
        node.kept = True

    def show(self, node: Node) -> str:
        return str(_size(node.data))


def _size(data: bytes) -> int:
    if not data:
        return 0
    return int.from_bytes(data[1:]) if data[0] & 0x80 else data[0]


@dataclass(frozen=True)
class _Content(Bytes):
    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        tag = scope.find("tag")
        samples = _SAMPLES.get(tag.data[0] if tag is not None and tag.data else -1)
        node.data = rng.choice(samples) if samples and rng.random() < 0.5 else disturbed(node.data, rng)


_TAG, _LENGTH, _CONTENT = _Tag("tag"), _Length("length"), _Content("content")


@dataclass(frozen=True)
class Der(Field):
    """One item, with all that is in it.

    Args:
        samples: Items of which inputs are made.
    """

    samples: tuple[bytes, ...] = ()

    def generate(self, rng: Random, scope: Scope) -> Node:
        """A sample."""
        if not self.samples:
            return Node(self, children=[_TAG.leaf(b"\x05"), _LENGTH.leaf(b"\0"), _CONTENT.leaf(b"")])
        sample = rng.choice(self.samples)
        return self.read(sample, 0, len(sample), Scope(scope))[0]

    def read(self, text: bytes, pos: int, end: int, scope: Scope) -> tuple[Node, int]:
        """One item, however it is."""
        if not scope.spend():
            return Node(self, text[pos:end]), end
        tag, pos = _TAG.read(text, pos, end, scope)
        length, pos = _LENGTH.read(text, pos, end, scope)
        stop = min(end, pos + _size(length.data))
        children = [tag, length]
        if stop > pos and (
            tag.data[0] & _CONSTRUCTED or (tag.data[0] == _OCTETS and _is_item(text[pos:stop]))
        ):
            inner = Scope(scope)
            while pos < stop and inner.budget[0] > 0:
                child, pos = ITEM.read(text, pos, stop, inner)
                children.append(child)
        if pos < stop or len(children) == 2:
            children.append(_CONTENT.leaf(text[pos:stop]))
        node = Node(self, children=children)
        length.kept = length.data != der_length(sum(child.measured() for child in children[2:]))
        return node, stop

    def settle(self, node: Node) -> None:
        """Put the length right."""
        children = node.children or []
        if len(children) > 1 and children[1].field is _LENGTH and not children[1].kept:
            children[1].data = der_length(sum(child.measured() for child in children[2:]))

    def change(self, node: Node, rng: Random, scope: Scope) -> None:
        """One item more, one less, one twice, two swapped; something around it; another tag."""
        children = node.children
        if not children or len(children) < 3:
            replace(node, self.generate(rng, scope))
            return
        at, which = rng.randrange(2, len(children)), rng.random()
        if which < 0.25:
            del children[at]
        elif which < 0.45:
            children.insert(at, children[at].copy())
        elif which < 0.6:
            other = rng.randrange(2, len(children))
            children[at], children[other] = children[other], children[at]
        elif which < 0.7:
            inner = Node(ITEM, children=list(children))
            node.children = [_TAG.leaf(b"\x30"), _LENGTH.leaf(b"\0"), inner]
        elif which < 0.8:
            children.insert(at, ITEM.read(b"\x05\0", 0, 2, Scope())[0])
        elif which < 0.9:
            children[2:] = [_CONTENT.leaf(rng.randbytes(rng.choice((0, 1, 4))))]
        else:
            _TAG.change(children[0], rng, scope)

    def simpler(self, node: Node) -> Iterator[Node]:
        """Without some of its content."""
        children = node.children or []
        for at in range(2, min(len(children), 34)):
            yield Node(self, children=[one.copy() for one in children[:at] + children[at + 1 :]])
        yield from children[2:]

    def show(self, node: Node) -> str:
        """Its tag."""
        return _TAG.show(node.children[0]) if node.children else Field.show(self, node)


def _is_item(data: bytes) -> bool:
    """Whether bytes look like exactly one item."""
    if len(data) < 2 or data[0] not in _TAGS:
        return False
    length, pos = _LENGTH.read(data, 1, len(data), Scope())
    return pos + _size(length.data) == len(data)


ITEM = Der("item")
