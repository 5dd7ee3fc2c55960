"""What a case leaves behind for the report."""

from __future__ import annotations

import msgspec


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the lab knows about one case once it is over.

    Args:
        stage: How far the attacked session came.
        role: The role that was judged, `client`, `server` or `both`.
        done: What was done to the wire or the set-up, one line each.
        expected: What the requirement demanded of this case (set when it failed).
        seen: What was observed instead.
        trace: The frames around the fault, one line each.
        stderr: For each driver the tail of what it printed for people.
        faults: The fault schedule, as JSON values that replay it.
        fired: What each fault really did, one line each.
        notes: Findings that do not decide the verdict, such as a refusal for another reason than expected.
        checks: How many checks decided the verdict.
        controls: How many positive controls passed.
    """

    stage: str = "setup"
    role: str = "both"
    done: list[str] = []
    expected: str = ""
    seen: str = ""
    trace: list[str] = []
    stderr: dict[str, str] = {}
    faults: list[object] = []
    fired: list[str] = []
    notes: list[str] = []
    checks: int = 0
    controls: int = 0
