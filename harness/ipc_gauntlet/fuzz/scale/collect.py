"""Puts the results of parts together into one campaign.

Results come from other machines, so nothing of them is believed: an input is run here before it joins the corpus, a
finding has to be what its name says, numbers are cut to what is possible. What would be executed, which is modules of
targets and the command of a driver, is taken from whoever collects, never from them. Collecting a result twice changes
nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.campaign import orders, status
from ipc_gauntlet.fuzz.campaign.entry import write_down
from ipc_gauntlet.fuzz.campaign.guards import CAUGHT
from ipc_gauntlet.fuzz.campaign.harvest import MOST_INPUTS, harvest
from ipc_gauntlet.fuzz.campaign.ledger import SliceEnd
from ipc_gauntlet.fuzz.campaign.lock import Lock
from ipc_gauntlet.fuzz.campaign.orders import Wishes
from ipc_gauntlet.fuzz.campaign.records import Plan, TargetState
from ipc_gauntlet.fuzz.campaign.rest import at_rest
from ipc_gauntlet.fuzz.campaign.state import DATABASE, PLAN, State, read_plan
from ipc_gauntlet.fuzz.child.handle import Child
from ipc_gauntlet.fuzz.child.messages import Orders
from ipc_gauntlet.fuzz.corpus.store import Store, is_name
from ipc_gauntlet.fuzz.engines.base import NAMES
from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.scale import worked
from ipc_gauntlet.fuzz.spec import Progress, Spec
from ipc_gauntlet.fuzz.work import digest

_HUGE = 1 << 50
_ELSEWHERE = "(on the machines of the parts)"


@dataclass(frozen=True, kw_only=True)
class Ours:
    """What only the collecting side says, since it is executed here.

    Attributes:
        modules: Modules or files of targets beside the installed ones; none means those of the campaign that is there.
        driver: Command line of an implementation under test; None means that of the campaign that is there.
    """

    modules: tuple[str, ...] = ()
    driver: str | None = None


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What came of collecting.

    Attributes:
        folder: Of the campaign.
        parts: Results that were taken over.
        missing: Parts that are not there, or that could not do their work, one sentence for each.
        new: Signatures that are new to the campaign.
        added: Inputs that joined the corpus.
        misbehaved: Inputs that did not, since they are findings: those are kept with the campaign's.
        refused: Inputs that did not: too long, or not what their name says.
    """

    folder: Path
    parts: tuple[worked.Worked, ...]
    missing: tuple[str, ...]
    new: tuple[str, ...]
    added: int
    misbehaved: int
    refused: int


def find(folders: Sequence[Path]) -> list[Path]:
    """Folders of results, at any depth below those given; links are not followed.

    Raises:
        UsageError: There is none.
    """
    found = sorted({path.parent for folder in folders for path in folder.rglob(worked.FILE)})
    if not found:
        raise UsageError(f"no result of a part ({worked.FILE}) below {', '.join(map(str, folders))}")
    return found


def collect(
    folders: Sequence[Path],
    store: Store,
    name: str | None,
    said: Callable[[str], None],
    ours: Ours | None = None,
) -> Collected:
    """Take results over.

    Args:
        folders: Where they are.
        store: Where the campaign is kept.
        name: Of the campaign; by default that of the parts.
        said: Is told one line about each part.
        ours: What is executed here.

    Raises:
        UsageError: They are not parts of one campaign, none of them can be read, or a target is not known here.
        GauntletError: Something cannot be written.
    """
    _check_place(folders)
    results, ill = _read(find(folders))
    first = results[0][1].part
    campaign = store.campaigns / orders.name_of(Wishes(name=name if name is not None else first.campaign))
    plan = _plan(first.wishes, campaign, ours if ours is not None else Ours())
    new: list[str] = []
    added = misbehaved = refused = 0
    with Lock(campaign), State.open(campaign, writable=True) as state:
        state.adopt(plan)
        for folder, result in results:
            part = _Collection(Store(folder), result, store, state)
            part.take()
            new += part.new
            ill += part.ill
            added, refused = added + part.added, refused + part.refused
            misbehaved += part.misbehaved
            said(
                f"part {result.part.number}/{result.part.count} ({result.system}): {part.added} inputs, "
                f"{len(part.new)} new findings"
            )
        status.write(campaign, at_rest(state))
    return Collected(
        folder=campaign,
        parts=tuple(result for _, result in results),
        missing=(*_missing([result for _, result in results], first.count), *ill),
        new=tuple(dict.fromkeys(new)),
        added=added,
        misbehaved=misbehaved,
        refused=refused,
    )


def _read(folders: Sequence[Path]) -> tuple[list[tuple[Path, worked.Worked]], list[str]]:
    """The results that can be read, all of one campaign, and what is wrong with the others."""
    results: list[tuple[Path, worked.Worked]] = []
    ill: list[str] = []
    for folder in folders:
        try:
            results.append((folder, worked.read(folder)))
        except UsageError as error:
            ill.append(str(error))
    if not results:
        raise UsageError("; ".join(ill))
    first = results[0][1].part
    for folder, result in results:
        if (result.part.campaign, result.part.count) != (first.campaign, first.count):
            raise UsageError(
                f"{folder} is a part of another campaign than {results[0][0]}; nothing was taken over, collect them apart"
            )
    return results, ill


def _check_place(folders: Sequence[Path]) -> None:
    """Make sure that no import finds what came with the results: the current folder is a place to look for modules.

    Raises:
        UsageError: It lies among them.
    """
    here = Path.cwd().resolve()
    for folder in folders:
        if here.is_relative_to(folder.resolve()):
            raise UsageError(
                f"the current folder lies among the results in {folder}, where no module may come from; "
                "collect from another folder"
            )


def _plan(theirs: Wishes, campaign: Path, ours: Ours) -> Plan:
    """The campaign's plan: as the parts have it, but for what is executed.

    Raises:
        UsageError: Their targets are not known here, or they name an engine that is none of ours.
        GauntletError: The plan that is there cannot be read.
    """
    there = (campaign / PLAN).is_file() and (campaign / DATABASE).is_file()
    before = read_plan(campaign) if there else None
    modules = ours.modules or (before.modules if before is not None else ())
    usual = before.driver if before is not None else ""
    driver = usual if ours.driver is None else ours.driver
    if foreign := [engine for engine in theirs.engines if engine not in NAMES]:
        raise UsageError(f"the parts name an engine that would be imported here: {', '.join(foreign)}")
    wishes = msgspec.structs.replace(
        theirs,
        name=campaign.name,
        seed=None,
        weights={},
        modules=modules,
        # Nothing is run with it; without one there could be no plan with the engine driver.
        driver=_ELSEWHERE if "driver" in theirs.engines or theirs.driver else None,
    )
    try:
        plan = orders.make(wishes, None, jobs=1)
    except UsageError as error:
        raise UsageError(f"{error}{_hint(theirs, modules)}") from error
    return msgspec.structs.replace(plan, driver=driver)


def _hint(theirs: Wishes, modules: Sequence[str]) -> str:
    if not theirs.modules or modules:
        return ""
    named = ", ".join(ascii(module)[1:-1] for module in theirs.modules)
    return f"; the parts take targets from {named}, which is not imported unless you name it with --targets"


def _missing(results: Sequence[worked.Worked], count: int) -> list[str]:
    there = {result.part.number for result in results}
    gone = [f"part {number}/{count} is missing" for number in range(1, count + 1) if number not in there]
    often = Counter(result.part.number for result in results)
    gone += [
        f"part {number}/{count} is there {many} times: what each found is taken over, the executions of one count"
        for number, many in sorted(often.items())
        if many > 1
    ]
    ill = [
        f"part {result.part.number}/{count} on {result.system} ended with status {result.exit_status}"
        + (f": {result.message}" if result.message else "")
        for result in results
        if result.exit_status not in (0, 1)
    ]
    return gone + ill


@dataclass(frozen=True)
class _Told:
    """What a part's database says of a target; nothing if it cannot be read."""

    state: TargetState | None = None
    covered: set[str] = field(default_factory=set)
    entered: set[str] = field(default_factory=set)
    counts: Mapping[str, int] = field(default_factory=dict)


class _Collection:
    """Takes one result over."""

    def __init__(self, theirs: Store, result: worked.Worked, store: Store, state: State) -> None:
        self._theirs = theirs
        self._result = result
        self._store = store
        self._state = state
        self._plan = state.plan()
        self.new: list[str] = []
        self.ill: list[str] = []
        self.added = 0
        self.misbehaved = 0
        self.refused = 0

    def take(self) -> None:
        """Take over what the part says about each target of the plan."""
        folder = self._theirs.campaigns / str(self._result.part.wishes.name)
        try:
            told, elapsed = self._told(folder)
        except GauntletError as error:
            if self._result.exit_status in (0, 1):
                part = self._result.part
                self.ill.append(f"what part {part.number}/{part.count} counted cannot be read: {error}")
            # What it kept and found lies beside its database, if it began.
            told, elapsed = {name: _Told() for name in self._plan.targets}, 0.0
        unknown = sorted(name for name in told if name not in self._plan.targets and is_name(name))
        if unknown:
            part = self._result.part
            self.ill.append(
                f"part {part.number}/{part.count} fuzzed what is no target here, and nothing of it was taken over: "
                f"{', '.join(unknown[:8])}; name the module with --targets"
            )
        counted = [self._merge(folder, name, one) for name, one in told.items() if name in self._plan.targets]
        if any(counted):
            self._state.pass_time(self._state.elapsed() + _cut(elapsed), 0.0)

    @staticmethod
    def _told(folder: Path) -> tuple[dict[str, _Told], float]:
        with State.open(folder) as state:
            counts = {one.signature: one.count for one in state.findings()}
            return {
                one.target: _Told(one, state.covered(one.target), state.entered(one.target), counts)
                for one in state.targets()
            }, state.elapsed()

    def _merge(self, folder: Path, target: str, told: _Told) -> bool:
        """Take over one target; answer whether its executions were counted."""
        name = f"{self._name}-{target}"
        before = self.added
        bad = self._inputs(target)
        plan = self._plan.targets[target]
        spec = Spec(target=target, module=plan.module, measured=plan.measured, folder=str(folder))
        found = [
            replace(seen, count=max(1, told.counts.get(seen.signature, 1)))
            for seen in harvest(folder, spec, self._store, self._state.folder).findings
        ]
        brought = {one.signature for one in found}
        found += [seen for seen in write_down(self._state.folder, bad) if seen.signature not in brought]
        fresh = {one.signature for one in found} - set(self._state.known())
        counts = told.state is not None and not self._state.is_merged(name)
        if not counts:
            if not fresh and self.added == before:
                return False
            # The part went on, was worked on twice, or lost its numbers: what is new of it counts all the same.
            inputs = sorted(path.name for path in self._store.paths(target))
            name = f"{name}-{digest(' '.join([*sorted(fresh), *inputs]).encode())[:16]}"
        end = SliceEnd(
            name=name,
            target=target,
            engine=f"part {self._result.part.number}",
            outcome="done" if counts else "salvaged",
            progress=_progress(told.state) if counts and told.state is not None else Progress(),
            at=self._state.elapsed(),
            covered=sorted(told.covered),
            functions=sorted(told.entered),
            findings=found,
            kept=self.added - before,
            corpus=len(self._store.paths(target)),
        )
        self.new += self._state.merge(end, given=0.0, passed=0.0)
        for engine, answer in (told.state.canaries if told.state is not None else {}).items():
            if answer == CAUGHT and engine in self._plan.engines:
                self._state.canary(
                    target, engine, CAUGHT, _cut(told.state.canary_seconds if told.state else 0)
                )
        return counts

    @property
    def _name(self) -> str:
        return f"part-{digest(msgspec.json.encode(self._result.part))[:16]}"

    def _inputs(self, target: str) -> list[Finding]:
        """Run what is new here: what does no harm joins the corpus, what does is returned."""
        plan = self._plan.targets[target]
        there = {path.name for path in self._store.paths(target)}
        fresh = [path for path in self._theirs.paths(target)[:MOST_INPUTS] if path.name not in there]
        orders = Orders(target=target, module=plan.module, measured=plan.measured)
        inputs = list(_readable(fresh, plan.longest))
        bad: list[Finding] = []
        with Child(orders) as child:
            for data, answer in zip(inputs, child.run(inputs), strict=True):
                if answer.finding is None:
                    self.added += self._store.add(target, data)
                else:
                    bad.append(answer.finding)
        self.misbehaved += len(bad)
        self.refused += len(fresh) - len(inputs)
        return bad


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
