"""How much time, memory and output a driver gets before the harness gives it up."""

import sys
from dataclasses import dataclass

_KIB = 1024
_MIB = 1024 * _KIB

# Windows may read a whole interpreter for viruses first.
_START_S = 30.0 if sys.platform == "win32" else 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionLimits:
    """Bounds on one driver process; all of them hold at once.

    Args:
        start_s: Seconds from the start of the program to its answer to `describe`.
        call_s: Seconds a call may take when the caller names no other time.
        grace_s: Seconds the program gets to leave by itself after `shutdown`.
        line_bytes: Longest line on standard output, as the protocol document states it.
        output_bytes: Standard output between two `reset`.
        notifications: Notifications between two `reset`.
        unread_bytes: Requests the program has not read from its standard input yet.
        unanswered: Requests that wait for an answer.
        stderr_bytes: How much of the end of standard error is kept.
    """

    start_s: float = _START_S
    call_s: float = 5.0
    grace_s: float = 1.0
    line_bytes: int = 8 * _MIB
    output_bytes: int = 64 * _MIB
    notifications: int = 50_000
    unread_bytes: int = 32 * _MIB
    unanswered: int = 4096
    stderr_bytes: int = 64 * _KIB
