"""A target's structure as the engine uses it: bounded, and with an error that names it when it does not keep its word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from random import Random
from typing import TypeVar

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.mutate.parts import Places, places_of
from ipc_gauntlet.fuzz.target import Structure, Target

_Made = TypeVar("_Made")
_REMEMBERED = 256


class SchemaMaker:
    """Makes inputs by a wire schema.

    Args:
        target: Whose structure it is, for messages.
        structure: Of user code; it must not raise for any bytes, and may.
        rng: Where choices come from.
        longest: No input is longer, in bytes.
    """

    def __init__(self, target: Target, structure: Structure, rng: Random, longest: int) -> None:
        self._target = target
        self._structure = structure
        self._rng = rng
        self._longest = longest
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._places)
        # Structures of users need not have it.
        fix = getattr(structure, "fix", None)
        self._fix: Callable[[bytes], bytes] | None = fix if callable(fix) else None

    @property
    def can_fix(self) -> bool:
        """Whether it can put lengths and checksums right."""
        return self._fix is not None

    def generate(self) -> bytes:
        """A new input."""
        return self._call("generate", lambda: self._structure.generate(self._rng), b"")[: self._longest]

    def mutate(self, data: bytes) -> bytes:
        """An input with other fields."""
        return self._call("mutate", lambda: self._structure.mutate(data, self._rng), data)[: self._longest]

    def fix(self, data: bytes) -> bytes:
        """An input in which lengths and checksums are right; the same if that is not known."""
        fix = self._fix
        return data if fix is None else self._call("fix", lambda: fix(data), data)[: self._longest]

    def places(self, data: bytes) -> Places:
        """The parts of an input; those of the last inputs asked about are remembered."""
        return self._remembered(data)

    def _places(self, data: bytes) -> Places:
        return self._call("explain", lambda: places_of(data, self._structure.explain(data)), data)

    def ranges(self, data: bytes) -> Iterator[tuple[int, int]]:
        """What may be left out of an input: its parts, the longest first."""
        places = self.places(data)
        found = {
            (place.start, place.end) for place in (*places.groups, *places.leaves) if place.end > place.start
        }
        yield from sorted(found - {(0, len(data))}, key=lambda one: (one[0] - one[1], -one[0]))

    def _call(self, method: str, call: Callable[[], _Made], data: bytes) -> _Made:
        try:
            return call()
        except Exception as error:
            raise GauntletError(
                f"target {self._target.name}: structure.{method} raised {type(error).__name__}: {error} "
                f"(input {data[:64].hex() or 'none'}); it must not for any bytes: correct it, or fuzz without structure"
            ) from error
