"""One single-threaded event loop per test process."""

from ipc_gauntlet.reactor.completion import CompletionReactor
from ipc_gauntlet.reactor.factory import new_reactor
from ipc_gauntlet.reactor.protocol import Callback, Completing, HasFileno, Reactor, TimerHandle
from ipc_gauntlet.reactor.selector import SelectorReactor

__all__ = [
    "Callback",
    "Completing",
    "CompletionReactor",
    "HasFileno",
    "Reactor",
    "SelectorReactor",
    "TimerHandle",
    "new_reactor",
]
