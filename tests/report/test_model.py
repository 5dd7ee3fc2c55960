"""The JSON report: counts, order, schema, and that it can be made again from stored events."""

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet import events
from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.events import CaseResult
from ipc_gauntlet.report.files import json_bytes, read_report
from ipc_gauntlet.report.model import Report, ReportBuilder, from_events, summarize
from ipc_gauntlet.report.schema import json_schema
from ipc_gauntlet.verdict import Verdict

Maker = Callable[..., CaseResult]
Reporter = Callable[..., Report]


def test_the_published_schema_is_up_to_date(checkout: Path) -> None:
    """`docs/report.schema.json` is what the types say."""
    published = json.loads((checkout / "docs" / "report.schema.json").read_text(encoding="utf-8"))
    assert published == json_schema()


def test_a_report_keeps_to_the_schema(make_result: Maker, make_report: Reporter) -> None:
    """Every verdict, and a run that broke, give valid reports; a wrong verdict does not."""
    jsonschema.Draft202012Validator.check_schema(json_schema())
    report = make_report(
        *(make_result(f"replay/a/b/{verdict}", verdict) for verdict in Verdict), error="broke", not_run=("x",)
    )
    document = json.loads(json_bytes(report))
    jsonschema.validate(document, json_schema())
    document["cases"][0]["verdict"] = "skipped"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, json_schema())


def test_names_in_the_document(make_result: Maker, make_report: Reporter) -> None:
    """The members that other programs rely on are called as documented."""
    document = json.loads(json_bytes(make_report(make_result(verdict=Verdict.fail, stage="established"))))
    assert document["schema"] == "urn:ipc-gauntlet:report:1"
    assert document["summary"] == {"pass": 0, "fail": 1, "inconclusive": 0, "not_applicable": 0, "error": 0}
    (case,) = document["cases"]
    names = {
        "id",
        "suite",
        "requirement",
        "level",
        "verdict",
        "stage",
        "reason",
        "transport",
        "role",
        "duration_s",
        "replay",
    }
    assert names <= set(case)
    assert document["suites"] == [{"name": "replay", "summary": document["summary"]}]


@given(st.lists(st.sampled_from(Verdict)))
def test_no_case_is_lost_in_counting(verdicts: list[Verdict]) -> None:
    """The five counts add up to the number of results."""
    results = [
        CaseResult(
            id=f"a/b/c/{number}",
            suite="a",
            requirement="R",
            level="MUST",
            profile="local",
            title="",
            verdict=verdict,
        )
        for number, verdict in enumerate(verdicts)
    ]
    summary = summarize(results)
    assert summary.total == len(verdicts)
    assert summary.fail == verdicts.count(Verdict.fail)


def test_order_does_not_depend_on_who_finished_first(make_result: Maker, make_report: Reporter) -> None:
    """Cases are sorted by suite as in the catalogue, then by requirement and name."""
    names = ["ordering/a/b/x", "replay/a/b/y", "replay/a/b/x"]
    one = make_report(*(make_result(name) for name in names))
    two = make_report(*(make_result(name) for name in reversed(names)))
    assert [case.id for case in one.cases] == ["replay/a/b/x", "replay/a/b/y", "ordering/a/b/x"]
    assert one == two


def test_a_requirement_is_as_good_as_its_worst_case(make_result: Maker, make_report: Reporter) -> None:
    """The verdict of a requirement is the heaviest one among its cases."""
    report = make_report(make_result("replay/a/b/x"), make_result("replay/a/b/y", Verdict.inconclusive))
    (item,) = report.requirements
    assert item.verdict is Verdict.inconclusive
    assert (item.summary.pass_, item.summary.inconclusive) == (1, 1)


def test_stored_events_give_the_same_report(make_result: Maker) -> None:
    """Events survive being written and read; the report made from them is the same."""
    start = events.RunStarted(
        at=1.0, run="r", version="0", platform="p", implementation=events.Implementation(name="x"), seed=1
    )
    stream: list[events.AnyEvent] = [
        start,
        events.CaseStarted(at=2.0, run="r", case="replay/a/b/c"),
        events.CaseFinished(at=3.0, run="r", result=make_result(faults=({"type": "flip"},))),
        events.Warned(at=3.5, run="r", message="m"),
        events.RunFinished(at=4.0, run="r", duration_s=3.0),
    ]
    again = [events.decode(events.encode(event)) for event in stream]
    assert again == stream
    assert from_events(again) == from_events(stream)


def test_events_are_frozen(make_result: Maker) -> None:
    """No consumer can change what the next one sees."""
    with pytest.raises(AttributeError):
        make_result().verdict = Verdict.pass_  # type: ignore[misc]


def test_a_run_without_end_has_no_report() -> None:
    """A stream that breaks off is not taken for a run."""
    with pytest.raises(ValueError, match="not over"):
        ReportBuilder().report()


def test_reports_are_read_back(make_result: Maker, make_report: Reporter, tmp_path: Path) -> None:
    """A written report is read as the same value; what is no report is refused."""
    report = make_report(make_result(verdict=Verdict.fail))
    path = tmp_path / "r.json"
    path.write_bytes(json_bytes(report))
    assert read_report(path) == report
    for content in (b"", b"[]", b"{}", b"\xff", msgspec.json.encode({"schema": 1})):
        path.write_bytes(content)
        with pytest.raises(UsageError):
            read_report(path)
