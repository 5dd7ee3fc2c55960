"""JUnit as the usual readers see it."""

from collections.abc import Callable
from xml.etree import ElementTree as ET

import junitparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.events import CaseResult, Implementation
from ipc_gauntlet.report.junit import junit_xml
from ipc_gauntlet.report.model import SCHEMA, Report, Tool, summarize
from ipc_gauntlet.verdict import Verdict

Maker = Callable[..., CaseResult]
Reporter = Callable[..., Report]


def read(report: Report) -> junitparser.JUnitXml:
    """Read a rendered report with a library that others use."""
    return junitparser.JUnitXml.fromstring(junit_xml(report))


@pytest.mark.parametrize(
    ("verdict", "level", "kind"),
    [
        ("pass", "MUST", None),
        ("fail", "MUST", junitparser.Failure),
        ("fail", "SHOULD", junitparser.Failure),
        ("error", "MUST", junitparser.Error),
        ("error", "SHOULD", junitparser.Error),
        ("inconclusive", "MUST", junitparser.Failure),
        ("inconclusive", "SHOULD", junitparser.Skipped),
        ("not_applicable", "MUST", junitparser.Skipped),
    ],
)
def test_each_verdict(
    make_result: Maker, make_report: Reporter, verdict: str, level: str, kind: type | None
) -> None:
    """Each verdict has its element; an untested MUST is never green."""
    (suite,) = read(make_report(make_result(verdict=Verdict(verdict), level=level, message="why")))
    (case,) = suite
    assert [type(outcome) for outcome in case.result] == ([] if kind is None else [kind])
    assert all(outcome.message == "why" for outcome in case.result)


def test_names_and_counts(make_result: Maker, make_report: Reporter) -> None:
    """One suite for each suite, classes and names that make up the id, and numbers that add up."""
    report = make_report(
        make_result("replay/records/a/x", Verdict.fail),
        make_result("replay/records/b/x"),
        make_result("ordering/plain/c/x", Verdict.not_applicable),
    )
    document = read(report)
    assert [(suite.name, suite.tests, suite.failures, suite.skipped) for suite in document] == [
        ("replay", 2, 1, 0),
        ("ordering", 1, 0, 1),
    ]
    assert (document.tests, document.failures, document.errors, document.skipped) == (3, 1, 0, 1)
    case = next(iter(next(iter(document))))
    assert (case.classname, case.name, case.time) == ("replay.records", "a/x", 0.25)


def test_a_failure_carries_its_explanation(make_result: Maker, make_report: Reporter) -> None:
    """A reader of the CI page sees the same explanation as on the terminal."""
    result = make_result(
        verdict=Verdict.fail,
        seen="two",
        reason="twice",
        replay="ipc-gauntlet replay x",
        stderr={"server": "s"},
    )
    (suite,) = read(make_report(result))
    (case,) = suite
    (failure,) = case.result
    assert failure.type == "REPL-01 twice"
    assert "No record twice." in failure.text
    assert "ipc-gauntlet replay x" in failure.text
    assert "s" in str(case.system_err)


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ({"error": "no driver"}, "no driver"),
        ({"interrupted": True, "not_run": ("x",)}, "1 cases were not run"),
    ],
)
def test_a_run_that_broke_is_red(make_report: Reporter, end: dict[str, object], said: str) -> None:
    """A run without results does not look like a run without failures."""
    (suite,) = read(make_report(**end))
    assert (suite.name, suite.errors) == ("harness", 1)
    assert said in next(iter(suite)).result[0].message


@given(
    st.lists(st.text(alphabet=st.characters(exclude_categories=()), max_size=40), min_size=8, max_size=8),
    st.sampled_from(Verdict),
)
def test_any_text_gives_valid_xml(texts: list[str], verdict: Verdict) -> None:
    """Whatever drivers and peers produce, the document is well-formed and free of control characters."""
    result = CaseResult(
        id="a/b/c/d",
        suite="a",
        requirement="R",
        level="MUST",
        profile="local",
        title="",
        verdict=verdict,
        message=texts[0],
        seen=texts[1],
        trace=(texts[2],),
        stderr={"server": texts[3]},
        reason=texts[4],
        detail=texts[5],
    )
    report = Report(
        schema=SCHEMA,
        tool=Tool(name="t", version="0", platform="p"),
        run="r",
        implementation=Implementation(name=texts[6]),
        seed=0,
        started=0.0,
        duration_s=0.0,
        cpu_s=0.0,
        interrupted=False,
        error=texts[7],
        exit_status=1,
        summary=summarize([result]),
        suites=(),
        requirements=(),
        cases=(result,),
    )
    document = junit_xml(report)
    ET.fromstring(document)  # noqa: S314 - made in the line above
    assert not [byte for byte in document if byte < 32 and byte != 10 and byte != 9]
