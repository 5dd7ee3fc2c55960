"""Parts make the whole, and what is missing shows."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.events import CaseResult
from ipc_gauntlet.report.merge import merge
from ipc_gauntlet.report.model import Report
from ipc_gauntlet.verdict import ExitStatus, Verdict

Make = Callable[..., CaseResult]
Build = Callable[..., Report]
A, B, C = ("replay/records/a/unix-x509", "replay/records/b/unix-x509", "ordering/lanes/c/unix-x509")


def part(build: Build, number: int, count: int, *results: CaseResult, **facts: object) -> Report:
    """The report of one part."""
    selection = {**facts.pop("selection", {}), "shard": (f"{number}/{count}",)}  # type: ignore[dict-item]
    report = build(*results, exit_status=0)
    return msgspec.structs.replace(report, selection=selection, run=f"r{number}", **facts)


def test_parts_make_the_whole(make_result: Make, make_report: Build) -> None:
    one = part(make_report, 1, 2, make_result(C, requirement="ORD-01"), make_result(A), duration_s=2.0)
    two = part(make_report, 2, 2, make_result(B, Verdict.fail), started=1_700_000_001.0, duration_s=3.0)
    whole = merge([two, one])
    assert [result.id for result in whole.cases] == [A, B, C]
    assert (whole.summary.pass_, whole.summary.fail) == (2, 1)
    assert [(item.id, item.verdict) for item in whole.requirements] == [
        ("REPL-01", "fail"),
        ("ORD-01", "pass"),
    ]
    assert whole.selection == {}
    assert (whole.duration_s, whole.cpu_s) == (4.0, 1.0)
    assert whole.exit_status == ExitStatus.failed
    assert whole.warnings == ("careful",)


def test_parts_that_were_cut_differently_are_no_run(make_result: Make, make_report: Build) -> None:
    """They may leave a case to nobody, which nothing else would show."""
    one = part(make_report, 1, 2, make_result(A), selection={"durations": ("aa",)})
    two = part(make_report, 2, 2, make_result(B), selection={"durations": ("aa",)})
    assert merge([one, two]).selection == {}
    for other in ({"durations": ("bb",)}, {}):
        with pytest.raises(UsageError, match=r"the file of --durations differs .*part 1/2.*part 2/2"):
            merge([one, part(make_report, 2, 2, make_result(B), selection=other)])


def test_a_missing_part_is_an_error(make_result: Make, make_report: Build) -> None:
    whole = merge([part(make_report, n, 3, make_result(name)) for n, name in ((1, A), (3, B))])
    assert whole.error == "part 2/3 is missing"
    assert whole.exit_status == ExitStatus.harness


def test_an_interrupted_part_interrupts_the_whole(make_result: Make, make_report: Build) -> None:
    one = part(make_report, 1, 2, make_result(A), interrupted=True, not_run=(B,))
    whole = merge([one, part(make_report, 2, 2)])
    assert (whole.exit_status, whole.interrupted, whole.not_run) == (ExitStatus.interrupted, True, (B,))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"seed": 6}, "seed"),
        ({"requirements_set": "x"}, "requirement set"),
        ({"selection": {"suite": ("replay",)}}, "selection"),
    ],
)
def test_parts_of_different_runs(
    make_result: Make, make_report: Build, changes: dict[str, object], word: str
) -> None:
    with pytest.raises(UsageError, match=f"not parts of one run: {word} differs"):
        merge([part(make_report, 1, 2, make_result(A)), part(make_report, 2, 2, make_result(B), **changes)])


def test_splits_of_different_numbers(make_result: Make, make_report: Build) -> None:
    with pytest.raises(UsageError, match="split into 2 and 3"):
        merge([part(make_report, 1, 2, make_result(A)), part(make_report, 2, 3, make_result(B))])


def test_a_case_in_two_reports(make_result: Make, make_report: Build) -> None:
    with pytest.raises(UsageError, match=f"{A} is in two reports"):
        merge([part(make_report, 1, 2, make_result(A)), part(make_report, 2, 2, make_result(A))])


def test_nothing_to_merge() -> None:
    with pytest.raises(UsageError, match="no report"):
        merge([])


@pytest.mark.parametrize("where", [(1, 1), (1, 2)])
@pytest.mark.parametrize("scope", [{}, {"transport": ("unix",)}])
def test_a_requirement_that_no_part_could_test_fails(
    make_result: Make, make_report: Build, where: tuple[int, int], scope: dict[str, tuple[str, ...]]
) -> None:
    ends = [
        make_result(A, Verdict.not_applicable, reason="untestable", message="no verb"),
        make_result(B, Verdict.not_applicable, reason="not-applicable", message="other profile"),
    ]
    parts: dict[int, list[CaseResult]] = {1: [], 2: []}
    for number, end in zip(where, ends, strict=True):
        parts[number].append(end)
    whole = merge([part(make_report, n, 2, *parts[n], selection=scope) for n in (1, 2)])
    (failed,) = [result for result in whole.cases if result.verdict is Verdict.fail]
    assert (failed.id, failed.reason, failed.seen) == (
        "replay/untestable/REPL-01/all",
        "untestable",
        "no verb",
    )
    assert whole.exit_status == ExitStatus.failed


@pytest.mark.parametrize("why", ["narrowed", "missing", "tested"])
def test_what_cannot_be_known_is_not_said(make_result: Make, make_report: Build, why: str) -> None:
    blank = make_result(A, Verdict.not_applicable, reason="untestable", message="no verb")
    other = [make_result(B)] if why == "tested" else []
    scope = {"case": ("replay/records/a",)} if why == "narrowed" else {}
    parts = [
        part(make_report, 1, 2, blank, selection=scope),
        part(make_report, 2, 2, *other, selection=scope),
    ]
    whole = merge(parts[:1] if why == "missing" else parts)
    assert not any(result.verdict is Verdict.fail for result in whole.cases)
