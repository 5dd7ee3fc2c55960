"""A limit for the address space of this process, where the system has one: one huge allocation then fails at once."""

from __future__ import annotations

import sys

import psutil

_ROOM = 4
"""Address space is more than memory in use; so many times the memory that is allowed."""


class AddressSpace:
    """Limits it, and takes the limit back.

    Args:
        beyond: Bytes of memory beyond what is in use now; 0 for no limit.
    """

    def __init__(self, beyond: int) -> None:
        self._beyond = beyond
        self._before: tuple[int, int] | None = None

    def limit(self) -> None:
        """Begin to limit. Does nothing on other systems than Linux: macOS does not obey, Windows has no such thing."""
        if sys.platform == "linux":
            import resource

            bounds = resource.getrlimit(resource.RLIMIT_AS)
            wanted = int(psutil.Process().memory_info().vms) + _ROOM * self._beyond
            limited_more = any(0 <= bound < wanted for bound in bounds if bound != resource.RLIM_INFINITY)
            if self._beyond and not limited_more:
                self._before = bounds
                resource.setrlimit(resource.RLIMIT_AS, (wanted, bounds[1]))

    def release(self) -> None:
        """End to limit."""
        if sys.platform == "linux":
            import resource

            if self._before is not None:
                resource.setrlimit(resource.RLIMIT_AS, self._before)
                self._before = None
