"""What an endpoint is made from, and what its methods raise."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from sipc.connection import Connection
from sipc.errors import LocalError
from sipc_runtime.transport import Stream

T = TypeVar("T")


class PeerBehind(LocalError):
    """Nothing was sent because the peer does not read."""


class NotConnected(LocalError):
    """There is no connection yet, or none any more."""


class WhenFull(Enum):
    """What a sender does while the peer is behind by more than `HIGH_WATER`."""

    WAIT = "wait"
    RAISE = "raise"
    PASS = "pass"  # noqa: S105 - not a password


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an endpoint's stream and connection come from.

    Attributes:
        open: Returns the connected stream; runs in the endpoint's thread; raises TransportError.
        connection: Makes the connection for a stream; raises LocalError.
    """

    open: Callable[[], Stream]
    connection: Callable[[], Connection]


def next_of(queue: deque[T]) -> T | None:
    """The first of a queue that several threads empty."""
    try:
        return queue.popleft()
    except IndexError:
        return None
