"""Scripts: what the two ends do in a session, the same in a positive control and under attack."""

import base64
from collections.abc import Callable

from ipc_gauntlet import (
    Call,
    CallFailed,
    Deployment,
    Direction,
    Inconclusive,
    Lab,
    RawPeer,
    Role,
    Served,
    Session,
    receiver,
    sender,
)

Script = Callable[[Session], None]
BOTH_WAYS: list[Direction] = ["c2s", "s2c"]
BOTH_ROLES: list[Role] = ["client", "server"]

#: Bytes before the body of a frame, by framing; random bytes after them make a forged frame of the right shape.
HEADER_BYTES = {"sipc": 2, "tls": 5, "u32be": 4, "mp": 4, "u16be": 2, "zmtp": 2, "opaque": 0}


def other(role: Role) -> Role:
    """The opposite role."""
    return "client" if role == "server" else "server"


def opposite(direction: Direction) -> Direction:
    """The opposite direction."""
    return "s2c" if direction == "c2s" else "c2s"


def directed(lab: Lab, direction: Direction) -> None:
    """Prepare a case whose messages travel in one direction: its receiver is judged."""
    lab.judge(receiver(direction))
    if direction == "s2c":
        lab.need("push", "its servers cannot send unasked")


def numbered(direction: Direction, count: int = 5) -> Script:
    """Open a session, send numbered messages one way, wait until they have arrived or the session has ended."""

    def script(session: Session) -> None:
        if not session.open():
            return
        session.exchange(direction, count)
        session.settle_delivery(direction)

    return script


def sent_then_closed(direction: Direction, count: int = 3) -> Script:
    """Like `numbered`, then the sender closes gracefully and the receiver learns of it."""

    def script(session: Session) -> None:
        if not session.open():
            return
        session.exchange(direction, count)
        session.settle_delivery(direction)
        session.close_end(sender(direction))
        session.settle_end(receiver(direction))

    return script


def try_to_talk(session: Session) -> None:
    """Connect, then have both ends try to send, whether or not they call the session established."""
    session.open(warm=False)
    session.send("c2s")
    if session.lab.has("push") and session.knows_server():
        session.send("s2c")
    if session.served is None:  # the adversary alone is there, and delivers nothing to anybody
        session.settle_end("client")
    else:
        session.settle_delivery("c2s")


def gone(lab: Lab, raw: RawPeer) -> None:
    """Wait until whoever talks to a raw peer has ended the connection, or nothing moves any more."""
    lab.pause_until_quiet(lambda: raw.ended is not None)


def told(lab: Lab, served: Served, since: int, limit_s: float = 0.5) -> None:
    """Wait until a server has told how a connection ended, so that it is not taken for news of the next one."""

    def over() -> bool:
        view = served.view(since)
        return bool(view.refusals or view.endings)

    lab.wait(over, limit_s)


def wait_answer(lab: Lab, raw: RawPeer, heard: int, limit_s: float = 0.1) -> None:
    """Wait until a raw peer has heard more than `heard` bytes, or the connection has ended."""
    lab.wait(lambda: raw.bytes_seen > heard or raw.ended is not None, limit_s)


def fetch(session: Session, operation: str, payload: bytes, key: bytes | None = None) -> dict[str, object]:
    """Make a request and wait for its outcome.

    Raises:
        Inconclusive: The driver did not say how the request ended.
    """
    call = session.request(operation, payload, key=key)
    if not session.lab.wait(lambda: call.done):
        raise Inconclusive(f"the outcome of {operation} never came")
    return answer_of(call)


def answer_of(call: Call) -> dict[str, object]:
    """The outcome of a finished request; a failed call is an error of unknown effect."""
    try:
        return call.result()
    except CallFailed as failure:
        return {"status": "error", "reason": failure.reason, "executed": "unknown"}


def is_payload(value: object, payload: bytes) -> bool:
    """Whether an answer's payload (base64) is these bytes."""
    return value == base64.b64encode(payload).decode("ascii")


def open_or_stop(session: Session) -> None:
    """Open a session that must work.

    Raises:
        Inconclusive: It did not open.
    """
    if not session.open():
        raise Inconclusive("a good session did not open")


def other_principal(lab: Lab) -> tuple[Served, Deployment]:
    """An endpoint that serves two principals, and the second one's deployment."""
    first = lab.issuer.good()
    second = lab.issuer.good("second-client")
    trust = lab.issuer.trust_both(first, second)
    served = lab.listen(first.replace("server", first.server.but(trust=trust)))
    return served, second
