"""Negotiation that cannot be bent, and that never bends by itself."""

import pytest

from ipc_gauntlet import (
    Cut,
    Direction,
    Drop,
    Flip,
    Lab,
    RawPeer,
    Selector,
    Session,
    case,
    checks,
    sender,
)
from ipc_gauntlet_suites.scripts import BOTH_WAYS, directed, numbered

POSITIONS = 16
OFFER, BEYOND = 40, 1  # first bytes of a flight that are all changed, and how many of each part behind them
CONTROLS = 4  # random bytes that are equal in all of them pass for constant ones: once in many million
STEPS = 4
ANSWERS = {
    "garbage": bytes(range(256)),
    "end-of-stream": b"",
    "old-banner": b"220 service ready, authentication not required\r\n",
    "http": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "refusal-in-clear": b"\x00\x05ERROR: encryption not supported, continue in clear\n",
}
# What a protocol's framer calls the first frames that are protected; None where it cannot tell.
PROTECTED = {"sipc": "record", "tls": "appdata", "zmtp": "message"}


@case("DOWN-01")
@pytest.mark.parametrize("position", range(POSITIONS))
def test_edited_first_flight(lab: Lab, position: int) -> None:
    """Bits of the client's first flight are changed, in each of its bytes in turn. Either no session comes of it, or both
    ends see the very session they would have had: same peer, version and suite, and nothing altered delivered."""
    flights: list[bytes] = []

    def script(session: Session) -> None:
        session.open(warm=False)
        flights.append(session.the_link().recording("c2s")[0])
        session.exchange("c2s", 2)
        session.settle_delivery("c2s")

    control = lab.control(script, checks.delivered_all("c2s"), checks.established("client"))
    at = Selector(direction="c2s", nth=0, since_mark=False)
    for offset in _sampled(lab, len(flights[0]), position):
        flip = Flip(at=at, offset=offset, mask=1 << lab.rng.randrange(8), header=True)
        outcome = lab.attack(script, flip)
        lab.require(
            outcome,
            checks.same_views(control),
            checks.bindings_agree(),
            checks.delivered_only_sent("c2s"),
            checks.delivered_prefix("c2s"),
        )


def _sampled(lab: Lab, length: int, position: int) -> list[int]:
    """Bytes of one of the equal parts of a flight: all of them near its beginning, where offers are, else some."""
    low, high = position * length // POSITIONS, (position + 1) * length // POSITIONS
    window = range(low, max(high, low + 1))
    near = [offset for offset in window if offset < OFFER]
    beyond = [offset for offset in window if offset >= OFFER]
    return near + sorted(lab.rng.sample(beyond, min(BEYOND, len(beyond))))


@case("DOWN-06", role="client")
@pytest.mark.parametrize("answer", list(ANSWERS))
def test_no_fallback_to_clear(lab: Lab, answer: str) -> None:
    """What answers the client is not a secure peer: garbage, an immediate end, a plain-text banner. However often
    it tries, the client must not establish a session and must not send application data in clear."""
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"))
    for _ in range(3):
        raw = RawPeer.listen(lab.reactor, lab.transport, lab.directory)
        lab.own(raw.close)
        canary = lab.payload("canary")
        session = lab.session(upstream=raw.address)
        session.connect()
        lab.wait(lambda r=raw: r.connected)  # type: ignore[misc]
        raw.write(ANSWERS[answer])
        if answer == "end-of-stream":
            raw.finish()
        session.await_decision()
        session.send("c2s", canary)
        session.settle_end("client")
        outcome = session.finish()
        lab.record(session, f"answered the client with {answer}")
        lab.require(
            outcome,
            checks.not_established("client"),
            checks.not_in_clear(canary, raw.received),
            checks.nothing_delivered(),
        )


@case("DOWN-07", role="client")
def test_offers_never_shrink(lab: Lab) -> None:
    """The adversary kills the connection at every step of the handshake, one attempt after the other. The client's
    offer on the next attempt must be as strong as on the first: same length, same constant bytes."""
    served = lab.listen()
    flights: list[bytes] = []
    steps: list[tuple[Direction, int]] = []

    def script(session: Session) -> None:
        session.open(warm=False)
        link = session.the_link()
        if not flights:
            steps.extend((way, nth) for way in BOTH_WAYS for nth in range(min(link.count(way), STEPS)))
        frames = link.recording("c2s")
        flights.append(frames[0] if frames else b"")
        session.exchange("c2s", 1)
        session.settle_delivery("c2s")

    for _ in range(CONTROLS):
        lab.control(script, checks.delivered_all("c2s"), served=served)
    for attempt, (way, nth) in enumerate(steps, 1):
        cut = Cut(at=Selector(direction=way, nth=nth, since_mark=False), how="fin")
        lab.attack(script, cut, served=served)
        if flights[-1]:  # where the server speaks first, a client that never heard it offers nothing
            _require_same_offer(lab, flights, f"attempt {attempt}")
    # Late news of the killed attempts must not be taken for the last one's.
    lab.pause_until_quiet(lambda: False)
    last = lab.attack(
        script,
        what=f"killed {len(steps)} attempts, then left the client in peace",
        served=served,
        patient=True,
    )
    _require_same_offer(lab, flights, "the last attempt")
    lab.require(last, checks.delivered_all("c2s"))


def _require_same_offer(lab: Lab, flights: list[bytes], which: str) -> None:
    """Hold the newest first flight against what the undisturbed ones had in common."""
    first, now = flights[0], flights[-1]
    controls = flights[:CONTROLS]
    constant = [
        at for at, byte in enumerate(first) if all(one[at : at + 1] == bytes([byte]) for one in controls)
    ]
    same = len(now) == len(first) and all(now[at] == first[at] for at in constant)
    seen = f"the offer of {which} differs: {len(first)} bytes before, {len(now)} now"
    lab.require_that(same, "the same offer after killed attempts", seen, "offer-shrank")


@case("DOWN-10")
@pytest.mark.parametrize("direction", BOTH_WAYS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_prefix_truncation(lab: Lab, direction: Direction, count: int) -> None:
    """The first protected records of a direction vanish, the rest passes. No application message may be delivered
    over the gap: parameters exchanged under protection cannot be cut off unnoticed."""
    directed(lab, direction)
    before: list[int] = []

    def script(session: Session) -> None:
        session.open(warm=False)
        role = sender(direction)
        # The receiver may not know of the session yet: what it needs for that may be what vanished.
        if not session.is_established(role) or session.is_over(role):
            session.settle()
            return
        before.append(_application_start(session, direction))
        session.exchange(direction, 5)
        session.settle_delivery(direction)

    control = lab.control(script, checks.delivered_all(direction))
    label = PROTECTED.get(lab.framing)
    nth = 0 if label else before[0]
    fault = Drop(at=Selector(direction=direction, nth=nth, label=label, since_mark=False), count=count)
    outcome = lab.attack(script, fault)
    spared = 0
    lab.require(outcome, checks.delivered_prefix(direction, at_most=spared), checks.same_views(control))


def _application_start(session: Session, direction: Direction) -> int:
    return session.the_link().count(direction)
