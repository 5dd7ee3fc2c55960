"""Puts the results of parts together into one campaign.

Results come from other machines, so nothing of them is believed: an input is run here before it joins the corpus, a
finding has to be what its name says, numbers are cut to what is possible. Collecting a result twice changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.campaign import orders, status
from ipc_gauntlet.fuzz.campaign.guards import CAUGHT
from ipc_gauntlet.fuzz.campaign.harvest import MOST_INPUTS, harvest
from ipc_gauntlet.fuzz.campaign.ledger import SliceEnd
from ipc_gauntlet.fuzz.campaign.lock import Lock
from ipc_gauntlet.fuzz.campaign.records import TargetState
from ipc_gauntlet.fuzz.campaign.rest import at_rest
from ipc_gauntlet.fuzz.campaign.state import State
from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.child.messages import Orders
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.scale import worked
from ipc_gauntlet.fuzz.spec import Progress, Spec
from ipc_gauntlet.fuzz.work import digest

_HUGE = 1 << 50


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What came of collecting.

    Attributes:
        folder: Of the campaign.
        parts: Results that were taken over.
        missing: Parts that are not there, or that could not do their work, one sentence for each.
        new: Signatures that are new to the campaign.
        added: Inputs that joined the corpus.
        refused: Inputs that did not: too long, or not what their name says, or findings of their own.
    """

    folder: Path
    parts: tuple[worked.Worked, ...]
    missing: tuple[str, ...]
    new: tuple[str, ...]
    added: int
    refused: int


def find(folders: Sequence[Path]) -> list[Path]:
    """Folders of results, at any depth below those given.

    Raises:
        UsageError: There is none.
    """
    found = sorted({path.parent for folder in folders for path in folder.rglob(worked.FILE)})
    if not found:
        raise UsageError(f"no result of a part ({worked.FILE}) below {', '.join(map(str, folders))}")
    return found


def collect(
    folders: Sequence[Path], store: Store, name: str | None, said: Callable[[str], None]
) -> Collected:
    """Take results over.

    Args:
        folders: Where they are.
        store: Where the campaign is kept.
        name: Of the campaign; by default that of the parts.
        said: Is told one line about each part.

    Raises:
        UsageError: They are not parts of one campaign.
        GauntletError: Something cannot be written.
    """
    results = [(folder, worked.read(folder)) for folder in find(folders)]
    first = results[0][1].part
    for folder, result in results:
        if (result.part.campaign, result.part.count) != (first.campaign, first.count):
            raise UsageError(f"{folder} is a part of another campaign than {results[0][0]}")
    campaign = store.campaigns / (name if name is not None else first.campaign)
    wishes = msgspec.structs.replace(first.wishes, name=campaign.name, seed=None, weights={})
    new: list[str] = []
    added = refused = 0
    with Lock(campaign), State.open(campaign, writable=True) as state:
        state.adopt(orders.make(wishes, None, jobs=1))
        for folder, result in results:
            part = _Collection(Store(folder), result, store, state)
            part.take()
            new += part.new
            added, refused = added + part.added, refused + part.refused
            said(
                f"part {result.part.number}/{result.part.count} ({result.system}): {part.added} inputs, "
                f"{len(part.new)} new findings"
            )
        status.write(campaign, at_rest(state))
    return Collected(
        folder=campaign,
        parts=tuple(result for _, result in results),
        missing=tuple(_missing([result for _, result in results], first.count)),
        new=tuple(dict.fromkeys(new)),
        added=added,
        refused=refused,
    )


def _missing(results: Sequence[worked.Worked], count: int) -> list[str]:
    there = {result.part.number for result in results}
    gone = [f"part {number}/{count} is missing" for number in range(1, count + 1) if number not in there]
    ill = [
        f"part {result.part.number}/{count} on {result.system} ended with status {result.exit_status}"
        + (f": {result.message}" if result.message else "")
        for result in results
        if result.exit_status not in (0, 1)
    ]
    return gone + ill


class _Collection:
    """Takes one result over."""

    def __init__(self, theirs: Store, result: worked.Worked, store: Store, state: State) -> None:
        self._theirs = theirs
        self._result = result
        self._store = store
        self._state = state
        self._plan = state.plan()
        self.new: list[str] = []
        self.added = 0
        self.refused = 0

    def take(self) -> None:
        """Take over what the part says about each target of the plan."""
        folder = self._theirs.campaigns / str(self._result.part.wishes.name)
        try:
            with State.open(folder) as told:
                targets, counts = told.targets(), {one.signature: one.count for one in told.findings()}
                known = {one.target: (told.covered(one.target), told.entered(one.target)) for one in targets}
                elapsed = told.elapsed()
        except GauntletError:
            return  # it never began; its status says why
        fresh = [
            self._merge(folder, one, known[one.target], counts)
            for one in targets
            if one.target in self._plan.targets
        ]
        if any(fresh):
            self._state.pass_time(self._state.elapsed() + _cut(elapsed), 0.0)

    def _merge(
        self, folder: Path, target: TargetState, known: tuple[set[str], set[str]], counts: Mapping[str, int]
    ) -> bool:
        name = f"{self._name}-{target.target}"
        if self._state.is_merged(name):
            return False
        before = self.added
        self._inputs(target.target)
        plan = self._plan.targets[target.target]
        spec = Spec(target=target.target, module=plan.module, measured=plan.measured, folder=str(folder))
        found = harvest(folder, spec, self._store, self._state.folder)
        end = SliceEnd(
            name=name,
            target=target.target,
            engine=f"part {self._result.part.number}",
            outcome="done",
            progress=_progress(target),
            at=self._state.elapsed(),
            covered=sorted(known[0]),
            functions=sorted(known[1]),
            findings=[replace(seen, count=max(1, counts.get(seen.signature, 1))) for seen in found.findings],
            kept=self.added - before,
            corpus=len(self._store.paths(target.target)),
        )
        self.new += self._state.merge(end, given=0.0, passed=0.0)
        for engine, answer in target.canaries.items():
            if answer == CAUGHT and engine in self._plan.engines:
                self._state.canary(target.target, engine, CAUGHT, _cut(target.canary_seconds))
        return True

    @property
    def _name(self) -> str:
        return f"part-{digest(msgspec.json.encode(self._result.part))[:16]}"

    def _inputs(self, target: str) -> None:
        """Run what is new here; what does no harm joins the corpus, what does is a finding of the next campaign."""
        plan = self._plan.targets[target]
        there = {path.name for path in self._store.paths(target)}
        fresh = [path for path in self._theirs.paths(target)[:MOST_INPUTS] if path.name not in there]
        orders = Orders(target=target, module=plan.module, measured=plan.measured)
        joined = 0
        with Child(orders) as child:
            inputs = list(_readable(fresh, plan.longest))
            for data, answer in zip(inputs, child.run(inputs), strict=True):
                if answer.finding is None:
                    joined += self._store.add(target, data)
        self.added += joined
        self.refused += len(fresh) - joined


def _readable(paths: Sequence[Path], longest: int) -> Iterator[bytes]:
    """Inputs that are what their names say."""
    for path in paths:
        try:
            data = path.read_bytes() if path.stat().st_size <= longest else b""
        except OSError:
            continue
        if digest(data) == path.name:
            yield data


def _cut(number: float) -> float:
    return min(max(number, 0.0), _HUGE) if math.isfinite(number) else 0.0


def _progress(target: TargetState) -> Progress:
    """The numbers of a target, those cut that cannot be."""
    total = min(max(target.edges_total, 0), _HUGE)
    return Progress(
        executions=min(max(target.executions, 0), _HUGE),
        seconds=_cut(target.seconds),
        cpu_seconds=_cut(target.cpu_seconds),
        edges=min(max(target.edges, 0), total),
        edges_total=total,
        features=min(max(target.features, 0), _HUGE),
        corpus=min(max(target.corpus, 0), _HUGE),
        last_new=_cut(target.seconds - target.last_new),
        verdicts={name: min(max(count, 0), _HUGE) for name, count in sorted(target.verdicts.items())},
    )
