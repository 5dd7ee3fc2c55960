"""All mutants of a parser on one bench: an input goes through the original, and through every mutant it can tell apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ipc_gauntlet.fuzz.pin.copies import Copy, Outcome, Workshop
from ipc_gauntlet.fuzz.pin.mutants import Mutant, Mutants
from ipc_gauntlet.fuzz.target import Target

_ORIGINAL_STEPS = 200_000
_SPARE_STEPS = 500
_SPARE_FACTOR = 4

Told = Callable[[str], None]
"""Is told the name of the mutant that runs next; empty for the original."""


def nobody(name: str) -> None:
    """Tell nobody."""
    del name


@dataclass(frozen=True, slots=True)
class Run:
    """What the original made of an input.

    Attributes:
        data: The input.
        outcome: What came of it.
        seen: One byte for each block: whether it was entered.
        steps: How many steps it took.
    """

    data: bytes
    outcome: Outcome
    seen: bytes
    steps: int

    @property
    def judged(self) -> bool:
        """Whether the original came to a verdict; an input that crashes it is a finding, not a vector."""
        return self.outcome[0] in ("accepted", "rejected")


@dataclass(frozen=True, slots=True)
class Difference:
    """How a mutant differed from the original on an input.

    Attributes:
        mutant: Its place in `Bench.mutants`.
        run: What the original did.
        outcome: What the mutant did.
    """

    mutant: int
    run: Run
    outcome: Outcome

    @property
    def verdict(self) -> bool:
        """Whether already accepting and refusing differ, not just the reason or the value."""
        return self.run.outcome[0] != self.outcome[0]


class Bench:
    """Holds the copies.

    Args:
        target: The parser is its `parse`.
        told: Is told before anything of a mutant runs, so that whoever finds the process dead knows which it was.
        without: Names of mutants that are not to be run.
        known: Is told all mutants before any of them is loaded.

    Attributes:
        mutants: Those that can be run.
        unviable: Those that cannot even be imported, and why.
        same: How many compile to the same code as the original or another mutant.
        made: Where they come from.

    Raises:
        UsageError: The target cannot be copied.
    """

    def __init__(
        self,
        target: Target,
        told: Told = nobody,
        without: Iterable[str] = (),
        known: Callable[[Mutants], None] | None = None,
    ) -> None:
        self.target = target
        self._told = told
        made = Mutants(Workshop(target))
        if known is not None:
            known(made)
        self.made = made
        self.same = made.same
        self.mutants: list[Mutant] = []
        self.unviable: dict[str, str] = {}
        self._copies: list[Copy] = []
        self._seen = bytearray(made.blocks)
        self._original = made.original(self._seen)
        self._at_import = bytes(self._seen)
        left_out = frozenset(without)
        for mutant in made.all:
            if mutant.name not in left_out:
                self._take(mutant)

    def _take(self, mutant: Mutant) -> None:
        self._told(mutant.name)
        try:
            copy = self.made.load(mutant)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a mutant may raise anything
            self.unviable[mutant.name] = f"{type(error).__name__}: {error}"[:120]
            return
        self.mutants.append(mutant)
        self._copies.append(copy)

    def run(self, data: bytes) -> Run:
        """Run the original."""
        self._told("")
        self._seen[:] = bytes(len(self._seen))
        self._original.empty_caches()
        outcome = self._original.judge(data, _ORIGINAL_STEPS)
        return Run(data, outcome, bytes(self._seen), self._original.used)

    def may_differ(self, index: int, run: Run) -> bool:
        """Whether a mutant's change is in code that the original ran."""
        block = self.mutants[index].block
        return block < 0 or bool(run.seen[block]) or bool(self._at_import[block])

    def differences(self, run: Run, among: Iterable[int]) -> Iterator[Difference]:
        """The mutants that judge an input differently.

        Args:
            run: From `run`; one without a verdict tells nothing apart.
            among: Places in `mutants`.
        """
        if not run.judged:
            return
        most = run.steps * _SPARE_FACTOR + _SPARE_STEPS
        for index in among:
            if self.may_differ(index, run):
                self._told(self.mutants[index].name)
                outcome = self._copies[index].judge(run.data, most)
                if outcome != run.outcome:
                    yield Difference(index, run, outcome)

    def differs(self, run: Run, index: int) -> bool:
        """Whether one mutant judges an input differently."""
        return any(True for _ in self.differences(run, (index,)))
