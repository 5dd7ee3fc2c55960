"""One scenario for each timer of an implementation: what starts it, and how it shows that it has fired."""

from collections.abc import Callable
from dataclasses import dataclass

from ipc_gauntlet import Direction, Lab, Role, Session, blackhole
from ipc_gauntlet_suites.scripts import open_or_stop
from ipc_gauntlet_suites.timeouts.virtual import LONGEST_MS, silent_client, silent_server, virtual

CHUNK = 48 * 1024
FLOOD_LIMIT = 24 * 1024 * 1024
BLOCKED_S = 0.3


@dataclass(frozen=True, slots=True)
class Started:
    """A timer that runs.

    Args:
        happened: Whether it has fired.
        t_ms: When it is due, in milliseconds from now.
        session: The session, if there is one.
    """

    happened: Callable[[], bool]
    t_ms: int
    session: Session | None = None


def _connect(lab: Lab, role: Role, t_ms: int) -> Started:
    hole = blackhole(lab.transport, lab.directory)
    lab.own(hole.close)
    attempt = lab.begin(hole.address, virtual(connect_ms=t_ms, handshake_ms=10 * t_ms))
    lab.settle(attempt.is_over)
    return Started(attempt.is_over, t_ms)


def _handshake(lab: Lab, role: Role, t_ms: int) -> Started:
    if role == "server":
        raw = silent_client(lab, lab.listen(options=virtual(handshake_ms=t_ms)))
        return Started(lambda: raw.ended is not None, t_ms)
    server = silent_server(lab)
    attempt = lab.begin(server.address, virtual(handshake_ms=t_ms, connect_ms=10 * t_ms))
    lab.wait(lambda: server.connected, 4.0)
    lab.settle(attempt.is_over, activity=lambda: (lab.told(), server.bytes_seen))
    return Started(attempt.is_over, t_ms)


def _opened(lab: Lab, **timeouts_ms: int) -> Session:
    session = lab.session(options=virtual(**{"idle_ms": LONGEST_MS, **timeouts_ms}), virtual=True)
    open_or_stop(session)
    return session


def outward(lab: Lab, role: Role) -> Direction:
    """The direction in which a role sends."""
    if role == "server":
        lab.need("push", "its servers cannot send unasked")
        return "s2c"
    return "c2s"


def _idle(lab: Lab, role: Role, t_ms: int) -> Started:
    session = _opened(lab, idle_ms=t_ms, probe_ms=10 * t_ms)
    link, way = session.the_link(), "c2s" if role == "client" else "s2c"
    link.stall("both", reading=True)
    heard = link.bytes_seen(way)  # type: ignore[arg-type]
    return Started(lambda: link.bytes_seen(way) > heard, t_ms, session)  # type: ignore[arg-type]


def _probe(lab: Lab, role: Role, t_ms: int) -> Started:
    session = _opened(lab, idle_ms=7, probe_ms=t_ms)
    session.the_link().stall("both", reading=True)
    lab.advance(7, role)
    session.settle()
    return Started(lambda: session.is_over(role), t_ms, session)


def _request(lab: Lab, role: Role, t_ms: int) -> Started:
    lab.need("request", "it has no requests")
    session = _opened(lab)
    call = session.request("wait", b"60000", deadline_ms=t_ms)
    session.settle(lambda: call.done)
    return Started(lambda: call.done, t_ms, session)


def _write(lab: Lab, role: Role, t_ms: int) -> Started:
    way = outward(lab, role)
    session = _opened(lab, write_ms=t_ms)
    session.the_link().stall(way, reading=False)
    flood = session.flood(way, CHUNK, FLOOD_LIMIT, timeout_s=BLOCKED_S)
    lab.require_control_that(flood.blocked, "sending did not block")
    return Started(lambda: session.is_over(role), t_ms, session)


def _drain(lab: Lab, role: Role, t_ms: int) -> Started:
    session = _opened(lab, drain_ms=t_ms, write_ms=100_000)
    session.the_link().stall("both", reading=True)
    call = session.submit(role, "close", mode="graceful")
    session.settle(lambda: call.done)
    return Started(lambda: call.done, t_ms, session)


_SCENARIOS: dict[str, Callable[[Lab, Role, int], Started]] = {
    "connect": _connect,
    "handshake": _handshake,
    "idle": _idle,
    "probe": _probe,
    "request": _request,
    "write": _write,
    "drain": _drain,
}

#: Each timer with each role that has it.
TIMERS: list[tuple[str, Role]] = [
    ("connect", "client"),
    ("request", "client"),
    *[
        (name, role)
        for name in ("handshake", "idle", "probe", "write", "drain")
        for role in ("client", "server")
    ],
]


def started(lab: Lab, timer: str, role: Role, t_ms: int) -> Started:
    """Start a timer of a role, in virtual time, on a pair that works otherwise: the control.

    Args:
        lab: The case's lab.
        timer: One of `TIMERS`.
        role: Whose.
        t_ms: Its length.
    """
    session = _opened(lab)
    session.exchange("c2s", 1)
    session.settle_delivery("c2s")
    delivered = len(session.view("server").delivered)
    session.close()
    lab.require_control_that(delivered > 0, "a good session delivered nothing")
    one = _SCENARIOS[timer](lab, role, t_ms)
    lab.did(f"the {role}'s timer {timer} runs for {t_ms} ms")
    if one.session is not None:
        lab.record(one.session)
    return one
