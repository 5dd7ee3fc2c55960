"""What another implementation made of one input: an answer, or trouble in place of one."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ipc_gauntlet.driver.explain import describe_exit
from ipc_gauntlet.errors import CallFailed, DriverError, DriverFlood, DriverProtocolError

_NUMBER = re.compile(r"0x[0-9a-fA-F]+|\d+")
_SANITIZER = re.compile(r"SUMMARY: (\w+: [\w-]+)(?: \S+)?(?: in (\S+))?")
_ASSERTION = re.compile(r"(\S+: (?:Assertion|assertion).*|panicked at .*|panic: .*|terminate called .*)")
_LONGEST_WORD = 160
_NT_ERROR = 0xC0000000


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to `parse`.

    Attributes:
        accepted: Whether the input was taken.
        reason: Why not; empty if accepted, `unspecified` if the implementation cannot tell.
        value: What was made of it, as JSON; None if it was not told.
        edges: Numbers of edges taken.
    """

    accepted: bool
    reason: str = ""
    value: object = None
    edges: tuple[int, ...] = ()

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> Answer:
        """Read a checked result of `parse`."""
        accepted = bool(result["accepted"])
        reason = "" if accepted else str(result.get("reason") or "unspecified")
        return cls(accepted, reason, result.get("value"), tuple(result.get("edges") or ()))

    @property
    def word(self) -> str:
        """The verdict in one word."""
        return "accepted" if self.accepted else self.reason


@dataclass(frozen=True, slots=True)
class Trouble:
    """No answer, or one that says that something broke.

    Attributes:
        kind: `crash`: the parser failed and its driver goes on; `native`: the process ended or said nonsense; `hang`.
        error: A stable word: `SIGABRT`, `exit 1`, `DriverFlood`, a reason class.
        message: One line for a person.
        cause: What else tells causes apart, without numbers; empty if there is nothing.
        details: For a person.
    """

    kind: str
    error: str
    message: str
    cause: str = ""
    details: dict[str, str] = field(default_factory=dict)

    @property
    def breaks(self) -> bool:
        """Whether the driver has to be started anew."""
        return self.kind != "crash"

    @property
    def word(self) -> str:
        """In place of a verdict."""
        return f"{self.kind} {self.error}"


Outcome = Answer | Trouble
"""What came of one input."""


def failed(error: CallFailed) -> Trouble:
    """The driver answered that its parser failed: in Python, an exception that it does not declare."""
    text = " ".join(error.detail.split())
    return Trouble("crash", error.reason, f"the parser failed ({error.reason}): {text[:200]}", template(text))


def died(error: DriverError, status: int | None, stderr: str) -> Trouble:
    """The process ended, or what it printed is not the driver protocol."""
    if isinstance(error, DriverFlood):
        word = "flood"
    elif isinstance(error, DriverProtocolError):
        word = "no protocol"
    else:
        word = _ending(status)
    cause = _cause(stderr)
    ending = f"{word}, it {describe_exit(status)}" if word.startswith("0x") else word
    message = f"{ending}: {cause}" if cause else ending
    details = {"stderr": stderr[-2000:]} if stderr.strip() else {}
    if word in ("flood", "no protocol"):
        message = f"{word}: {error.detail.splitlines()[0][:200]}"
    return Trouble("native", word, message, template(cause), details)


def hung(seconds: float, stderr: str) -> Trouble:
    """No answer in time."""
    details = {"stderr": stderr[-2000:]} if stderr.strip() else {}
    return Trouble("hang", "", f"no answer within {seconds:g} s", "", details)


def template(text: str) -> str:
    """A text without what differs between two occurrences of one cause: numbers and addresses."""
    return _NUMBER.sub("#", " ".join(text.split()))[:_LONGEST_WORD]


def _ending(status: int | None) -> str:
    if status is None:
        return "closed its output"
    if status >= _NT_ERROR:
        return f"0x{status:08X}"
    if status >= 0:
        return f"exit {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def _cause(stderr: str) -> str:
    """What a sanitizer, an assertion or a runtime says about the end, else the last line."""
    if found := _SANITIZER.search(stderr):
        return " in ".join(part for part in found.groups() if part)
    if found := _ASSERTION.search(stderr):
        return found[1].strip()[:_LONGEST_WORD]
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return lines[-1][:_LONGEST_WORD] if lines else ""
