"""One connection with its thread: reads, writes, timers, and a way for other threads to use it.

Who does what. The endpoint's own thread opens the stream, reads it and hands events to the program, in order;
a caller that waits for an answer may read in its place (see `lease`), but hands no event to the program.
Sending happens in the thread that sends, without ever waiting for the peer while the lock is held: what the
transport does not take stays in the outbox, and a helper thread, which exists only while the peer is slow,
writes it when there is room. Timers run in the clock's thread. All state is behind one lock.
"""

import threading
from collections.abc import Callable
from typing import TypeVar

from sipc.connection import Connection
from sipc.errors import SipcError
from sipc.events import Closed, Event, How, Rejected
from sipc.exchange import Answer
from sipc.rpc import Call, Message
from sipc.timers import Timeouts
from sipc_runtime.clock import Alarm, Clock
from sipc_runtime.endpoint_parts import HIGH_WATER as HIGH_WATER
from sipc_runtime.endpoint_parts import READ_STOP, NotConnected, Origin, PeerBehind, WhenFull
from sipc_runtime.endpoint_parts import Handlers as Handlers
from sipc_runtime.inbox import TRAFFIC, Inbox
from sipc_runtime.lease import Lease, Reader, Waiter
from sipc_runtime.lease import Outcome as Outcome
from sipc_runtime.ringing import PATIENCE_S, ConnectionAlarm
from sipc_runtime.transport import READ_SIZE, Stream, StreamBroken, TransportError
from sipc_runtime.workers import CONNECTION_THREADS
from sipc_runtime.writing import Writer

T = TypeVar("T")
_WAIT, _PASS = WhenFull.WAIT, WhenFull.PASS


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
        self._writer = Writer(self._changed, self._write_blocked, self._settle)
        self._outbox = self._writer.outbox
        self._inbox = Inbox(self._interrupt)
        self._lease = Lease(self._lock)
        self._answers = 0
        self._alarm = ConnectionAlarm(
            clock, self._lock, self._on_timer, self._call_back, self._give_up_handshake
        )
        self._last_alarm: Alarm | None = None
        self._hung_up = False
        self._abort_detail: str | None = None
        # The own thread's number; the number of no thread before and after.
        self._own = 0

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
        return self._use(lambda connection, _: connection.send_event(message), _WAIT)

    def try_send_event(self, message: Message) -> int:
        """Send an event without ever waiting.

        Raises:
            PeerBehind: The peer has not read what was sent before; nothing was sent now.
            LocalError: See `send_event`.
        """
        return self._use(lambda connection, _: connection.send_event(message), WhenFull.RAISE)

    def request(self, call: Call, done: Callable[[Outcome], None], full: WhenFull = WhenFull.WAIT) -> int:
        """Send a request and return its number.

        Args:
            call: The request.
            done: Called once with the outcome, from any thread; must not block.
            full: What to do while the peer does not read.

        Raises:
            LocalError: The request was not sent; `done` is not called.
        """

        def send(connection: Connection, now: float) -> int:
            mid = connection.request(call, now)
            self._inbox.waiting[mid] = done
            self._lease.recall()
            return mid

        if full is _WAIT and self._outbox.size > HIGH_WATER:
            with self._lock:
                call = self._writer.in_time(call, HIGH_WATER, self._clock)
        return self._use(send, full)

    def call(self, call: Call) -> Outcome:
        """Send a request and wait for its outcome. Not to be used in the endpoint's own thread.

        Raises:
            LocalError: The request was not sent.
        """
        waiter = Waiter()
        try:
            with self._lock:
                if self._outbox.size > HIGH_WATER:
                    call = self._writer.in_time(call, HIGH_WATER, self._clock)
                connection = self._usable(_WAIT)
                now = self._clock.monotonic()
                try:
                    self._inbox.waiting[connection.request(call, now)] = waiter
                    if self._lease.take():
                        waiter.reads = waiter.inside = True
                    else:
                        waiter.expect()
                finally:
                    self._settle(now)
            while waiter.reads:
                self._read_for(waiter)
        finally:
            if waiter.reads:
                # Not by itself: by a signal's handler that raised, for example.
                with self._lock:
                    self._return_lease(waiter, to_own_thread=True)
        waiter.wait()
        if waiter.outcome is None:
            raise RuntimeError("a request ended without an outcome")
        return waiter.outcome

    def respond(self, mid: int, answer: Answer) -> bool:
        """Answer a request; False if nobody waits for it any more.

        Raises:
            LocalError: The answer cannot be sent; the peer was told that something failed.
        """
        # The own thread must go on reading; it stops for a peer that does not read at a higher mark.
        full = _PASS if threading.get_ident() == self._own else _WAIT
        with self._lock:
            try:
                connection = self._usable(full)
            except NotConnected:
                return False
            try:
                answered = connection.respond(mid, answer)
            finally:
                self._settle()
        self._call_back()
        return answered

    def cancel(self, mid: int) -> bool:
        """Give up a request; False if it has ended already."""
        return self._use(lambda connection, _: connection.cancel(mid), _PASS)

    def rekey(self) -> None:
        """Send under a new key from now on.

        Raises:
            LocalError: The connection is not established.
        """
        self._use(lambda connection, now: connection.rekey(now), _PASS)

    def close(self) -> None:
        """Close in order and wait for it, at most the drain time-out."""
        self.begin_close()
        self.wait_finished()

    def begin_close(self) -> None:
        """Close in order, without waiting; the last event follows, at most after the drain time-out."""
        self._end_by(lambda connection: connection.close(self._clock.monotonic()))

    def abort(self, detail: str = "aborted") -> None:
        """End at once, without a word to the peer. The last event follows in the endpoint's thread."""
        self._abort_detail = detail
        self._end_by(lambda connection: connection.abort(detail))

    def expel(self, reason: str, detail: str) -> None:
        """End at once, without a word, because the peer may not be here any more.

        Args:
            reason: Reason class of the end.
            detail: For people.
        """
        self._end_by(lambda connection: connection.expel(reason, detail))

    def _end_by(self, action: Callable[[Connection], None], patience: float = PATIENCE_S) -> None:
        self.cancelled.set()
        if not self._lock.acquire(timeout=patience):
            # Something hangs while it holds the lock: whoever wants an end does not wait for it.
            self._give_up_handshake()
            CONNECTION_THREADS.submit(lambda: self._end_by(action, -1))
            return
        try:
            if self._connection is not None:
                action(self._connection)
                self._settle()
                self._lease.recall()
        finally:
            self._lock.release()
        self._call_back()

    def set_counter(self, number: int, *, sending: bool, messages: bool = False) -> None:
        """Set the number of a direction's next record, or of its next message; for tests near a limit.

        Raises:
            LocalError: The connection is not established, or it cannot be that number.
        """
        self._use(lambda one, _: one.set_counter(number, sending=sending, messages=messages), _PASS)

    def wait_finished(self, seconds: float | None = None) -> bool:
        """Wait until the last event was handled and everything is released; at once in the own thread."""
        if threading.get_ident() == self._own:
            return False
        return self.finished.wait(seconds)

    @property
    def retry_after_ms(self) -> int:
        """How long a responder that was busy asked to wait before the next attempt; 0 if none did."""
        return 0 if self._connection is None else self._connection.retry_after_ms

    @property
    def established(self) -> bool:
        """Whether messages can be sent."""
        return self._connection is not None and self._connection.established

    def _use(self, action: Callable[[Connection, float], T], full: WhenFull) -> T:
        with self._lock:
            connection = self._usable(full)
            now = self._clock.monotonic()
            try:
                result = action(connection, now)
            finally:
                self._settle(now)
        self._call_back()
        return result

    def _usable(self, full: WhenFull) -> Connection:
        """The connection, once there is room for more."""
        connection = self._connection
        while self._outbox.size > HIGH_WATER and full is not _PASS:
            if full is WhenFull.RAISE:
                raise PeerBehind("the peer has not read what was sent before", reason="limit")
            self._changed.wait()
        if connection is None or self._writer.broken:
            raise NotConnected("the connection is not established", reason="peer-closed")
        return connection

    # --- the endpoint's thread ---

    def run(self) -> None:
        """Open, read until the end, release. Called once, by whichever thread shall be the endpoint's own."""
        self._own = threading.get_ident()
        try:
            if self._open():
                while self._read_once():
                    self._deliver()
                    if self._lease.reader is not Reader.OWN:
                        self._lease.park()
                        self._deliver()
            self._deliver()
        finally:
            self._release()

    def _open(self) -> bool:
        try:
            stream = self._origin.open()
        except TransportError as error:
            self._inbox.queue.append(self._not_opened(error.reason, str(error)))
            return False
        with self._lock:
            self._stream = stream
            self._writer.attach(stream)
            # A key store that never answers does not hold the stream beyond the deadline of the handshake.
            deadline = self._clock.monotonic() + self._timeouts.handshake
            self._alarm.set(deadline)
            try:
                connection = self._origin.connection()
            except SipcError as error:
                self._inbox.queue.append(Rejected("handshake", error.reason, str(error)))
                return False
            except Exception as error:  # noqa: BLE001 - whatever a key store does, it never admits anybody
                detail = f"no handshake could be begun: {type(error).__name__}: {error}"
                self._inbox.queue.append(Rejected("handshake", "internal", detail))
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
            self._inbox.answered = False
            self._take_in(connection, data, detail)
            while not (data and self._outbox.size <= READ_STOP) and not connection.ended:
                # Either the peer's side is over and answers are still owed, or it does not take ours.
                self._changed.wait()
            if (
                self._inbox.answered
                and not (self._inbox.waiting or self._inbox.queue)
                and connection.established
            ):
                self._offer(stream)
            return not connection.ended

    def _offer(self, stream: Stream) -> None:
        """Let callers read, from the second answer on: many connections are for one request only."""
        self._answers += 1
        if self._answers > 1 and stream.allow_interrupts():
            self._lease.offer()

    def _take_in(self, connection: Connection, data: bytes, detail: str) -> None:
        """Pass on what was read. Called with the lock held, by whichever thread reads."""
        now = self._clock.monotonic()
        if data:
            connection.receive_data(data, now)
        else:
            connection.receive_eof(detail)
        self._settle(now)

    def _read_for(self, waiter: Waiter) -> None:
        """Read one chunk in a caller's thread; give the lease back at the outcome, or if the own thread is needed."""
        stream, connection = self._stream, self._connection
        if stream is None or connection is None:
            raise NotConnected("the connection is not established", reason="peer-closed")
        data, detail = None, "end of stream"
        if waiter.outcome is None:
            try:
                data = stream.read_unless_interrupted(READ_SIZE)
            except StreamBroken as error:
                data, detail = b"", str(error)
        with self._lock:
            waiter.inside = False
            if data is not None:
                self._take_in(connection, data, detail)
            busy = bool(self._inbox.queue) or connection.ended or self._outbox.size > READ_STOP
            if busy or waiter.outcome is not None:
                self._return_lease(waiter, to_own_thread=busy or bool(self._inbox.waiting))
            else:
                waiter.inside = True
        self._call_back()

    def _return_lease(self, waiter: Waiter, *, to_own_thread: bool) -> None:
        waiter.expect()
        self._lease.give_back(to_own_thread=to_own_thread)

    def _is_over(self) -> bool:
        return self._connection is None or self._connection.ended

    def _deliver(self) -> None:
        self._call_back()
        while self._inbox.queue:
            event = self._inbox.queue.popleft()
            if type(event) not in TRAFFIC:
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
            self._writer.broken = True
            self._alarm.cancel()
            if self._last_alarm is not None:
                self._last_alarm.cancel()
            self._hang_up()
            while self._writer.flushing:
                self._changed.wait()
            if self._stream is not None:
                self._stream.close()
        self._call_back()
        self._own = 0
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

    def _settle(self, now: float | None = None) -> None:
        """Bring everything in step with the connection. Called with the lock held, after each use of it."""
        connection = self._connection
        if connection is None:
            return
        if now is None:
            now = self._clock.monotonic()
        data, ended = connection.take()
        if ended and connection.silent:
            self._outbox.clear()
        if data:
            self._writer.write(data, now)
        events = connection.events
        while events:
            self._inbox.sort(events.popleft())
        if ended:
            self._wind_up(connection, now)
            return
        if connection.timers.soonest < self._alarm.at:
            self._alarm.set(connection.timers.soonest)

    def _write_blocked(self, since: float | None) -> None:
        if self._connection is not None:
            self._connection.write_blocked(since)

    def _wind_up(self, connection: Connection, now: float) -> None:
        """The connection has ended: end the stream when the last bytes have been taken, or soon without."""
        if not connection.lingers:
            self._outbox.clear()
        if not self._outbox.size:
            self._hang_up()
        elif self._last_alarm is None:
            self._last_alarm = self._clock.call_at(now + self._timeouts.drain, self._give_up)
        self._lease.recall()
        self._changed.notify_all()

    def _call_back(self) -> None:
        """Tell outcomes to those who wait for them. Called without the lock."""
        if self._inbox.has_calls():
            self._inbox.call_back(lambda ended: self._handlers.on_request_ended(self, ended))

    def _interrupt(self) -> None:
        if self._stream is not None:
            self._stream.interrupt()

    # --- timers ---

    def _on_timer(self) -> None:
        connection = self._connection
        if connection is not None and not connection.ended:
            now = self._clock.monotonic()
            connection.handle_timer(now)
            # Timers have been moved since the alarm was set: find out which is next.
            connection.next_timer()
            self._settle(now)

    def _give_up_handshake(self) -> None:
        """Something holds the lock. What hangs in a handshake gets no further; traffic goes on when it is over."""
        if not self.established and self._stream is not None:
            self._stream.hang_up()
