"""Virtual time: options that set timers, and exact demands on when something happens.

A tick is a millisecond. What has to happen at its time must not have happened one tick before, and must have happened
with that tick. Lengths are odd numbers, so that whoever rounds is found out.
"""

from collections.abc import Callable, Iterable

from ipc_gauntlet import Lab, RawPeer, Role, Served
from ipc_gauntlet_suites.scripts import other

LONGEST_MS = 86_400_000  # the longest idle time there may be: whoever sets it hears nothing of it
FIRED_S = 4.0


def virtual(**timeouts_ms: int) -> dict[str, object]:
    """Options for virtual time with these timers."""
    return {"clock": "virtual", "timeouts": timeouts_ms} if timeouts_ms else {"clock": "virtual"}


def exactly(
    lab: Lab, happened: Callable[[], bool], t_ms: int, *roles: Role, what: str, soon: bool = False
) -> None:
    """Demand that something happens with the last tick of a time, and not before.

    Args:
        lab: The case's lab.
        happened: Whether it has.
        t_ms: The time from now, in milliseconds.
        *roles: Whose clock moves; both by default.
        what: What is to happen, as a clause.
        soon: `happened` asks a driver, so that it cannot be waited for but only asked again.

    Raises:
        RequirementViolated: It happens earlier, or has not happened then.
    """
    lab.advance(t_ms - 1, *roles)
    if soon:
        lab.settle()
        early = happened()
    else:
        lab.settle(happened)
        early = happened()
    lab.require_that(
        not early, f"{what} after {t_ms} ms, not before", "it happened a tick too early", "early"
    )
    lab.advance(1, *roles)
    fired = lab.poll(happened, FIRED_S) if soon else lab.wait(happened, FIRED_S)
    lab.require_that(fired, f"{what} after {t_ms} ms", f"nothing had happened after {t_ms} ms", "late")


def pass_by(lab: Lab, steps_ms: Iterable[int], *roles: Role) -> None:
    """Let time pass in steps, and let everybody do what has to be done after each of them."""
    for step in steps_ms:
        lab.advance(step, *roles)
        lab.settle()


def silent_client(lab: Lab, served: Served, data: bytes = b"") -> RawPeer:
    """A client that connects, sends some bytes and no more; returns when the server has noticed as much as it will."""
    raw = RawPeer.dial(lab.reactor, served.address)
    lab.own(raw.close)
    if data:
        raw.write(data)
    lab.settle(activity=lambda: (lab.told(), raw.bytes_seen))
    return raw


def silent_server(lab: Lab) -> RawPeer:
    """A server that accepts one connection and says nothing."""
    raw = RawPeer.listen(lab.reactor, lab.transport, lab.directory)
    lab.own(raw.close)
    return raw


def peer_of(role: Role) -> Role:
    """The side that is not judged."""
    return other(role)
