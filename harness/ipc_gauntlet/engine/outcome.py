"""From what a case function did to a verdict with evidence.

The rule of this file: only the three outcome exceptions speak about the implementation. Whatever else escapes from a
case says something about the tester or a driver, and is an error, never a fail and never a pass.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import msgspec

from ipc_gauntlet.engine.noise import REASON as NOISE
from ipc_gauntlet.errors import (
    CallFailed,
    DriverDied,
    DriverError,
    DriverFlood,
    DriverProtocolError,
    DriverStartError,
    DriverTimeout,
    HarnessError,
    Inconclusive,
    NotApplicable,
    NotVerifiable,
    RequirementViolated,
    TooNoisy,
    Unsupported,
)
from ipc_gauntlet.events import CaseResult
from ipc_gauntlet.verdict import NOT_VERIFIABLE, Verdict

_MAX_LINES = 400
_MAX_LINE = 600
_MAX_TEXT = 16_384

# What calls a case, of no interest to those who read why it broke.
_MACHINERY = ("pluggy", "_pytest", "xdist", "ipc_gauntlet.engine", "ipc_gauntlet.pytest_plugin")

# The first class that fits; subclasses come before their bases.
_ERRORS: tuple[tuple[type[BaseException], str], ...] = (
    (DriverStartError, "driver-start"),
    (DriverFlood, "driver-flood"),
    (DriverProtocolError, "driver-protocol"),
    (DriverTimeout, "driver-timeout"),
    (DriverDied, "driver-died"),
    (DriverError, "driver"),
    (CallFailed, "call-failed"),
    (HarnessError, "harness"),
)


class CaseDeadline(HarnessError):
    """A case ran longer than a case may."""


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict and the reasons given for it.

    Args:
        verdict: The verdict.
        reason: Short class.
        message: One sentence; empty for a pass.
        expected: What had to be observed, for a fail.
        seen: What was observed, for a fail.
        detail: Traceback, where the tester itself is to blame.
    """

    verdict: Verdict
    reason: str = ""
    message: str = ""
    expected: str = ""
    seen: str = ""
    detail: str = ""


def rule(raised: BaseException | None) -> Ruling:
    """Say what a case's end means.

    Args:
        raised: What left the case function or its set-up; None when it returned.

    Returns:
        The verdict, with the reasons the exception carries.
    """
    match raised:
        case None:
            return Ruling(verdict=Verdict.pass_)
        case RequirementViolated():
            return Ruling(
                verdict=Verdict.fail,
                reason=raised.reason,
                message=str(raised),
                expected=raised.expected,
                seen=raised.seen,
            )
        case TooNoisy():
            return Ruling(verdict=Verdict.inconclusive, reason=NOISE, message=str(raised))
        case Inconclusive():
            return Ruling(verdict=Verdict.inconclusive, reason="inconclusive", message=str(raised))
        case NotVerifiable():
            return Ruling(verdict=Verdict.not_applicable, reason=NOT_VERIFIABLE, message=str(raised))
        case NotApplicable():
            return Ruling(verdict=Verdict.not_applicable, reason="not-applicable", message=str(raised))
        case Unsupported():
            message = f"the driver answered that it does not support this: {raised}"
            return Ruling(verdict=Verdict.not_applicable, reason="unsupported", message=message)
        case CaseDeadline():
            return Ruling(
                verdict=Verdict.error,
                reason="case-deadline",
                message=str(raised),
                detail=traceback_text(raised),
            )
        case _:
            return _error(raised)


def _error(raised: BaseException) -> Ruling:
    for kind, reason in _ERRORS:
        if isinstance(raised, kind):
            return Ruling(
                verdict=Verdict.error, reason=reason, message=str(raised), detail=traceback_text(raised)
            )
    message = f"{type(raised).__name__} left the case: {raised}"
    return Ruling(verdict=Verdict.error, reason="case-bug", message=message, detail=traceback_text(raised))


def worse(first: Ruling, then: Ruling) -> Ruling:
    """Join the ruling of a case with that of its cleaning up: an error there only counts when the case passed."""
    if first.verdict is Verdict.pass_ and then.verdict is Verdict.error:
        return then
    return first


def traceback_text(raised: BaseException) -> str:
    """The traceback of an exception as text: from the case on, and only its last part if it is long."""
    frames = raised.__traceback__
    while frames is not None and _is_machinery(frames):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(raised), raised, frames))[-_MAX_TEXT:]


def _is_machinery(frames: TracebackType) -> bool:
    return str(frames.tb_frame.f_globals.get("__name__", "")).startswith(_MACHINERY)


def with_ruling(result: CaseResult, ruling: Ruling) -> CaseResult:
    """Put a ruling into a result."""
    return msgspec.structs.replace(
        result,
        verdict=ruling.verdict,
        reason=clean(ruling.reason),
        message=clean(ruling.message),
        expected=clean(ruling.expected),
        seen=clean(ruling.seen),
        detail=clean(ruling.detail),
    )


def with_evidence(result: CaseResult, evidence: object) -> CaseResult:
    """Put what the lab knows into a result; what a ruling already says stays.

    Args:
        result: The result so far.
        evidence: The lab's evidence: an object with some of the result's members, or None.
    """
    if evidence is None:
        return result
    facts: Mapping[str, Any] = msgspec.to_builtins(evidence, enc_hook=str)
    return msgspec.structs.replace(
        result,
        stage=clean(str(facts.get("stage") or result.stage)),
        role=clean(str(facts.get("role") or result.role)),
        expected=result.expected or clean(str(facts.get("expected", ""))),
        seen=result.seen or clean(str(facts.get("seen", ""))),
        done=_lines(facts, "done"),
        trace=_lines(facts, "trace"),
        fired=_lines(facts, "fired"),
        notes=(*result.notes, *_lines(facts, "notes")),
        faults=tuple(facts.get("faults", ())),
        stderr={str(label): clean(str(text)) for label, text in dict(facts.get("stderr", {})).items()},
    )


def clean(text: str) -> str:
    """A bounded text that every encoder takes: lone surrogates become `?`."""
    cut = text if len(text) <= _MAX_TEXT else "…" + text[-_MAX_TEXT:]
    return cut.encode("utf-8", "replace").decode()


def _lines(facts: Mapping[str, Any], name: str) -> tuple[str, ...]:
    lines = [clean(str(line))[:_MAX_LINE] for line in facts.get(name, ())]
    if len(lines) > _MAX_LINES:
        half = _MAX_LINES // 2
        return (*lines[:half], f"… {len(lines) - 2 * half} lines left out …", *lines[-half:])
    return tuple(lines)
