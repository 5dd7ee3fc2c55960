"""Chooses the reactor for this operating system."""

import sys

from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.reactor.protocol import Reactor
from ipc_gauntlet.reactor.selector import SelectorReactor


def new_reactor() -> Reactor:
    """Make the event loop of this process.

    Raises:
        HarnessError: On an operating system whose pipes cannot be waited for with a selector.
    """
    if sys.platform == "win32":
        raise HarnessError("this release runs on POSIX systems only; on Windows use it inside WSL 2")
    else:  # noqa: RET506 - without it, mypy calls the line unreachable on Windows
        return SelectorReactor()
