"""Authentication is per connection, and nothing from before it counts."""

import base64
from functools import partial

import pytest

from ipc_gauntlet import (
    Direction,
    Drop,
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
from ipc_gauntlet_suites.scripts import (
    BOTH_ROLES,
    Script,
    gone,
    numbered,
    open_or_stop,
    other,
    try_to_talk,
    wait_answer,
)


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


@case("AUTH-14", role="server")
def test_records_on_a_new_connection(lab: Lab) -> None:
    """A client's last messages are held back, and its connection ends. Then the adversary opens a connection of its own
    and sends them there, as they were: with nothing before them, and behind the client's first message. The server must
    not take up the old session where it stopped."""
    served = lab.listen()
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"), served=served)
    held = Drop(at=Selector(direction="c2s", nth=1), count=64)
    session = lab.session(served=served, faults=(held,))
    open_or_stop(session)
    session.exchange("c2s", 3)
    session.settle(lambda: len(session.the_link().since_mark("c2s")) > 1)
    frames = session.the_link().recording("c2s")
    kept = session.the_link().since_mark("c2s")[1:]
    lab.record(session, "held a client's last messages back, and its connection ended")
    session.close()
    lab.settle(lambda: session.is_over("server"))
    since = served.since()
    for before in ((), frames[:1]):
        raw = RawPeer.dial(lab.reactor, served.address)
        lab.own(raw.close)
        for frame in (*before, *kept):
            heard = raw.bytes_seen
            raw.write(frame)
            if before:
                wait_answer(lab, raw, heard)
        raw.finish()
        gone(lab, raw)
    lab.did(f"sent {len(kept)} frames that were held back on new connections")
    lab.stage("handshake")
    lab.require_view(served.view(since), checks.not_established("server"), checks.nothing_delivered())


@case("AUTH-14")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_impostor_after_a_good_session(lab: Lab, role: Role) -> None:
    """A good session was established, and ended. At the same address, under the same name, somebody connects or answers
    next who cannot prove to be the same. What was proved before counts for nothing now."""
    lab.judge(role)
    good = lab.issuer.good()
    served = lab.listen()
    session = lab.session(served=served, patient=True)
    numbered("c2s", 2)(session)
    lab.require_control(session.outcome(), checks.delivered_all("c2s"))
    session.close_end("client")
    lab.settle(lambda: session.is_over("server"))
    spoiled = lab.issuer.untrusted(other(role))
    if role == "client":
        session.lead_to(lab.listen(spoiled))
    since = {one: len(lab.driver(one).observations) for one in BOTH_ROLES}
    conn = lab.new_conn()
    side = (good if role == "client" else spoiled).client
    call = lab.submit(
        "client",
        "connect",
        {
            "conn": conn,
            "address": dict(session.relay.address) if session.relay is not None else {},
            "service": good.service,
            "credential": side.credential,
            "trust": side.trust,
            "options": {},
        },
    )
    lab.settle(lambda: call.done)

    def told(method: str) -> list[object]:
        seen = lab.driver(role).observations[since[role] :]
        return [one for one in seen if one.method == method]

    lab.settle(lambda: bool(told("established") or told("rejected")))
    payload = base64.b64encode(lab.payload("canary")).decode("ascii")
    lab.submit("client", "send", {"conn": conn, "payload": payload})
    lab.settle(lambda: bool(told("delivered")))
    lab.did(
        f"after a good session the {other(role)} came again, over the same address, with a key nobody trusts"
    )
    lab.stage("handshake")
    heard = [one for role_ in BOTH_ROLES for one in lab.driver(role_).observations[since[role_] :]]
    delivered = [one for one in heard if one.method == "delivered"]
    again = f"the {role} called it established again"
    lab.require_that(not told("established"), "no session without a new proof", again, "established")
    lab.require_that(not delivered, "nothing delivered", f"{len(delivered)} messages were", "delivered")


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


@case("AUTH-16", role="client")
def test_greeting_then_gone(lab: Lab) -> None:
    """Somebody who is no server greets the client with data in clear, at once or behind its first message, and leaves or
    stays. None of it may reach the application, and no session may come of it."""
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    canary = lab.payload("canary")
    for form in (_canary_frames(canary), len(canary).to_bytes(4) + canary, len(canary).to_bytes(2) + canary):
        for answers, leaves in ((False, True), (True, True), (True, False)):
            fake = RawPeer.listen(lab.reactor, lab.transport, lab.directory)
            lab.own(fake.close)
            if not answers:
                fake.write(form)
                fake.finish()
            session = lab.session(upstream=fake.address)
            fake.on_bytes = partial(_greet, fake, form, leaves=leaves) if answers else fake.on_bytes
            try_to_talk(session)
            outcome = session.outcome()
            how = f"{'answered' if answers else 'greeted'} in clear and {'left' if leaves else 'stayed'}"
            lab.record(session, f"a fake server {how}")
            lab.require(
                outcome,
                checks.never_delivered(canary),
                checks.nothing_delivered(),
                checks.not_established("client"),
            )
            session.close()
            fake.close()


def _greet(fake: RawPeer, form: bytes, _heard: bytes, *, leaves: bool) -> None:
    """Answer the first bytes."""
    if fake.bytes_seen == len(_heard):
        fake.write(form)
        if leaves:
            fake.finish()


@case("AUTH-16")
@pytest.mark.parametrize(
    ("direction", "place"),
    [
        ("c2s", "before-first-flight"),
        ("s2c", "before-first-flight"),
        ("c2s", "behind-first-flight"),
        ("s2c", "behind-first-flight"),
        ("c2s", "before-next-flight"),
    ],
)
def test_injected_clear_bytes(lab: Lab, direction: Direction, place: str) -> None:
    """The adversary slips bytes in clear before or behind a first handshake message, or before the next one. They must
    never be delivered as data of the secure session."""
    victim: Role = receiver(direction)
    lab.judge(victim)
    script = _any_way()
    lab.control(script, checks.delivered_all("c2s"))
    canary = lab.payload("canary")
    at = Selector(direction=direction, nth=int(place == "before-next-flight"), since_mark=False)
    fault = Inject(at=at, data=_canary_frames(canary), before=place != "behind-first-flight")
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
