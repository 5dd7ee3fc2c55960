"""The words of a wire schema: constants, known numbers, samples and map keys, as byte strings for a dictionary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields as members
from dataclasses import is_dataclass

from ipc_gauntlet.fuzz.mutate.cbor import CborInt, CborMap, key_bytes
from ipc_gauntlet.fuzz.mutate.cbor_items import number
from ipc_gauntlet.fuzz.mutate.fields import Bytes, Const, Field, Int

_LONGEST = 64


def words_of(field: Field) -> tuple[bytes, ...]:
    """What a dictionary can hold of a field and of all that is in it; each once, none empty, none long."""
    found = dict.fromkeys(word for one in _below(field, set()) for word in _words(one))
    return tuple(word for word in found if 0 < len(word) <= _LONGEST)


def _below(field: Field, seen: set[int]) -> Iterator[Field]:
    """A field and those within it, whatever they are called there."""
    if id(field) in seen:
        return
    seen.add(id(field))
    yield field
    for member in members(field):
        for part in _parts(getattr(field, member.name)):
            yield from _below(part, seen)


def _parts(value: object) -> Iterator[Field]:
    if isinstance(value, Field):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from _parts(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from _parts(one)
    elif is_dataclass(value) and not isinstance(value, type):
        # An entry of a map.
        for member in members(value):
            yield from _parts(getattr(value, member.name))


def _words(field: Field) -> Iterator[bytes]:
    if isinstance(field, Const):
        yield field.value
    elif isinstance(field, Int):
        yield from (field.put(value) for value in (*field.samples, *field.words))
    elif isinstance(field, CborInt):
        yield from (number(value) for value in field.samples)
    elif isinstance(field, CborMap):
        yield from (key_bytes(entry.key) for entry in field.entries)
    elif isinstance(field, Bytes):
        yield from field.samples
    else:
        samples = getattr(field, "samples", ())
        yield from (sample for sample in samples if isinstance(sample, bytes))
