"""Brings corpora together and thins them out, without ever losing what they show.

Kept is what is needed for every branch (with its count in buckets), every verdict, and, if that is asked for, every
mutant of the parser that some input tells from it; beside an implementation under test, also every pair of verdicts and
its edges. A corpus that such an implementation has led is not thinned out without it. Before anything is removed the kept inputs run once more in another
process; what they do not show there again brings the inputs back that did.

An input that does something wrong is never lost: it is put aside as a finding (see `aside`), and one that is in a corpus
stays there all the same, since it may be the machine that was slow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.corpus.aside import put_aside
from ipc_gauntlet.fuzz.corpus.measure import Entry, Measured, has_beside, measure, union
from ipc_gauntlet.fuzz.corpus.select import select
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.triage.targets import Targets

_ROUNDS = 3

Pin = Callable[[list[bytes]], list[bytes]]
"""From inputs to those, or smaller ones, that tell as many mutants of the parser from it."""


@dataclass(frozen=True, slots=True)
class Cared:
    """What became of a target's corpus.

    Attributes:
        target: Its name.
        before: Inputs before.
        offered: Inputs that were not in it before.
        after: Inputs now.
        added: Inputs that are new in it.
        features: What they show.
        gained: What of that was not shown before.
        findings: What inputs did wrong, one for each signature.
        untouched: Why nothing was done, empty if it was.
        misbehaving: How many inputs did something wrong.
        aside: Folder of the campaign in which they are kept; None if there are none.
    """

    target: str
    before: int
    offered: int
    after: int
    added: int
    features: int
    gained: int
    findings: tuple[Finding, ...]
    untouched: str = ""
    misbehaving: int = 0
    aside: Path | None = None


def merge(
    target: str, targets: Targets, store: Store, offered: Iterable[bytes], pin: Pin | None = None
) -> Cared:
    """Take into a corpus what it lacks of other inputs, and put aside what misbehaves. Nothing that is in it goes.

    Args:
        target: Name of the target.
        targets: Where it is found.
        store: Where the corpus is.
        offered: Inputs from elsewhere.
        pin: If mutants of the parser count: what chooses by them.

    Raises:
        GauntletError: Nothing could be measured, or inputs cannot be executed or written.
    """
    own = list(store.inputs(target))
    held = set(own)
    measured = _measured(target, targets, [*own, *offered])
    bad = _bad(measured)
    aside = put_aside(target, targets, store, bad)
    mine = [entry for entry in measured.entries if entry.data in held]
    new = [entry for entry in measured.good if entry.data not in held]
    known = union(entry for entry in mine if entry.finding is None)
    chosen = [entry.data for entry in select(new, known)]
    if pin is not None and new:
        chosen += [data for data in pin([*own, *(entry.data for entry in new)]) if data not in held]
    if chosen and has_beside(target, targets):
        store.mark_paired(target)
    added = sum(store.add(target, data) for data in dict.fromkeys(chosen))
    shown = known | union(new)
    return Cared(
        target=target,
        before=len(own),
        offered=len(measured.entries) - len(mine),
        after=len(store.paths(target)),
        added=added,
        features=len(shown),
        gained=len(shown - known),
        findings=_each(bad),
        misbehaving=len(bad),
        aside=aside,
    )


def prune(
    target: str, targets: Targets, store: Store, pin: Pin | None = None, *, pairs: bool = True
) -> Cared:
    """Remove from a corpus what it does not need. What misbehaves stays, and is put aside as a finding too.

    Args:
        target: Name of the target.
        targets: Where it is found.
        store: Where the corpus is.
        pin: If mutants of the parser count: what chooses by them.
        pairs: Whether to leave a corpus alone that an implementation has led which is not here now: only with it can
            be told what shows a pair of verdicts that nothing else shows.

    Raises:
        GauntletError: Nothing could be measured, the kept inputs show less than all did, or something cannot be
            executed or written. Then nothing was removed.
    """
    known = {path.name for path in store.paths(target)}
    own = list(store.inputs(target))
    if pairs and own and store.is_paired(target) and not has_beside(target, targets):
        why = "the engine driver kept inputs for what an implementation made of them, which only it can show"
        return Cared(target, len(own), 0, len(own), 0, 0, 0, (), why)
    measured = _measured(target, targets, own)
    bad = _bad(measured)
    aside = put_aside(target, targets, store, bad)
    kept = _confirmed(target, targets, measured)
    if pin is not None and own:
        kept = list(dict.fromkeys([*kept, *pin([entry.data for entry in measured.good])]))
    if measured.good:
        added, _ = store.replace(target, [*kept, *(finding.data for finding in bad)], known)
    else:
        added = 0
    return Cared(
        target=target,
        before=len(own),
        offered=0,
        after=len(store.paths(target)),
        added=added,
        features=len(union(measured.good)),
        gained=0,
        findings=_each(bad),
        misbehaving=len(bad),
        aside=aside,
    )


def _measured(target: str, targets: Targets, inputs: list[bytes]) -> Measured:
    measured = measure(target, targets, inputs)
    if measured.entries and not measured.edges:
        names = ", ".join(targets.get(target).measured)
        raise GauntletError(
            f"no branch of {names} is measured, so that nobody could tell which inputs of {target} are needed"
        )
    return measured


def _confirmed(target: str, targets: Targets, measured: Measured) -> list[bytes]:
    """A selection that shows everything once more, when it is executed alone."""
    wanted = union(measured.good)
    chosen = {entry.data: entry for entry in select(measured.good)}
    missing = wanted
    for _ in range(_ROUNDS):
        missing = wanted - measure(target, targets, chosen).features
        if not missing:
            return list(chosen)
        lost: list[Entry] = [entry for entry in measured.good if entry.features & missing]
        # What even all of its inputs together do not show again was chance.
        missing &= measure(target, targets, [entry.data for entry in lost]).features
        if not missing:
            return list(chosen)
        chosen |= {entry.data: entry for entry in lost if entry.features & missing}
    raise GauntletError(
        f"refusing to prune the corpus of {target}: what would stay shows {len(missing)} features less than now"
    )


def _bad(measured: Measured) -> list[Finding]:
    """What inputs did wrong, the smallest first."""
    ordered = sorted(measured.entries, key=lambda one: one.key)
    return [entry.finding for entry in ordered if entry.finding is not None]


def _each(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The first of each signature."""
    by_signature: dict[str, Finding] = {}
    for finding in findings:
        by_signature.setdefault(finding.signature, finding)
    return tuple(by_signature.values())
