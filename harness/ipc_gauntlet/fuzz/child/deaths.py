"""What a process that died over an input tells: a finding with the stack that `faulthandler` left on standard error."""

from __future__ import annotations

import base64
import re
import signal
import sys
from collections.abc import Sequence

from ipc_gauntlet.fuzz.findings import Finding, FindingKind, Frame
from ipc_gauntlet.fuzz.signature import sign
from ipc_gauntlet.fuzz.spec import Exit

# NTSTATUS values with which Windows ends a process, as a 32-bit exit status.
_NTSTATUS = {
    0xC0000005: "access violation",
    0xC000001D: "illegal instruction",
    0xC0000094: "integer division by zero",
    0xC00000FD: "stack overflow",
    0xC0000374: "heap corruption",
    0xC0000409: "stack buffer overrun",
}
_MOST_SIGNALS = 256
_CALL = re.compile(r'^  File "(?P<file>[^"]+)", line (?P<line>\d+) in (?P<function>.+)$')
_TIMED_OUT = re.compile(r"^Timeout \(\d+:\d\d:\d\d", re.MULTILINE)
_BLOCK = re.compile(r"^(Current thread|Thread) 0x")


def status_word(status: int) -> str:
    """A stable word for the way a process ended: `SIGSEGV`, `access violation`, `exit 3`.

    Args:
        status: As `subprocess` has it: negative for a signal.
    """
    if -_MOST_SIGNALS < status < 0:
        try:
            return signal.Signals(-status).name
        except ValueError:
            return f"signal {-status}"
    if (name := _NTSTATUS.get(status & 0xFFFFFFFF)) is not None:
        return name
    return f"exit {status}"


def death(target: str, measured: Sequence[str], data: bytes, status: int, stderr: str) -> Finding:
    """The finding of an input over which a process died.

    Args:
        target: Name of the target.
        measured: Prefixes of the modules under test.
        data: The input.
        status: How the process ended, as `subprocess` has it.
        stderr: What it left on standard error.
    """
    frames = stack(stderr, measured)
    where = f" in {frames[-1].function} ({frames[-1].file}:{frames[-1].line})" if frames else ""
    kind: FindingKind = "native"
    error = status_word(status)
    text = f"the process died of {error}{where}"
    # What `faulthandler` writes when its timer ends a process, with status 1.
    if status == Exit.HANG or (status == 1 and _TIMED_OUT.search(stderr)):
        kind, error, text = "hang", "", f"no answer within the limit{where}"
    elif status == Exit.MEMORY:
        kind, error, text = "memory", "", f"the process used more memory than it may{where}"
    return Finding(
        target=target,
        kind=kind,
        signature=sign(kind, error, frames, "" if frames else target),
        message=text,
        input_b64=base64.b64encode(data).decode(),
        error=error,
        frames=frames,
    )


def stack(stderr: str, measured: Sequence[str]) -> tuple[Frame, ...]:
    """The calls of the last dump of `faulthandler` that lie within the measured modules, innermost last.

    Of several threads the one counts that was in measured code; if none was, the first.
    """
    blocks: list[list[Frame]] = []
    for line in stderr.splitlines():
        if _BLOCK.match(line):
            blocks.append([])
        elif blocks and (found := _CALL.match(line)):
            blocks[-1].append(Frame(found["file"].replace("\\", "/"), int(found["line"]), found["function"]))
    for calls in blocks:
        inside = [short for call in calls if (short := _within(call, measured)) is not None]
        if inside:
            return tuple(reversed(inside))
    return ()


def _within(call: Frame, measured: Sequence[str]) -> Frame | None:
    """The call with its path from the import root on, if it belongs to one of the modules."""
    path = f"/{call.file}"
    for prefix in measured:
        root = prefix.replace(".", "/")
        for ending in (f"/{root}.py", f"/{root}/"):
            place = path.rfind(ending)
            if place >= 0 and (ending.endswith("/") or place + len(ending) == len(path)):
                return Frame(path[place + 1 :], call.line, call.function)
    return None


def tail(stderr: bytes, lines: int = 12) -> str:
    """The last lines of what a process said, for a message to a person."""
    text = stderr.decode(sys.getfilesystemencoding(), "replace")
    return "\n".join(text.rstrip().splitlines()[-lines:])
