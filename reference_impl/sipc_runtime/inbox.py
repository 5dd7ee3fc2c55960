"""What a connection tells, sorted: events for the program's thread, outcomes for callers, ends of requests.

Rule of this file: `sort` runs with the endpoint's lock held and calls nothing of the program; what is to be called is
kept for `call_back`, which runs without the lock.
"""

from collections import deque
from collections.abc import Callable

from sipc.events import (
    Event,
    MessageReceived,
    RequestEnded,
    RequestFailed,
    RequestReceived,
    ResponseReceived,
)
from sipc_runtime.endpoint_parts import next_of
from sipc_runtime.lease import Outcome, Waiter

Done = Callable[[Outcome], None]

TRAFFIC = frozenset({RequestReceived, MessageReceived})
"""Events that a session has many of, and that change nothing about it."""


class Inbox:
    """Events of one connection on their way to whom they concern.

    Attributes:
        queue: Events for the endpoint's own thread, in order.
        waiting: Who waits for the outcome of which of our requests.
        answered: A caller that waits has got its outcome; set by `sort`, cleared by whoever looks at it.

    Args:
        interrupt: Wakes the caller that reads.
    """

    __slots__ = ("_ended", "_interrupt", "_settled", "answered", "queue", "waiting")

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self.queue: deque[Event] = deque()
        self.waiting: dict[int, Done | Waiter] = {}
        self.answered = False
        self._interrupt = interrupt
        self._settled: deque[tuple[Done, Outcome]] = deque()
        self._ended: deque[RequestEnded] = deque()

    def sort(self, event: Event) -> None:
        """Take one event."""
        if type(event) in TRAFFIC:
            self.queue.append(event)
        elif isinstance(event, (ResponseReceived, RequestFailed)):
            done = self.waiting.pop(event.mid, None)
            if isinstance(done, Waiter):
                done.settle(event)
                self.answered = True
                if done.inside:
                    self._interrupt()
            elif done is not None:
                self._settled.append((done, event))
        elif isinstance(event, RequestEnded):
            self._end_request(event)
        else:
            self.queue.append(event)

    def _end_request(self, event: RequestEnded) -> None:
        for queued in self.queue:
            if isinstance(queued, RequestReceived) and queued.mid == event.mid:
                # A request that the program has not seen yet is never shown to it.
                self.queue.remove(queued)
                return
        self._ended.append(event)

    def has_calls(self) -> bool:
        """Whether `call_back` would call anything."""
        return bool(self._settled or self._ended)

    def call_back(self, on_request_ended: Callable[[RequestEnded], None]) -> None:
        """Tell outcomes and ends to those who wait for them. Called without the lock, by any thread."""
        while (settled := next_of(self._settled)) is not None:
            done, outcome = settled
            done(outcome)
        while (ended := next_of(self._ended)) is not None:
            on_request_ended(ended)
