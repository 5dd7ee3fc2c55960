"""Quick changes to an input whose parts are known: whole parts are copied, left out, swapped, and small ones changed.

A structure knows more, and takes ten times as long to say it. Here only places count: what a part means is learnt once
for each input, and then used for many others made of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import NamedTuple

from ipc_gauntlet.fuzz.mutate.bytes import INTERESTING, Mutator
from ipc_gauntlet.fuzz.target import Part

_INDEX = re.compile(r"\[\d+\]")
_MOST = 512
_GO_ON = 0.3
_KINDS = 8
_SMALL = 2
_FLIPPED = 6


class Place(NamedTuple):
    """Where a part is.

    Attributes:
        start: Its first byte.
        end: Behind its last byte.
        path: Its name with the fields around it; parts that may stand for each other have the same.
    """

    start: int
    end: int
    path: str


class Places(NamedTuple):
    """The parts of one input.

    Attributes:
        data: The input.
        leaves: Parts without parts.
        groups: Parts with parts.
        paths: All parts by path.
    """

    data: bytes
    leaves: tuple[Place, ...]
    groups: tuple[Place, ...]
    paths: dict[str, tuple[Place, ...]]


def places_of(data: bytes, parts: Sequence[Part]) -> Places:
    """Sort the parts of an input.

    Args:
        data: The input.
        parts: As its structure explains it.
    """
    leaves: list[Place] = []
    groups: list[Place] = []
    paths: dict[str, list[Place]] = {}
    shown = parts[:_MOST]
    for at, part in enumerate(shown):
        # The third item is what the first is.
        place = Place(part.offset, part.offset + part.length, _INDEX.sub("", part.path))
        grouped = at + 1 < len(shown) and shown[at + 1].depth > part.depth
        (groups if grouped else leaves).append(place)
        paths.setdefault(place.path, []).append(place)
    return Places(data, tuple(leaves), tuple(groups), {path: tuple(found) for path, found in paths.items()})


def lengthened(places: Places) -> Iterator[bytes]:
    """An input with the last group of each kind once more behind itself: one message more, one item more.

    Args:
        places: The input.
    """
    kinds = dict.fromkeys(place.path for place in places.groups)
    for path in list(kinds)[:_KINDS]:
        last = places.paths[path][-1]
        yield places.data[: last.end] + places.data[last.start :]


def flipped(places: Places) -> Iterator[bytes]:
    """An input with one bit changed, of each of the small fields of its last message.

    What refuses or changes something by a flag compares nothing, so that nothing else would tell. The last message is
    the last group of the outermost kind of which there may be several.

    Args:
        places: The input.
    """
    kinds = list(dict.fromkeys(place.path for place in places.groups))
    several = [path for path in kinds if len(places.paths[path]) > 1] or kinds[1:] or kinds
    if not several:
        return
    last = places.paths[several[0]][-1]
    inside = [leaf for leaf in places.leaves if last.start <= leaf.start and leaf.end <= last.end]
    for leaf in [leaf for leaf in inside if 0 < leaf.end - leaf.start <= _SMALL][:_FLIPPED]:
        for bit in range(8):
            at = leaf.end - 1
            yield places.data[:at] + bytes((places.data[at] ^ (1 << bit),)) + places.data[at + 1 :]


class PartMutator(Mutator):
    """Changes parts; see `Mutator`."""

    def __init__(self, rng: Random, longest: int, tokens: list[bytes]) -> None:
        super().__init__(rng, longest, tokens)
        self._changes: tuple[Callable[[Places, Places], tuple[int, int, bytes]], ...] = (
            self._again,
            self._again,
            self._behind_the_last,
            self._behind_the_last,
            self._without,
            self._instead,
            self._step,
            self._step,
            self._leaf,
            self._leaf,
            self._leaf,
        )

    def mutate(self, places: Places, other: Places) -> bytes:
        """Change an input, mostly in one place.

        Args:
            places: The input.
            other: Another one, to take parts of.
        """
        data = places.data
        if not places.leaves:
            return data
        done: list[tuple[int, int]] = []
        while True:
            start, end, new = self._changes[int(self._draw() * len(self._changes))](places, other)
            # Places are those of the original: only what lies before all that was changed is still there.
            if all(end <= before for before, _ in done):
                data = data[:start] + new + data[end:]
                done.append((start, end))
            if self._draw() > _GO_ON:
                return data[: self._longest]

    def _pick(self, places: Sequence[Place]) -> Place:
        return places[int(self._draw() * len(places))]

    def _any(self, places: Places) -> Place:
        """A part; groups are fewer, and more often worth it."""
        return self._pick(places.groups if places.groups and self._bits(1) else places.leaves)

    # What to write where

    def _again(self, places: Places, other: Places) -> tuple[int, int, bytes]:
        """A part twice in a row."""
        del other
        part = self._any(places)
        return part.end, part.end, places.data[part.start : part.end]

    def _behind_the_last(self, places: Places, other: Places) -> tuple[int, int, bytes]:
        """A part once more, behind all of its kind; it may come from elsewhere."""
        part = self._any(places)
        last = places.paths[part.path][-1]
        source = other if part.path in other.paths and not self._bits(2) else places
        taken = self._pick(source.paths[part.path])
        return last.end, last.end, source.data[taken.start : taken.end]

    def _without(self, places: Places, other: Places) -> tuple[int, int, bytes]:
        """A part left out."""
        del other
        part = self._any(places)
        return part.start, part.end, b""

    def _instead(self, places: Places, other: Places) -> tuple[int, int, bytes]:
        """Another part of its kind in a part's place."""
        part = self._any(places)
        source = other if part.path in other.paths and self._bits(1) else places
        taken = self._pick(source.paths[part.path])
        return part.start, part.end, source.data[taken.start : taken.end]

    def _step(self, places: Places, other: Places) -> tuple[int, int, bytes]:
        """A small part, as a number one more or one less."""
        del other
        part = self._pick(places.leaves)
        size = part.end - part.start
        if not 0 < size <= 8:
            return part.start, part.end, places.data[part.start : part.end]
        number = int.from_bytes(places.data[part.start : part.end], "big") + (1 if self._bits(1) else -1)
        return part.start, part.end, (number % (1 << (8 * size))).to_bytes(size, "big")

    def _leaf(self, places: Places, other: Places) -> tuple[int, int, bytes]:
        """A small part changed, as long as it was."""
        del other
        part = self._pick(places.leaves)
        old = places.data[part.start : part.end]
        size = len(old)
        if not size:
            return part.start, part.end, b""
        which = self._bits(2)
        if which == 0:
            at = int(self._draw() * size)
            new = old[:at] + bytes((old[at] ^ (1 << self._bits(3)),)) + old[at + 1 :]
        elif which == 1 and size <= 8:
            new = self._bits(8 * size).to_bytes(size, "big")
        else:
            words = self.tokens if which == 2 and self.tokens else INTERESTING
            word = words[int(self._draw() * len(words))]
            # Numbers stand at the right, text at the left.
            new = (old + word)[-size:] if self._bits(1) else (word + old[len(word) :])[:size]
        return part.start, part.end, new
