"""Makers of results and cases; the toy suites are data for the engine, not tests of this project."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ipc_gauntlet.declaration import CaseSpec
from ipc_gauntlet.engine.cases import FoundCase
from ipc_gauntlet.engine.places import Place
from ipc_gauntlet.events import CaseResult, Implementation
from ipc_gauntlet.verdict import Verdict

collect_ignore = ["toy", "toy_kills"]


@pytest.fixture
def make_case() -> Callable[..., FoundCase]:
    """Make a case as if it had been collected."""

    def make(
        case_id: str = "replay/records/good/unix-x509", requirement: str = "REPL-01", **spec: object
    ) -> FoundCase:
        function = case_id.rpartition("/")[0]
        transport, _, credential = case_id.rpartition("/")[2].partition("-")
        description = str(spec.pop("description", "Does something."))
        gate = spec.pop("gate", None)
        return FoundCase(
            id=case_id,
            function=function,
            nodeid=f"suites/{case_id}",
            module=f"/suites/{function}.py",
            spec=CaseSpec(requirement=requirement, **spec),  # type: ignore[arg-type]
            place=Place(transport, credential or "x509"),
            description=description,
            gate=gate,  # type: ignore[arg-type]
        )

    return make


@pytest.fixture
def make_result() -> Callable[..., CaseResult]:
    """Make a result."""

    def make(
        case_id: str = "replay/records/good/unix-x509", verdict: Verdict = Verdict.pass_, **facts: object
    ) -> CaseResult:
        members = {
            "suite": case_id.partition("/")[0],
            "requirement": "REPL-01",
            "level": "MUST",
            "profile": "channel",
        }
        return CaseResult(id=case_id, verdict=verdict, title="A case", **(members | facts))  # type: ignore[arg-type]

    return make


@pytest.fixture
def channel() -> Implementation:
    """An implementation of the profile channel with certificates."""
    return Implementation(
        name="toy",
        profile="channel",
        claimed="channel",
        roles=("client", "server"),
        transports=("unix", "tcp"),
        credentials=("x509",),
        features=("push",),
        observes=("established", "delivered"),
    )
