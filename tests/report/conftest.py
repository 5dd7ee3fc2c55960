"""Results and reports to render."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ipc_gauntlet.events import (
    CaseFinished,
    CaseResult,
    Implementation,
    Required,
    RunFinished,
    RunStarted,
    Warned,
)
from ipc_gauntlet.report.model import Report, from_events
from ipc_gauntlet.verdict import Verdict

Maker = Callable[..., CaseResult]


@pytest.fixture
def make_result() -> Maker:
    """Make a result."""

    def make(
        case_id: str = "replay/records/good/unix-x509", verdict: Verdict = Verdict.pass_, **facts: object
    ) -> CaseResult:
        members: dict[str, object] = {
            "suite": case_id.partition("/")[0],
            "requirement": "REPL-01",
            "level": "MUST",
            "profile": "channel",
            "title": "A case",
            "required": Required("No record twice.", "CWE-294"),
            "duration_s": 0.25,
        }
        return CaseResult(id=case_id, verdict=verdict, **(members | facts))  # type: ignore[arg-type]

    return make


@pytest.fixture
def make_report() -> Callable[..., Report]:
    """Make the report of a run with these results."""

    def make(*results: CaseResult, **end: object) -> Report:
        start = RunStarted(
            at=1_700_000_000.0,
            run="r1",
            version="0.1",
            platform="Linux",
            implementation=Implementation(name="toy", version="1", profile="channel"),
            seed=5,
            suites={"replay": 2, "ordering": 1},
        )
        events = [start, *(CaseFinished(at=1.0, run="r1", result=result) for result in results)]
        facts: dict[str, object] = {"duration_s": 1.5, "cpu_s": 0.5, "exit_status": 1} | end
        ended = RunFinished(at=2.0, run="r1", **facts)  # type: ignore[arg-type]
        return from_events([*events, Warned(at=1.5, run="r1", message="careful"), ended])

    return make
