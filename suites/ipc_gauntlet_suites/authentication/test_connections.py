"""Authentication is per connection, and nothing from before it counts."""

import pytest

from ipc_gauntlet import (
    Direction,
    Inject,
    Lab,
    Outcome,
    RawPeer,
    Role,
    Selector,
    Session,
    case,
    checks,
    receiver,
)
from ipc_gauntlet_suites.scripts import BOTH_WAYS, Script, gone, numbered, try_to_talk


@case("AUTH-14", role="server")
def test_second_connection_without_identity(lab: Lab) -> None:
    """After a good session, and while it is open, the same client program connects again without an identity. It
    must not inherit the first connection's."""
    served = lab.listen()
    first = lab.session(served=served)
    numbered("c2s", 2)(first)
    lab.require_control(first.outcome(), checks.delivered_all("c2s"))
    good = lab.issuer.good()
    bare = good.replace("client", good.client.but(credential=None))
    outcome = lab.attack(
        try_to_talk,
        served=served,
        deployment=bare,
        what="connected again without a credential while the first is open",
    )
    lab.require(outcome, checks.not_established("server"), checks.nothing_delivered())


@case("AUTH-14", role="server")
def test_reattached_client(lab: Lab) -> None:
    """In the middle of a session the adversary attaches a new client to the server's old connection. The server must
    deliver nothing of it, and the client must not take the old connection for its own."""
    served = lab.listen()
    old = lab.session(served=served)
    numbered("c2s", 2)(old)
    lab.require_control(old.outcome(), checks.delivered_all("c2s"))
    sent = old.outcome().sent["c2s"]
    front = RawPeer.listen(lab.reactor, lab.transport, lab.directory)
    lab.own(front.close)
    front.on_bytes = lambda data: old.the_link().inject("c2s", data)
    new = lab.session(upstream=front.address)
    try_to_talk(new)
    old.settle()
    seen = new.finish()
    lab.record(new, "attached a new client to the old connection of the server")
    lab.require(seen, checks.not_established("client"))
    after = old.outcome()
    lab.require_that(
        after.server.delivered == sent and len(after.server.established) == 1,
        "nothing of the new client to reach the old session",
        f"delivered {checks.show(after.server.delivered)}",
        "attached",
    )


def _canary_frames(canary: bytes) -> bytes:
    """A canary the way a careless server might read it: bare, as a line, and behind common length prefixes."""
    return canary + b"\r\n" + len(canary).to_bytes(4) + canary + len(canary).to_bytes(2) + canary


@case("AUTH-16", role="server")
def test_early_bytes_then_gone(lab: Lab) -> None:
    """Somebody connects, writes data in clear and leaves at once; none of it may reach the application."""
    served = lab.listen()
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"), served=served)
    canary = lab.payload("canary")
    since = served.since()
    for form in (_canary_frames(canary), len(canary).to_bytes(4) + canary, canary):
        raw = RawPeer.dial(lab.reactor, served.address)
        lab.own(raw.close)
        raw.write(form)
        raw.finish()
        gone(lab, raw)
    lab.did("connected three times, wrote application data in clear and closed at once")
    outcome = Outcome(server=served.view(since), stage="handshake")
    lab.require(
        outcome, checks.never_delivered(canary), checks.nothing_delivered(), checks.not_established("server")
    )


@case("AUTH-16")
@pytest.mark.parametrize("direction", BOTH_WAYS)
@pytest.mark.parametrize("place", ["before-first-flight", "behind-first-flight"])
def test_injected_clear_bytes(lab: Lab, direction: Direction, place: str) -> None:
    """The adversary slips bytes in clear before or behind a first handshake message. They must never be delivered as
    data of the secure session."""
    victim: Role = receiver(direction)
    lab.judge(victim)
    script = _any_way()
    lab.control(script, checks.delivered_all("c2s"))
    canary = lab.payload("canary")
    at = Selector(direction=direction, nth=0, since_mark=False)
    fault = Inject(at=at, data=_canary_frames(canary), before=place == "before-first-flight")
    outcome = lab.attack(script, fault)
    lab.require(
        outcome,
        checks.never_delivered(canary),
        checks.delivered_only_sent("c2s"),
        checks.delivered_only_sent("s2c"),
        checks.delivered_prefix("c2s"),
    )
    lab.advise(outcome, checks.ended(victim))


def _any_way() -> Script:
    def script(session: Session) -> None:
        session.open(warm=False)
        session.exchange("c2s", 2)
        session.settle_delivery("c2s")

    return script
