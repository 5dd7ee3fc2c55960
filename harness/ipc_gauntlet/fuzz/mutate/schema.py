"""A wire schema as a target's structure: `Schema(field)` makes, changes, reduces and explains inputs.

    MESSAGE = Record("message", (
        Const("magic", b"SIPC"),
        Int("kind", words={0: "offer", 1: "retry"}),
        Length("size", 2, of=("body",)),
        Choice("body", by="kind", cases={0: OFFER, 1: RETRY}),
        Checksum("crc", size=4, over=("magic", "kind", "size", "body"), compute=crc32),
    ))
    Target(..., structure=Schema(MESSAGE))

Whatever bytes come, they are read as far as they can be, and written again unchanged where nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from random import Random

from ipc_gauntlet.fuzz.mutate.edit import Tree
from ipc_gauntlet.fuzz.mutate.fields import REST, Const, Field, Int, Node, Raw, Scope, Text, Until, settle
from ipc_gauntlet.fuzz.mutate.fields import Bytes as Bytes
from ipc_gauntlet.fuzz.mutate.fields_derived import Checksum, Count, Length, Padding
from ipc_gauntlet.fuzz.mutate.fields_groups import Choice, Maybe, Record, Repeat, Span, TlvLayout, tlv
from ipc_gauntlet.fuzz.mutate.schema_mutate import mutated
from ipc_gauntlet.fuzz.mutate.schema_reduce import explain, smaller
from ipc_gauntlet.fuzz.target import Part

__all__ = [
    "Bytes",
    "Checksum",
    "Choice",
    "Const",
    "Count",
    "Field",
    "Int",
    "Length",
    "Maybe",
    "Padding",
    "Raw",
    "Record",
    "Repeat",
    "Schema",
    "Span",
    "Text",
    "TlvLayout",
    "Until",
    "tlv",
]

_MOST_TRIES = 4
_KNOWN = 64
_FROM_SAMPLES = 0.5


class Schema:
    """A structure made of fields (`ipc_gauntlet.fuzz.Structure`).

    Args:
        field: The whole input.
        samples: Gives valid inputs for what the fields alone would hardly make; asked when it is first needed.
    """

    def __init__(self, field: Field, samples: Callable[[], Iterable[bytes]] | None = None) -> None:
        self.field = field
        self._given = samples
        self._whole = Span("", field)
        # An input is changed many times, and reading it costs several times what a change does.
        self._known: dict[bytes, Tree] = {}

    @cached_property
    def _samples(self) -> tuple[bytes, ...]:
        return () if self._given is None else tuple(self._given())

    def read(self, data: bytes) -> Node:
        """Read an input; what lies behind it is a last child named `rest`. The nodes are the caller's."""
        return self._tree(data).root.copy()

    def _tree(self, data: bytes) -> Tree:
        """The tree of an input, which nobody may change."""
        known = self._known.get(data)
        if known is None:
            known = Tree(self._whole.read(data, 0, len(data), Scope())[0])
            if len(self._known) >= _KNOWN:
                del self._known[next(iter(self._known))]
            self._known[data] = known
        return known

    def generate(self, rng: Random) -> bytes:
        """Make an input, half of the time out of a sample if there are any."""
        if self._samples and rng.random() < _FROM_SAMPLES:
            return rng.choice(self._samples)
        node = self.field.generate(rng, Scope())
        settle(node)
        return node.joined()

    def mutate(self, data: bytes, rng: Random) -> bytes:
        """Change fields of an input."""
        return self._changed(data, rng, None)

    def splice(self, data: bytes, other: bytes, rng: Random) -> bytes:
        """Change fields of an input, taking pieces from another one."""
        return self._changed(data, rng, other)

    def _changed(self, data: bytes, rng: Random, other: bytes | None) -> bytes:
        if rng.random() < 0.01 or not data:
            return self.generate(rng)
        donor = None if other is None else self._tree(other)
        tree, made = self._tree(data), data
        for _ in range(_MOST_TRIES):
            made = mutated(tree, rng, donor)
            if made != data:
                break
        return made

    def fix(self, data: bytes) -> bytes:
        """Put right what follows from other fields: lengths, counts, checksums."""
        # Mostly an input that is not asked about again. What is wrong in it need not be known to be put right.
        root = self._whole.read(data, 0, len(data), Scope(judging=False))[0]
        for node in root.walk():
            node.kept, node.length = False, -1
        settle(root)
        return root.joined()

    def smaller(self, data: bytes) -> Iterator[bytes]:
        """Inputs with less in them, the smallest first."""
        return smaller(self.read(data), data)

    def explain(self, data: bytes) -> list[Part]:
        """Name the fields of an input."""
        whole = self._tree(data).root
        parts: list[Part] = []
        offset = 0
        for child in whole.children or ():
            for part in explain(child):
                path = REST if child.field.name == REST else part.path
                parts.append(Part(part.offset + offset, part.length, path, part.value, part.depth))
            offset += child.measured()
        return parts
