"""One connection with its thread: reads, writes, timers, and a way for other threads to use it.

Who does what. The endpoint's own thread opens the stream, reads it and hands events to the program, in order.
Sending happens in the thread that sends, without ever waiting for the peer while the lock is held: what the
transport does not take stays in the outbox, and a helper thread, which exists only while the peer is slow,
writes it when there is room. Timers run in the clock's thread. All state is behind one lock.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from sipc.connection import Connection
from sipc.errors import SipcError
from sipc.events import (
    Closed,
    Event,
    How,
    Rejected,
    RequestEnded,
    RequestFailed,
    RequestReceived,
    ResponseReceived,
)
from sipc.exchange import Answer
from sipc.rpc import Call, Message
from sipc.timers import Timeouts
from sipc_runtime.clock import Alarm, Clock
from sipc_runtime.endpoint_parts import NotConnected, Origin, PeerBehind, WhenFull, next_of
from sipc_runtime.metrics import Metrics
from sipc_runtime.outbox import Outbox
from sipc_runtime.transport import READ_SIZE, Stream, StreamBroken, TransportError
from sipc_runtime.workers import CONNECTION_THREADS

# A program that sends while more than this waits is held up until the peer has read.
HIGH_WATER = 256 * 1024
# More than this can only be answers to a peer that does not read them: then its stream is not read either.
READ_STOP = 2 * HIGH_WATER
# So long a timer waits for a connection that is busy, before it leaves the clock's thread to the others.
_PATIENCE_S = 0.1

Outcome = ResponseReceived | RequestFailed
T = TypeVar("T")


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


class Endpoint:
    """A running connection.

    Attributes:
        label: Name for people and for the program.
        cancelled: Set when somebody wants it to end.
        over: Its last event is being told, or has been.
        finished: Set when everything is released.

    Args:
        label: Name for people and for the program.
        origin: Where stream and connection come from.
        handlers: What to call.
        clock: The clock for every timer.
        timeouts: Of these, drain bounds how long unsent bytes are waited for after the end.
    """

    def __init__(
        self, label: str, origin: Origin, handlers: Handlers, clock: Clock, timeouts: Timeouts
    ) -> None:
        self.label = label
        self.cancelled = threading.Event()
        self.finished = threading.Event()
        self.over = False
        self._origin = origin
        self._handlers = handlers
        self._clock = clock
        self._timeouts = timeouts
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._stream: Stream | None = None
        self._connection: Connection | None = None
        self._outbox = Outbox()
        self._queue: deque[Event] = deque()
        self._waiting: dict[int, Callable[[Outcome], None]] = {}
        self._settled: deque[tuple[Callable[[Outcome], None], Outcome]] = deque()
        self._ended_requests: deque[RequestEnded] = deque()
        self._alarm: Alarm | None = None
        self._last_alarm: Alarm | None = None
        self._flushing = False
        self._hung_up = False
        self._write_broken = False
        self._abort_detail: str | None = None
        self._thread: threading.Thread | None = None

    # --- for the program ---

    def start(self) -> None:
        """Run in a thread of its own."""
        CONNECTION_THREADS.submit(self.run)

    def send_event(self, message: Message) -> int:
        """Send an event and return its number.

        While the peer is behind, this waits until it has read, or until the write time-out ends the connection.

        Raises:
            LocalError: The connection is not established, or the message cannot be sent.
        """
        return self._use(lambda connection, _: connection.send_event(message), WhenFull.WAIT)

    def try_send_event(self, message: Message) -> int:
        """Send an event without ever waiting.

        Raises:
            PeerBehind: The peer has not read what was sent before; nothing was sent now.
            LocalError: See `send_event`.
        """
        return self._use(lambda connection, _: connection.send_event(message), WhenFull.RAISE)

    def request(self, call: Call, done: Callable[[Outcome], None]) -> int:
        """Send a request and return its number.

        Args:
            call: The request.
            done: Called once with the outcome, from any thread; must not block.

        Raises:
            LocalError: The request was not sent; `done` is not called.
        """

        def send(connection: Connection, now: float) -> int:
            mid = connection.request(call, now)
            self._waiting[mid] = done
            return mid

        return self._use(send, WhenFull.WAIT)

    def call(self, call: Call) -> Outcome:
        """Send a request and wait for its outcome. Not to be used in the endpoint's own thread.

        Raises:
            LocalError: The request was not sent.
        """
        outcomes: list[Outcome] = []
        arrived = threading.Event()

        def done(outcome: Outcome) -> None:
            outcomes.append(outcome)
            arrived.set()

        self.request(call, done)
        arrived.wait()
        return outcomes[0]

    def respond(self, mid: int, answer: Answer) -> bool:
        """Answer a request; False if nobody waits for it any more.

        Raises:
            LocalError: The answer cannot be sent; the peer was told that something failed.
        """
        # The own thread must go on reading; it stops for a peer that does not read at a higher mark.
        full = WhenFull.PASS if threading.current_thread() is self._thread else WhenFull.WAIT
        try:
            return self._use(lambda connection, _: connection.respond(mid, answer), full)
        except NotConnected:
            return False

    def cancel(self, mid: int) -> bool:
        """Give up a request; False if it has ended already."""
        return self._use(lambda connection, _: connection.cancel(mid), WhenFull.PASS)

    def rekey(self) -> None:
        """Send under a new key from now on.

        Raises:
            LocalError: The connection is not established.
        """
        self._use(lambda connection, now: connection.rekey(now), WhenFull.PASS)

    def close(self) -> None:
        """Close in order and wait for it, at most the drain time-out."""
        self.begin_close()
        self.wait_finished()

    def begin_close(self) -> None:
        """Close in order, without waiting; the last event follows, at most after the drain time-out."""
        self.cancelled.set()
        with self._lock:
            if self._connection is not None:
                self._connection.close(self._clock.monotonic())
                self._settle()
        self._call_back()

    def abort(self, detail: str = "aborted") -> None:
        """End at once, without a word to the peer. The last event follows in the endpoint's thread."""
        self.cancelled.set()
        with self._lock:
            self._abort_detail = detail
            if self._connection is not None:
                self._connection.abort(detail)
                self._settle()
        self._call_back()

    def expel(self, reason: str, detail: str) -> None:
        """End at once, without a word, because the peer may not be here any more.

        Args:
            reason: Reason class of the end.
            detail: For people.
        """
        self.cancelled.set()
        with self._lock:
            if self._connection is not None:
                self._connection.expel(reason, detail)
                self._settle()
        self._call_back()

    def set_counter(self, number: int, *, sending: bool, messages: bool = False) -> None:
        """Set the number of a direction's next record, or of its next message; for tests near a limit.

        Raises:
            LocalError: The connection is not established, or it cannot be that number.
        """
        self._use(lambda one, _: one.set_counter(number, sending=sending, messages=messages), WhenFull.PASS)

    def wait_finished(self, seconds: float | None = None) -> bool:
        """Wait until the last event was handled and everything is released; at once in the own thread."""
        if threading.current_thread() is self._thread:
            return False
        return self.finished.wait(seconds)

    @property
    def established(self) -> bool:
        """Whether messages can be sent."""
        return self._connection is not None and self._connection.established

    def _use(self, action: Callable[[Connection, float], T], full: WhenFull) -> T:
        with self._lock:
            connection = self._connection
            while full is not WhenFull.PASS and self._outbox.size > HIGH_WATER:
                if full is WhenFull.RAISE:
                    raise PeerBehind("the peer has not read what was sent before", reason="limit")
                self._changed.wait()
            if connection is None or self._write_broken:
                raise NotConnected("the connection is not established", reason="peer-closed")
            try:
                result = action(connection, self._clock.monotonic())
            finally:
                self._settle()
        self._call_back()
        return result

    # --- the endpoint's thread ---

    def run(self) -> None:
        """Open, read until the end, release. Called once, by whichever thread shall be the endpoint's own."""
        self._thread = threading.current_thread()
        try:
            if self._open():
                while self._read_once():
                    self._deliver()
            self._deliver()
        finally:
            self._release()

    def _open(self) -> bool:
        try:
            stream = self._origin.open()
        except TransportError as error:
            self._queue.append(self._not_opened(error.reason, str(error)))
            return False
        with self._lock:
            self._stream = stream
            # A key store that never answers does not hold the stream beyond the deadline of the handshake.
            deadline = self._clock.monotonic() + self._timeouts.handshake
            self._alarm = self._clock.call_at(deadline, self._on_alarm)
            try:
                connection = self._origin.connection()
            except SipcError as error:
                self._queue.append(Rejected("handshake", error.reason, str(error)))
                return False
            except Exception as error:  # noqa: BLE001 - whatever a key store does, it never admits anybody
                detail = f"no handshake could be begun: {type(error).__name__}: {error}"
                self._queue.append(Rejected("handshake", "internal", detail))
                return False
            self._connection = connection
            if self.cancelled.is_set():
                connection.abort(self._abort_detail or "closed before it was established")
            self._settle()
        return True

    def _not_opened(self, reason: str, detail: str) -> Event:
        if self.cancelled.is_set():
            return Closed(How.LOCAL, None, self._abort_detail or "closed before it was connected", 0, 0, None)
        return Rejected("transport", reason, detail)

    def _read_once(self) -> bool:
        """Read one chunk; False when the connection has ended."""
        stream, connection = self._stream, self._connection
        if stream is None or connection is None or self._is_over():
            return False
        detail = "end of stream"
        try:
            data = stream.read(READ_SIZE)
        except StreamBroken as error:
            data, detail = b"", str(error)
        with self._lock:
            if data:
                connection.receive_data(data, self._clock.monotonic())
            else:
                connection.receive_eof(detail)
            self._settle()
            while not self._is_over() and not (data and self._outbox.size <= READ_STOP):
                # Either the peer's side is over and answers are still owed, or it does not take ours.
                self._changed.wait()
            return not self._is_over()

    def _is_over(self) -> bool:
        return self._connection is None or self._connection.ended

    def _deliver(self) -> None:
        self._call_back()
        while self._queue:
            event = self._queue.popleft()
            self.over = self.over or isinstance(event, (Closed, Rejected))
            self._handlers.metrics.observe(event)
            self._handlers.on_event(self, event)

    def _release(self) -> None:
        with self._lock:
            if self._connection is not None and not self._connection.ended:
                # The program failed in its own code, which has nobody left to tell.
                self._connection.abort("the program failed")
                self._settle()
            while self._outbox.size:
                self._changed.wait()
            self._write_broken = True
            for alarm in (self._alarm, self._last_alarm):
                if alarm is not None:
                    alarm.cancel()
            self._hang_up()
            while self._flushing:
                self._changed.wait()
            if self._stream is not None:
                self._stream.close()
        self._call_back()
        self._thread = None
        self.finished.set()

    def _hang_up(self) -> None:
        if self._stream is not None and not self._hung_up:
            self._hung_up = True
            self._stream.hang_up()

    def _give_up(self) -> None:
        """The peer takes neither the last bytes nor the end of the stream."""
        with self._lock:
            self._outbox.clear()
            self._hang_up()
            self._changed.notify_all()

    # --- under the lock ---

    def _settle(self) -> None:
        """Bring everything in step with the connection. Called with the lock held, after each use of it."""
        connection = self._connection
        if connection is None:
            return
        now = self._clock.monotonic()
        data = connection.data_to_send()
        if data and not self._write_broken:
            self._outbox.append(data, now)
        if connection.ended and connection.silent:
            self._outbox.clear()
        if self._outbox.size and not self._flushing:
            self._flush()
        while (event := connection.next_event()) is not None:
            self._sort(event)
        if connection.ended:
            self._wind_up(connection, now)
            return
        due = connection.next_timer()
        if due is not None and (
            self._alarm is None or self._alarm.callback is None or due < self._alarm.when
        ):
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm = self._clock.call_at(due, self._on_alarm)

    def _wind_up(self, connection: Connection, now: float) -> None:
        """The connection has ended: end the stream when the last bytes have been taken, or soon without."""
        if not connection.lingers:
            self._outbox.clear()
        if not self._outbox.size:
            self._hang_up()
        elif self._last_alarm is None:
            self._last_alarm = self._clock.call_at(now + self._timeouts.drain, self._give_up)
        self._changed.notify_all()

    def _sort(self, event: Event) -> None:
        if isinstance(event, (ResponseReceived, RequestFailed)):
            done = self._waiting.pop(event.mid, None)
            if done is not None:
                self._settled.append((done, event))
        elif isinstance(event, RequestEnded):
            # A request that the program has not seen yet is never shown to it.
            for queued in self._queue:
                if isinstance(queued, RequestReceived) and queued.mid == event.mid:
                    self._queue.remove(queued)
                    return
            self._ended_requests.append(event)
        else:
            self._queue.append(event)

    def _call_back(self) -> None:
        """Tell outcomes to those who wait for them. Called without the lock."""
        while (settled := next_of(self._settled)) is not None:
            done, outcome = settled
            done(outcome)
        while (ended := next_of(self._ended_requests)) is not None:
            self._handlers.on_request_ended(self, ended)

    # --- writing ---

    def _flush(self) -> None:
        """Write what the transport takes now; leave the rest to a helper. Called with the lock held."""
        if self._write_now() and self._connection is not None:
            self._flushing = True
            self._connection.write_blocked(self._outbox.oldest())
            CONNECTION_THREADS.submit(self._flush_rest)

    def _write_now(self) -> bool:
        """Write what the transport takes; True if something is left."""
        stream, outbox = self._stream, self._outbox
        if stream is None:
            return False
        try:
            while outbox.size:
                count = stream.write_some(outbox.head())
                if count == 0:
                    break
                outbox.taken(count)
        except StreamBroken:
            # The reader finds out how the stream ended, and may still find the peer's last records.
            self._write_broken = True
            outbox.clear()
        return outbox.size > 0

    def _flush_rest(self) -> None:
        stream, connection = self._stream, self._connection
        if stream is None or connection is None:
            return
        while True:
            with self._lock:
                self._write_now()
                connection.write_blocked(self._outbox.oldest())
                self._settle()
                self._changed.notify_all()
                if not self._outbox.size:
                    self._flushing = False
                    return
            stream.wait_writable()

    # --- timers ---

    def _on_alarm(self) -> None:
        # A verifier or key store that does not come back holds the lock of its own connection, and nothing else.
        if not self._lock.acquire(timeout=_PATIENCE_S):
            if not self.established and self._stream is not None:
                self._stream.hang_up()
            CONNECTION_THREADS.submit(self._on_late_alarm)
            return
        try:
            self._fire()
        finally:
            self._lock.release()
        self._call_back()

    def _on_late_alarm(self) -> None:
        with self._lock:
            self._fire()
        self._call_back()

    def _fire(self) -> None:
        connection = self._connection
        if connection is not None and not connection.ended:
            connection.handle_timer(self._clock.monotonic())
            self._settle()
