"""What each input of a corpus shows: features of coverage, a verdict, a finding. Executed in another process."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.triage.targets import Targets
from ipc_gauntlet.fuzz.work import digest


@dataclass(frozen=True, slots=True)
class Entry:
    """An input and what it shows.

    Attributes:
        data: The input.
        verdict: `accepted`, `rejected:<reason>`, or the signature of the finding.
        features: Names of what it shows: branches with their counts, the verdict, and whatever else counts.
        finding: What it does that it must not.
        key: By which equally good inputs are ordered, the same on every machine.
    """

    data: bytes
    verdict: str
    features: frozenset[str]
    finding: Finding | None
    key: tuple[int, str]


@dataclass(frozen=True, slots=True)
class Measured:
    """A corpus that was executed.

    Attributes:
        entries: Its inputs in their order, each once.
        edges: Edges that were instrumented; 0 if nothing could be measured.
    """

    entries: tuple[Entry, ...]
    edges: int

    @property
    def features(self) -> frozenset[str]:
        """All that they show."""
        return union(self.entries)

    @property
    def good(self) -> tuple[Entry, ...]:
        """The inputs that are no findings."""
        return tuple(entry for entry in self.entries if entry.finding is None)


def union(entries: Iterable[Entry]) -> frozenset[str]:
    """All that some inputs show."""
    return frozenset().union(*(entry.features for entry in entries))


def measure(target: str, targets: Targets, inputs: Iterable[bytes]) -> Measured:
    """Execute inputs under coverage.

    Args:
        target: Name of the target.
        targets: Where it is found.
        inputs: In any order; of several that are the same one counts.

    Raises:
        UsageError: There is no such target.
        GauntletError: Inputs cannot be executed.
    """
    once = list(dict.fromkeys(inputs))
    entries: list[Entry] = []
    with Child(targets.orders(target, coverage=True)) as child:
        for data, answer in zip(once, child.run(once), strict=True):
            shown = [f"edge {number:x}" for number in answer.features]
            features = frozenset((*shown, f"verdict {answer.verdict}"))
            entries.append(Entry(data, answer.verdict, features, answer.finding, (len(data), digest(data))))
        return Measured(tuple(entries), child.edges)
