"""Explanations hold what a person needs, in the order in which it is asked for."""

from collections.abc import Callable

import pytest

from ipc_gauntlet.events import CaseResult
from ipc_gauntlet.report.explain import explanation
from ipc_gauntlet.verdict import Verdict

Maker = Callable[..., CaseResult]


def test_a_failure_from_requirement_to_command(make_result: Maker) -> None:
    """First what was required, then what was done, expected and seen, the wire, stderr, and how to repeat it."""
    result = make_result(
        verdict=Verdict.fail,
        done=("cut the wire",),
        fired=("cut after byte 3",),
        expected="an error",
        seen="a clean end",
        reason="clean-end",
        stage="established",
        transport="unix",
        credential="x509",
        role="server",
        notes=("said nothing",),
        trace=("c2s 0", "c2s 1"),
        stderr={"client": "", "server": "oops"},
        replay="ipc-gauntlet replay x",
    )
    text = "\n".join(explanation(result))
    order = [
        "FAIL",
        "No record twice.",
        "CWE-294",
        "unix, x509, judging the server",
        "cut the wire",
        "cut after byte 3",
        "expected: an error",
        "seen:     a clean end",
        "clean-end, at stage established",
        "said nothing",
        "c2s 0",
        "stderr of the server's driver",
        "oops",
        "ipc-gauntlet replay x",
    ]
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    assert "stderr of the client" not in text


def test_a_long_trace_can_be_cut(make_result: Maker) -> None:
    """On a screen only the first lines of a trace are shown, and it is said that there are more."""
    result = make_result(verdict=Verdict.fail, trace=tuple(f"line {number}" for number in range(50)))
    text = "\n".join(explanation(result, trace_lines=10))
    assert "line 9" in text
    assert "line 10" not in text
    assert "40 more" in text


@pytest.mark.parametrize("verdict", Verdict)
def test_tracebacks_are_for_errors(make_result: Maker, verdict: Verdict) -> None:
    """Only where the tester is to blame does its traceback matter."""
    text = "\n".join(explanation(make_result(verdict=verdict, detail="File x, line 1", message="because")))
    assert ("File x" in text) == (verdict is Verdict.error)
    assert "because" in text
