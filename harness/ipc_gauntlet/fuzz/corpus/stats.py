"""What a corpus holds, in numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median

from ipc_gauntlet.fuzz.corpus.measure import Measured, measure, union
from ipc_gauntlet.fuzz.corpus.select import select
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.triage.targets import Targets
from ipc_gauntlet.fuzz.work import digest


@dataclass(frozen=True, slots=True)
class Stats:
    """Numbers of one corpus.

    Attributes:
        target: Its target.
        inputs: How many.
        octets: Bytes of all.
        median: Length of the middle one.
        longest: Length of the longest.
        needed: Inputs that are needed to show everything.
        features: What they show.
        edges: Edges of the target's modules that were instrumented.
        verdicts: How often each verdict: `accepted`, `rejected:<reason>`.
        findings: Inputs that do something wrong, one for each signature.
        misnamed: Files whose name is not the hash of their content.
        too_long: Inputs longer than the target takes.
    """

    target: str
    inputs: int
    octets: int
    median: int
    longest: int
    needed: int
    features: int
    edges: int
    verdicts: dict[str, int]
    findings: tuple[Finding, ...]
    misnamed: tuple[str, ...]
    too_long: int

    @property
    def accepted(self) -> int:
        """Inputs that the parser takes."""
        return self.verdicts.get("accepted", 0)


def stats(target: str, targets: Targets, store: Store) -> Stats:
    """Execute a corpus and count.

    Raises:
        GauntletError: Inputs cannot be read or executed.
    """
    inputs = list(store.inputs(target))
    names = [path.name for path in store.paths(target)]
    measured = measure(target, targets, inputs) if inputs else Measured((), 0)
    lengths = [len(data) for data in inputs]
    hashes = {digest(data) for data in inputs}
    found: dict[str, Finding] = {}
    for entry in measured.entries:
        if entry.finding is not None:
            found.setdefault(entry.finding.signature, entry.finding)
    longest = targets.get(target).longest
    return Stats(
        target=target,
        inputs=len(inputs),
        octets=sum(lengths),
        median=int(median(lengths)) if lengths else 0,
        longest=max(lengths, default=0),
        needed=len(select(measured.good)),
        features=len(union(measured.good)),
        edges=measured.edges,
        verdicts=dict(Counter(entry.verdict for entry in measured.good).most_common()),
        findings=tuple(found.values()),
        misnamed=tuple(name for name in names if name not in hashes),
        too_long=sum(length > longest for length in lengths),
    )
