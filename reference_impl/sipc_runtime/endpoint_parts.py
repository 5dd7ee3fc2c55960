"""What an endpoint is made from, and what its methods raise."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from sipc.connection import Connection
from sipc.errors import LocalError
from sipc.events import Event, RequestEnded
from sipc_runtime.metrics import Metrics
from sipc_runtime.transport import Stream

if TYPE_CHECKING:
    from sipc_runtime.endpoint import Endpoint

# A program that sends while more than this waits is held up until the peer has read.
HIGH_WATER = 256 * 1024
# More than this can only be answers to a peer that does not read them: then its stream is not read either.
READ_STOP = 2 * HIGH_WATER

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


@dataclass(frozen=True, slots=True)
class Handlers:
    """What an endpoint calls.

    Attributes:
        on_event: In the endpoint's own thread, in order: establishment, messages, requests, the end. It may
            block; then the peer is not read.
        on_request_ended: From any thread: nobody waits for the answer to this request any more. Must not block.
        metrics: Where what happens is counted.
    """

    on_event: Callable[["Endpoint", Event], None]
    on_request_ended: Callable[["Endpoint", RequestEnded], None]
    metrics: Metrics = field(default_factory=Metrics)


def next_of(queue: deque[T]) -> T | None:
    """The first of a queue that several threads empty."""
    try:
        return queue.popleft()
    except IndexError:
        return None
