"""Checks of the table of cases before any case is run: a wrong table makes every verdict doubtful."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

from ipc_gauntlet.declaration import REASONS, STAGES, CaseSpec
from ipc_gauntlet.driver.vocabulary import Feature
from ipc_gauntlet.engine.cases import FoundCase
from ipc_gauntlet.requirements import Catalogue

FEATURES: frozenset[str] = frozenset(get_args(Feature))
KINDS = frozenset(("x509", "psk", "raw-key"))
TRANSPORTS = frozenset(("unix", "tcp", "pipe"))
NOTIFICATIONS = frozenset(("established", "delivered", "executed", "rejected", "closed"))
ROLES = frozenset(("client", "server"))


def lint(cases: Sequence[FoundCase], catalogue: Catalogue) -> list[str]:
    """Find everything that is wrong with a table of cases.

    Args:
        cases: All variants that were collected.
        catalogue: What requirements there are.

    Returns:
        One sentence for each problem, each function's problems once; empty when the table is good.
    """
    problems = [
        f"{case_id}: {count} cases have this id"
        for case_id, count in Counter(case.id for case in cases).items()
        if count > 1
    ]
    functions = {case.function: case for case in cases}
    for name, case in sorted(functions.items()):
        problems += [f"{name}: {problem}" for problem in _function_problems(case, catalogue)]
    return problems


def _function_problems(case: FoundCase, catalogue: Catalogue) -> Iterator[str]:
    spec = case.spec
    if not case.description.strip():
        yield "has no docstring"
    if spec.requirement not in catalogue:
        yield f"names the requirement {spec.requirement}, which is not in the catalogue"
    elif catalogue[spec.requirement].suite != case.suite:
        yield f"is in the folder {case.suite}, but {spec.requirement} belongs to {catalogue[spec.requirement].suite}"
    yield from _vocabulary_problems(spec)
    if spec.reasons and not spec.control:
        yield "expects a refusal, so it must have a positive control"


def _vocabulary_problems(spec: CaseSpec) -> Iterator[str]:
    yield from _unknown("feature", spec.needs, FEATURES)
    yield from _unknown("notification", spec.observes, NOTIFICATIONS)
    yield from _unknown("credential kind", spec.credentials or (), KINDS)
    yield from _unknown("transport", spec.transports, TRANSPORTS)
    yield from _unknown("role", spec.roles, ROLES)
    yield from _unknown("role", [spec.role] if spec.role else [], ROLES | {"both"})
    yield from _unknown("reason class", spec.reasons, REASONS)
    yield from _unknown("stage", [spec.stage] if spec.stage else [], frozenset(STAGES))


def _unknown(what: str, names: Iterable[str], known: frozenset[str]) -> Iterator[str]:
    for name in names:
        if name not in known:
            yield f"unknown {what} {name!r}"
