"""From exceptions to verdicts: only the case's own words speak about the implementation."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.engine import outcome
from ipc_gauntlet.errors import (
    CallFailed,
    DriverDied,
    DriverError,
    DriverFlood,
    DriverProtocolError,
    DriverStartError,
    DriverTimeout,
    GauntletError,
    HarnessError,
    Inconclusive,
    NotApplicable,
    NotVerifiable,
    RequirementViolated,
    Unsupported,
    UsageError,
)
from ipc_gauntlet.events import CaseResult
from ipc_gauntlet.report.model import without_bulk
from ipc_gauntlet.verdict import Verdict


@pytest.mark.parametrize(
    ("raised", "verdict", "reason"),
    [
        (None, "pass", ""),
        (RequirementViolated("one", "two", "delivered-twice"), "fail", "delivered-twice"),
        (Inconclusive("the fault never fired"), "inconclusive", "inconclusive"),
        (NotApplicable("has no push"), "not_applicable", "not-applicable"),
        (NotVerifiable("takes the superuser"), "not_applicable", "not-verifiable"),
        (Unsupported("suites"), "not_applicable", "unsupported"),
        (DriverStartError("x", "y"), "error", "driver-start"),
        (DriverProtocolError("x", "y"), "error", "driver-protocol"),
        (DriverFlood("x", "y"), "error", "driver-flood"),
        (DriverTimeout("x", "y"), "error", "driver-timeout"),
        (DriverDied("x", "y"), "error", "driver-died"),
        (DriverError("x", "y"), "error", "driver"),
        (CallFailed("internal", "y"), "error", "call-failed"),
        (HarnessError("y"), "error", "harness"),
        (outcome.CaseDeadline("y"), "error", "case-deadline"),
        (AssertionError("y"), "error", "case-bug"),
        (UsageError("y"), "error", "case-bug"),
        (GauntletError("y"), "error", "case-bug"),
        (KeyError("y"), "error", "case-bug"),
        (pytest.skip.Exception("y"), "error", "case-bug"),
        (pytest.fail.Exception("y"), "error", "case-bug"),
    ],
)
def test_verdict_of_what_left_a_case(raised: BaseException | None, verdict: str, reason: str) -> None:
    """Each exception has one verdict and one reason."""
    ruling = outcome.rule(raised)
    assert (ruling.verdict, ruling.reason) == (verdict, reason)
    assert bool(ruling.message) == (raised is not None)


@given(
    st.sampled_from([ValueError, OSError, RuntimeError, ZeroDivisionError, MemoryError, AssertionError]),
    st.text(),
)
def test_no_other_exception_is_a_fail_or_a_pass(kind: type[Exception], text: str) -> None:
    """A bug of the tester never becomes a finding about the implementation."""
    assert outcome.rule(kind(text)).verdict is Verdict.error


def test_a_violation_carries_what_was_expected_and_seen() -> None:
    """The two halves of a finding arrive in the report as they were given."""
    ruling = outcome.rule(RequirementViolated("each once", "one twice", "twice"))
    assert (ruling.expected, ruling.seen) == ("each once", "one twice")


def test_trouble_while_cleaning_up_counts_only_against_a_pass() -> None:
    """A finding stays a finding when closing the drivers fails afterwards; a pass does not survive it."""
    passed, trouble = outcome.rule(None), outcome.rule(DriverTimeout("x", "reset"))
    found = outcome.rule(RequirementViolated("a", "b"))
    assert outcome.worse(passed, trouble) is trouble
    assert outcome.worse(found, trouble) is found
    assert outcome.worse(passed, outcome.rule(None)) is passed


class Evidence(msgspec.Struct):
    """Evidence with everything."""

    stage: str = "handshake"
    role: str = "server"
    done: list[str] = []
    expected: str = "theirs"
    seen: str = ""
    trace: list[str] = []
    stderr: dict[str, str] = {}
    faults: list[object] = []
    fired: list[str] = []
    notes: list[str] = []


def test_evidence_completes_a_result(make_result: Callable[..., CaseResult]) -> None:
    """The lab's facts are taken over; what the ruling said is not overwritten."""
    base = make_result(verdict=Verdict.fail, expected="ours", seen="that", role="both")
    result = outcome.with_evidence(base, Evidence(faults=[{"type": "flip"}], fired=["flipped"], notes=["hm"]))
    assert (result.stage, result.role, result.expected, result.seen) == (
        "handshake",
        "server",
        "ours",
        "that",
    )
    assert (result.faults, result.fired, result.notes) == (({"type": "flip"},), ("flipped",), ("hm",))


def test_no_evidence_changes_nothing(make_result: Callable[..., CaseResult]) -> None:
    """A case whose lab never came up has a result all the same."""
    base = make_result(verdict=Verdict.error)
    assert outcome.with_evidence(base, None) == base


def test_evidence_is_bounded(make_result: Callable[..., CaseResult]) -> None:
    """A case cannot make a report huge."""
    evidence = Evidence(trace=["x" * 10_000] * 5_000, stderr={"server": "y" * 1_000_000})
    result = outcome.with_evidence(make_result(), evidence)
    assert len(msgspec.json.encode(result)) < 400_000
    assert any("left out" in line for line in result.trace)


@given(st.text(alphabet=st.characters(), max_size=200))
def test_any_text_can_be_written_as_json(text: str) -> None:
    """Texts with lone surrogates do not break the event stream."""
    msgspec.json.encode(outcome.clean(text + "\ud800"))


def test_passed_cases_carry_no_bulk(make_result: Callable[..., CaseResult]) -> None:
    """Trace and standard error are kept for those who need explaining."""
    for verdict in Verdict:
        result = make_result(verdict=verdict, trace=("line",), stderr={"server": "text"})
        kept = bool(without_bulk(result).trace)
        assert kept == (verdict in (Verdict.fail, Verdict.error, Verdict.inconclusive))


def test_tracebacks_begin_in_the_case() -> None:
    """The machinery that calls a case is not shown, the case is."""
    try:
        raise ValueError("here")  # noqa: TRY301
    except ValueError as error:
        text = outcome.traceback_text(error)
    assert "test_outcome.py" in text
    assert "ValueError: here" in text
