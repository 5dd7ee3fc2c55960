"""The score of a corpus: how many of a parser's mutants some input of it tells from the parser."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ipc_gauntlet.fuzz.pin.bench import Bench, Difference


@dataclass(frozen=True, slots=True)
class Score:
    """Counts.

    Attributes:
        mutants: Mutants that can be run.
        pinned: Those for which some input leads to another verdict, reason or value.
        verdict: Those for which some input is accepted by one and refused by the other, or breaks the mutant.
        inputs: Inputs in the corpus.
    """

    mutants: int
    pinned: int
    verdict: int
    inputs: int

    @property
    def percent(self) -> float:
        """Share of the mutants that are pinned, in percent; 100 if there are none."""
        return 100.0 * self.pinned / self.mutants if self.mutants else 100.0

    @property
    def verdict_percent(self) -> float:
        """Share of those pinned by accepting and refusing alone, in percent."""
        return 100.0 * self.verdict / self.mutants if self.mutants else 100.0


class Tally:
    """What is pinned so far, by which input; better inputs replace others.

    An input on which accepting and refusing differ is better than one on which a value does, and a shorter one better
    than a longer one.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.pinned: dict[int, Difference] = {}
        self.inputs = 0

    def add(self, data: bytes, among: Iterable[int] | None = None) -> list[int]:
        """Run one input through all mutants, or some; returns those that it pins first."""
        run = self.bench.run(data)
        self.inputs += 1
        chosen = range(len(self.bench.mutants)) if among is None else among
        return [one.mutant for one in self.bench.differences(run, chosen) if self.take(one)]

    def take(self, one: Difference) -> bool:
        """Note a difference; whether its mutant was not pinned before."""
        old = self.pinned.get(one.mutant)
        if old is None or (not old.verdict and one.verdict):
            self.pinned[one.mutant] = one
        return old is None

    def score(self) -> Score:
        """The score."""
        verdict = sum(one.verdict for one in self.pinned.values())
        return Score(len(self.bench.mutants), len(self.pinned), verdict, self.inputs)


def score(bench: Bench, corpus: Iterable[bytes]) -> Score:
    """The score of a corpus.

    Args:
        bench: The mutants.
        corpus: Its inputs, each counted once.
    """
    tally = Tally(bench)
    for data in dict.fromkeys(corpus):
        # What a verdict tells apart needs no second look.
        rest = [
            at for at in range(len(bench.mutants)) if at not in tally.pinned or not tally.pinned[at].verdict
        ]
        tally.add(data, rest)
    return tally.score()
