"""One execution outside of an engine's inner loop: the verdict, or the finding, with every oracle that needs one run."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from ipc_gauntlet.fuzz.differential.pair import Disagreement
from ipc_gauntlet.fuzz.findings import Finding, FindingKind
from ipc_gauntlet.fuzz.signature import frames_of, sign
from ipc_gauntlet.fuzz.target import Target, Verdict


@dataclass(frozen=True, slots=True)
class Execution:
    """What one input did.

    Attributes:
        verdict: What the parser made of it; None if it made nothing of it.
        finding: What it did that it must not, None for nothing.
    """

    verdict: Verdict | None
    finding: Finding | None


def crash(target: Target, data: bytes, error: BaseException) -> Finding:
    """The finding of an exception that the target does not declare."""
    frames = frames_of(error.__traceback__, target.measured)
    kind: FindingKind = "crash"
    name = type(error).__name__
    if isinstance(error, Disagreement):
        kind, name = "disagreement", error.pair
    where = f" in {frames[-1].function} ({frames[-1].file}:{frames[-1].line})" if frames else ""
    text = _words_of(error)
    return Finding(
        target=target.name,
        kind=kind,
        signature=sign(kind, name, frames),
        message=f"{name}{where}: {text}",
        input_b64=base64.b64encode(data).decode(),
        error=name,
        frames=frames,
    )


def _words_of(error: BaseException) -> str:
    """What an exception says, on one line. Its text is made by the code under test, which may fail at that, too."""
    try:
        text = str(error)
    except Exception as again:  # noqa: BLE001 - whatever the code under test raises
        text = f"(no text: {type(again).__name__})"
    # Half of a surrogate pair is a text in Python, and none in JSON.
    return " ".join(text.encode("utf-8", "replace").decode().split())[:200]


def made(
    target: Target, kind: FindingKind, data: bytes, message: str, *, error: str = "", signature: str = ""
) -> Finding:
    """A finding without a stack.

    Args:
        target: Where it was found.
        kind: What it is.
        data: The input.
        message: One line for a person.
        error: A stable word for the cause.
        signature: By default made of kind, target and `error`.
    """
    return Finding(
        target=target.name,
        kind=kind,
        signature=signature or sign(kind, error, (), target.name),
        message=message,
        input_b64=base64.b64encode(data).decode(),
        error=error,
    )


def execute(target: Target, data: bytes) -> Execution:
    """Run one input and judge it: undeclared exceptions, accepted inputs that are not canonical, residue of rejections.

    KeyboardInterrupt goes through; SystemExit and every other exception of the parser is a finding.
    """
    before = target.residue() if target.residue is not None else None
    try:
        verdict = target.judge(data)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever the code under test raises is the finding
        return Execution(None, crash(target, data, error))
    if verdict.accepted:
        return Execution(verdict, noncanonical(target, data, verdict))
    if target.residue is not None and (after := target.residue()) != before:
        return Execution(verdict, left_behind(target, data, verdict.reason, (before, after)))
    return Execution(verdict, None)


def left_behind(target: Target, data: bytes, reason: str, residue: tuple[object, object]) -> Finding:
    """The finding of a rejection that left something behind.

    Args:
        target: Where.
        data: The input.
        reason: Why it was rejected.
        residue: The target's residue before and after.
    """
    before, after = residue
    text = f"after a rejection ({reason}) something was kept: {before!r} became {after!r}"
    return made(target, "residue", data, text[:300], error=reason)


def noncanonical(target: Target, data: bytes, verdict: Verdict) -> Finding | None:
    """The finding of an accepted input that is not the one encoding of its value, or whose value cannot be encoded."""
    if not target.canonical or target.encode is None:
        return None
    try:
        again = target.encode(verdict.value)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - the code under test raises it
        return crash(target, data, error)
    if again == data:
        return None
    text = f"accepted {len(data)} bytes whose value is encoded as {again[:32].hex()}{'...' if len(again) > 32 else ''}"
    return made(target, "noncanonical", data, text)
