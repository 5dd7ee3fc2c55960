"""Findings whose cause was seen before: they are counted, and written only while that is worth something.

A shallow bug is hit thousands of times a second. To sign each of them would cost more than the fuzzing.
"""

from __future__ import annotations

from collections.abc import Hashable

from ipc_gauntlet.fuzz.findings import Finding
from ipc_gauntlet.fuzz.work import Work

_WRITTEN = 8
_CAUSES = 1 << 12


def cause_of(error: BaseException) -> Hashable:
    """What is the same when the same line failed for the same reason on the same way; valid in this process only."""
    calls = []
    trace = error.__traceback__
    while trace is not None:
        calls.append((id(trace.tb_frame.f_code), trace.tb_lasti))
        trace = trace.tb_next
    return type(error), tuple(calls)


class Causes:
    """The causes seen so far.

    Args:
        work: Where findings are written.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        # Signature, how many were written, length of the shortest.
        self._seen: dict[Hashable, tuple[str, int, int]] = {}

    def worth_writing(self, cause: Hashable, data: bytes) -> bool:
        """Whether to make a finding of this; if not, it has been counted."""
        known = self._seen.get(cause)
        if known is None:
            return True
        signature, written, shortest = known
        if written < _WRITTEN or len(data) < shortest:
            return True
        counts = self._work.progress.findings
        counts[signature] = counts.get(signature, 0) + 1
        return False

    def write(self, cause: Hashable, finding: Finding) -> bool:
        """Write a finding down.

        Returns:
            Whether its signature is new.
        """
        size = len(finding.data)
        _, written, shortest = self._seen.get(cause, ("", 0, size))
        if len(self._seen) >= _CAUSES:
            self._seen.clear()
        self._seen[cause] = (finding.signature, written + 1, min(size, shortest))
        return self._work.found(finding)
