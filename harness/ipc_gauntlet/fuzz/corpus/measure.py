"""What each input of a corpus shows: features of coverage, a verdict, a finding. Executed in another process."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.child.messages import Answer
from ipc_gauntlet.fuzz.differential.remote import parsers_of
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.triage.targets import Targets
from ipc_gauntlet.fuzz.work import digest


@dataclass(frozen=True, slots=True)
class Entry:
    """An input and what it shows.

    Attributes:
        data: The input.
        verdict: `accepted`, `rejected:<reason>`, or the signature of the finding.
        features: Names of what it shows: branches with their counts, the verdict; with an implementation beside, the
            pair of verdicts and the implementation's edges.
        finding: What it does with the target that it must not. What it does with the implementation beside is a pair.
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


def has_beside(target: str, targets: Targets) -> bool:
    """Whether an implementation was named that reads the same bytes as a target.

    Raises:
        UsageError: There is no such target.
        DriverStartError: The implementation does not start.
    """
    parser, command = targets.get(target).reference_parser, targets.settings.driver
    return bool(parser and command) and parser in _parsers(command)


_parsers = cache(parsers_of)


def measure(target: str, targets: Targets, inputs: Iterable[bytes]) -> Measured:
    """Execute inputs under coverage; with the implementation beside that the settings name, if it has the parser.

    Args:
        target: Name of the target.
        targets: Where it is found.
        inputs: In any order; of several that are the same one counts.

    Raises:
        UsageError: There is no such target.
        GauntletError: Inputs cannot be executed, or the implementation does not start.
    """
    once = list(dict.fromkeys(inputs))
    entries: list[Entry] = []
    with Child(targets.orders(target, coverage=True, remote=has_beside(target, targets))) as child:
        for data, answer in zip(once, child.run(once), strict=True):
            # What the implementation does wrong is its campaign's: another one needs the same input.
            finding = answer.finding if not answer.pair else None
            verdict = answer.said if answer.pair else answer.verdict
            entries.append(Entry(data, verdict, _features(answer), finding, (len(data), digest(data))))
        return Measured(tuple(entries), child.edges)


def _features(answer: Answer) -> frozenset[str]:
    shown = [f"edge {number:x}" for number in answer.features]
    if not answer.pair:
        return frozenset((*shown, f"verdict {answer.verdict}"))
    theirs = [f"their edge {number:x}" for number in answer.theirs]
    return frozenset((*shown, *theirs, f"verdict {answer.said}", f"pair {answer.pair}"))
