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

from collections.abc import Iterator
from random import Random

from ipc_gauntlet.fuzz.mutate.fields import REST, Const, Field, Int, Node, Raw, Scope, Text, settle
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
    "tlv",
]

_MOST_TRIES = 4


class Schema:
    """A structure made of fields (`ipc_gauntlet.fuzz.Structure`).

    Args:
        field: The whole input.
    """

    def __init__(self, field: Field) -> None:
        self.field = field
        self._whole = Span("", field)

    def read(self, data: bytes) -> Node:
        """Read an input; what lies behind it is a last child named `rest`."""
        return self._whole.read(data, 0, len(data), Scope())[0]

    def generate(self, rng: Random) -> bytes:
        """Make an input."""
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
        donor = None if other is None else self.read(other)
        made = data
        for _ in range(_MOST_TRIES):
            made = mutated(self.read(data), rng, donor)
            if made != data:
                break
        return made

    def smaller(self, data: bytes) -> Iterator[bytes]:
        """Inputs with less in them, the smallest first."""
        return smaller(self.read(data), data)

    def explain(self, data: bytes) -> list[Part]:
        """Name the fields of an input."""
        whole = self.read(data)
        parts: list[Part] = []
        offset = 0
        for child in whole.children or ():
            for part in explain(child):
                path = REST if child.field.name == REST else part.path
                parts.append(Part(part.offset + offset, part.length, path, part.value, part.depth))
            offset += child.size()
        return parts
