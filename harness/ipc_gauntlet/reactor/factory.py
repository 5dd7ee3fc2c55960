"""Chooses the reactor for this operating system."""

import sys
from collections.abc import Callable

from ipc_gauntlet.reactor.completion import CompletionReactor
from ipc_gauntlet.reactor.selector import SelectorReactor


def new_reactor(clock: Callable[[], float] | None = None) -> SelectorReactor:
    """Make the event loop of this process.

    Args:
        clock: Monotonic time in seconds; the system's best one when None.

    Returns:
        A reactor, which on Windows takes pipes as well.
    """
    kind = CompletionReactor if sys.platform == "win32" else SelectorReactor
    return kind() if clock is None else kind(clock)
