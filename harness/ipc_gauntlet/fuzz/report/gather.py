"""From a campaign's folder to its report."""

from __future__ import annotations

import ast
import datetime
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

import msgspec

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.campaign.records import CLOSED, FindingState, TargetPlan, TargetState
from ipc_gauntlet.fuzz.campaign.state import State
from ipc_gauntlet.fuzz.coverage.edges import Edges, Numbering
from ipc_gauntlet.fuzz.coverage.rewrite import count_edges
from ipc_gauntlet.fuzz.findings import Finding, from_json
from ipc_gauntlet.fuzz.modules import modules_of
from ipc_gauntlet.fuzz.registry import Source, load
from ipc_gauntlet.fuzz.report.model import CampaignReport, FindingReport, Piece, SourceFile, TargetReport
from ipc_gauntlet.fuzz.report.source import source_files, text_of
from ipc_gauntlet.fuzz.target import Target

_VALUE = 200


def gather(folder: Path, now: datetime.datetime) -> CampaignReport:
    """Read everything about a campaign; one that still runs can be read too.

    Args:
        folder: The campaign's.
        now: When the report is made.

    Raises:
        UsageError: There is no such campaign.
        GauntletError: It cannot be read.
    """
    with State.open(folder) as state:
        plan = state.plan()
        targets = _targets(plan.targets)
        return CampaignReport(
            name=plan.name,
            version=version("ipc-gauntlet"),
            made_at=now.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            seconds=state.elapsed(),
            engines=plan.engines,
            seed=plan.seed,
            targets=tuple(
                _target(state, known, plan.targets[known.target], targets.get(known.target))
                for known in state.targets()
            ),
            findings=tuple(
                _finding(folder, found, targets.get(found.target))
                for found in sorted(state.findings(), key=lambda one: (-one.count, one.signature))
                if found.status not in CLOSED
            ),
        )


def _targets(plans: Mapping[str, TargetPlan]) -> dict[str, Target]:
    """The targets that can still be imported here: a report may be made on another machine than the campaign's."""
    found: dict[str, Target] = {}
    for module in dict.fromkeys(plan.module for plan in plans.values()):
        try:
            found |= {target.name: target for target in load(Source(module, "plan"))}
        except UsageError:
            continue
    return found


def _target(state: State, known: TargetState, plan: TargetPlan, target: Target | None) -> TargetReport:
    return TargetReport(
        state=known,
        title=target.title if target is not None else "",
        layer=target.layer if target is not None else "",
        growth=tuple(state.growth(known.target)),
        files=tuple(_files(plan.measured, state.covered(known.target))),
    )


def _files(measured: Iterable[str], covered: set[str]) -> list[SourceFile]:
    texts: dict[str, str] = {}
    edges = Edges()
    for module in dict.fromkeys(name for prefix in measured for name in modules_of(prefix)):
        text = text_of(module)
        if text is None:
            continue
        texts[module] = text
        count_edges(ast.parse(text), Numbering(edges, module, module))
    return source_files((edges[number].name for number in range(len(edges))), covered, texts)


def _finding(folder: Path, found: FindingState, target: Target | None) -> FindingReport:
    finding, path = _smallest(folder / "findings" / found.signature, found.smallest)
    pieces: tuple[Piece, ...] = ()
    if finding is not None and target is not None and target.structure is not None:
        pieces = tuple(
            Piece(part.offset, part.length, part.path, part.value[:_VALUE], part.depth)
            for part in target.structure.explain(finding.data)
        )
    if finding is not None and not found.size:
        found = msgspec.structs.replace(found, size=len(finding.data))
    return FindingReport(
        state=found,
        error=finding.error if finding is not None else "",
        frames=finding.frames if finding is not None else (),
        input_b64=finding.input_b64 if finding is not None else "",
        pieces=pieces,
        details=finding.details if finding is not None else {},
        file=path.relative_to(folder).as_posix() if path is not None else "",
        replay=f"ipc-gauntlet fuzz replay {found.signature}",
    )


def _smallest(folder: Path, name: str) -> tuple[Finding | None, Path | None]:
    """The finding with the smallest input: the one that triage named, else the shortest file that can be read."""
    named = folder / f"{name}.json"
    others = sorted(folder.glob("*.json"), key=lambda path: (path.stat().st_size, path.name))
    for path in [named, *others] if name else others:
        try:
            return from_json(path.read_bytes()), path
        except (OSError, msgspec.DecodeError):
            continue
    return None, None
