"""Every timer of the implementation, as one table, and the set of armed timers of one connection.

Rule of this file: a time is monotonic seconds and is always an argument. A timer fires when `now >= due`,
never earlier. The protocol core owns the timers whose meaning it knows (handshake to lifetime); the shell
around it owns the transport's own (`connect`) and the idempotency store its horizon, but their defaults and
bounds are here as well, so that one table answers every question about time.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum


class Timer(StrEnum):
    """Names of the timers; also the names of the fields of `Timeouts`."""

    CONNECT = "connect"
    HANDSHAKE = "handshake"
    FIRST = "first"
    IDLE = "idle"
    PROBE = "probe"
    REQUEST = "request"
    WRITE = "write"
    DRAIN = "drain"
    REASSEMBLY = "reassembly"
    LIFETIME = "lifetime"
    REKEY = "rekey"
    IDEMPOTENCY = "idempotency"


class Resend(StrEnum):
    """Whether a caller's retry loop may send the operation again by itself after this timer fired."""

    YES = "yes"
    KEYED = "only with an idempotency key, or if the method is idempotent"
    NOTHING = "nothing to send again"


@dataclass(frozen=True, slots=True)
class TimerRule:
    """One row of the table: bounds in seconds and what happens when the timer fires.

    Attributes:
        default: Seconds in force when nothing is configured.
        low: Smallest value a production configuration may set.
        high: Largest value any configuration may set.
        starts: What arms it.
        stops: What disarms it.
        noticed_by: Which side notices.
        reason: Reason class of the end of the connection, or of the request; empty when nothing ends.
        wire: What the other side sees.
        caller: What the caller of this implementation gets.
        effect: Whether the operation's effect may have happened: no, unknown, or not applicable.
        resend: Whether an automatic retry is allowed.
    """

    default: float
    low: float
    high: float
    starts: str
    stops: str
    noticed_by: str
    reason: str
    wire: str
    caller: str
    effect: str
    resend: Resend


# fmt: off
TIMERS: dict[Timer, TimerRule] = {
    Timer.CONNECT: TimerRule(
        5.0, 0.1, 30.0, "connect() is called", "the transport is connected",
        "initiator", "timeout", "nothing", "rejected: timeout at stage transport", "no", Resend.YES),
    Timer.HANDSHAKE: TimerRule(
        5.0, 1.0, 30.0, "the transport is connected or accepted", "ESTABLISHED; progress does not move it",
        "either", "timeout", "the stream ends without a message", "rejected: timeout at stage handshake",
        "no", Resend.YES),
    Timer.FIRST: TimerRule(
        2.0, 0.1, 30.0, "the transport is accepted", "the first frame is complete",
        "responder", "timeout", "the stream ends without a message", "rejected: timeout at stage negotiation",
        "no", Resend.YES),
    Timer.IDLE: TimerRule(
        60.0, 1.0, 86_400.0, "an authenticated record arrives", "the next one arrives",
        "either", "", "PING", "nothing", "not applicable", Resend.NOTHING),
    Timer.PROBE: TimerRule(
        10.0, 0.5, 60.0, "PING is sent", "any authenticated record arrives",
        "either", "timeout", "the stream ends without CLOSE", "closed: error, timeout; open calls: outcome_unknown",
        "unknown", Resend.KEYED),
    Timer.REQUEST: TimerRule(
        30.0, 0.001, 600.0, "a request is submitted", "its final response arrives",
        "initiator of the call; the other side stops the work by the same budget", "timeout",
        "nothing from the caller; response 7 from the responder", "deadline_exceeded", "unknown", Resend.KEYED),
    Timer.WRITE: TimerRule(
        10.0, 0.5, 120.0, "bytes wait because the peer does not read", "those bytes have been taken",
        "sender", "timeout", "the stream ends without CLOSE", "closed: error, timeout; open calls: outcome_unknown",
        "unknown", Resend.KEYED),
    Timer.DRAIN: TimerRule(
        5.0, 0.5, 30.0, "close() is called, or the peer's CLOSE arrives while answers are owed",
        "both CLOSE records are exchanged",
        "the side that closes", "timeout", "the stream ends, perhaps without CLOSE",
        "close() returns; closed: local, timeout", "unknown", Resend.KEYED),
    Timer.REASSEMBLY: TimerRule(
        30.0, 1.0, 120.0, "a first fragment arrives", "the last fragment arrives",
        "receiver", "timeout", "ERROR 1, then the stream ends", "closed: error, timeout", "unknown", Resend.KEYED),
    Timer.LIFETIME: TimerRule(
        3600.0, 60.0, 86_400.0, "ESTABLISHED", "the session ends",
        "either", "expired", "CLOSE with reason 1", "closed: local, expired", "unknown", Resend.KEYED),
    Timer.REKEY: TimerRule(
        900.0, 1.0, 3600.0, "ESTABLISHED or a REKEY of ours", "the session ends",
        "sender", "", "REKEY", "nothing", "not applicable", Resend.NOTHING),
    Timer.IDEMPOTENCY: TimerRule(
        600.0, 600.0, 86_400.0, "the first request with a key arrives", "never stopped",
        "responder", "", "nothing", "a later duplicate would execute again", "not applicable", Resend.NOTHING),
}
# fmt: on


class TimeoutOutOfRange(ValueError):
    """A configured time lies outside the bounds of `TIMERS`; the message names both."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The configured length of every timer, in seconds.

    Args:
        allow_short: Accept values below the lower bound of the table. Conformance tests need time-outs of
            milliseconds; a production configuration should leave this off.

    Raises:
        TimeoutOutOfRange: A value is not a positive finite number, or outside its bounds.
    """

    connect: float = TIMERS[Timer.CONNECT].default
    handshake: float = TIMERS[Timer.HANDSHAKE].default
    first: float = TIMERS[Timer.FIRST].default
    idle: float = TIMERS[Timer.IDLE].default
    probe: float = TIMERS[Timer.PROBE].default
    request: float = TIMERS[Timer.REQUEST].default
    write: float = TIMERS[Timer.WRITE].default
    drain: float = TIMERS[Timer.DRAIN].default
    reassembly: float = TIMERS[Timer.REASSEMBLY].default
    lifetime: float = TIMERS[Timer.LIFETIME].default
    rekey: float = TIMERS[Timer.REKEY].default
    idempotency: float = TIMERS[Timer.IDEMPOTENCY].default
    allow_short: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name != "allow_short":
                _check(Timer(field.name), getattr(self, field.name), allow_short=self.allow_short)


def _check(timer: Timer, seconds: float, *, allow_short: bool) -> None:
    rule = TIMERS[timer]
    low = 0.0 if allow_short else rule.low
    if not math.isfinite(seconds) or seconds <= 0 or not low <= seconds <= rule.high:
        raise TimeoutOutOfRange(f"time-out {timer}: {seconds} s is not within {low}..{rule.high} s")


class ArmedTimers:
    """The armed timers of one connection. A handful of entries, so a dictionary is the fastest heap.

    Attributes:
        soonest: Nothing is due before this. Moving a timer to later, or disarming it, does not move it: most
            timers are moved with each record and never fire, so that the exact time is found out by `next` alone.
    """

    __slots__ = ("_due", "soonest")

    def __init__(self) -> None:
        self._due: dict[Timer, float] = {}
        self.soonest = math.inf

    def arm(self, timer: Timer, due: float) -> None:
        """Arm `timer` for the monotonic time `due`, replacing an earlier setting."""
        self._due[timer] = due
        if due < self.soonest:
            self.soonest = due

    def arm_earlier(self, timer: Timer, due: float) -> None:
        """Arm `timer` unless it is armed for an earlier time already."""
        self.arm(timer, min(due, self._due.get(timer, math.inf)))

    def disarm(self, timer: Timer) -> None:
        """Disarm `timer`; nothing happens if it is not armed."""
        self._due.pop(timer, None)

    def clear(self) -> None:
        """Disarm everything."""
        self._due.clear()

    def is_armed(self, timer: Timer) -> bool:
        """Whether `timer` is armed."""
        return timer in self._due

    def next(self) -> float | None:
        """The earliest due time, or None when nothing is armed."""
        self.soonest = min(self._due.values(), default=math.inf)
        return None if self.soonest == math.inf else self.soonest

    def fire(self, now: float) -> Iterator[Timer]:
        """Disarm and yield each timer that is due, the earliest first.

        A handler may arm or disarm timers while it iterates.
        """
        while due := [(when, timer) for timer, when in self._due.items() if when <= now]:
            timer = min(due)[1]
            del self._due[timer]
            yield timer
