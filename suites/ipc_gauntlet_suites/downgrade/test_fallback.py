"""Failure and strangeness lead to nothing weaker: no clear text, no smaller offer, no trouble with unknown numbers."""

from collections.abc import Callable, Mapping

import pytest

from ipc_gauntlet import Lab, Quirks, RawPeer, RecordQuirks, Role, WirePeer, case, cbor, checks, negotiation
from ipc_gauntlet_suites.downgrade import offers
from ipc_gauntlet_suites.scripts import BOTH_ROLES, gone, numbered, try_to_talk

ATTEMPTS = 12
#: What a stranger answers, or begins with; the empty one ends the stream.
WORDS = (
    b"220 service ready, authentication not required\r\n",
    b"",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b'{"encryption": "optional", "authentication": "none"}\n',
    bytes(256),
)
#: Suites that mean nothing: zero, experiments, the last number.
NULLS = (0x0000, 0x7F00, 0x7F01, 0x7FFF, 0xFFFF)
#: Versions that an offer may reach up to, and begin with, although nobody knows them.
FUTURE = ((255, 127), (128, 128), (255, 255), (128, 1), (126, 1), (200, 150))


@case("DOWN-06", role="client")
def test_many_failures(lab: Lab) -> None:
    """A dozen attempts of a client fail, each at something else that is no secure peer. The client must not get the idea
    that its peer speaks no better: no session, nothing in clear; and the real server is still reached securely."""
    before = lab.control(numbered("c2s", 1), checks.delivered_all("c2s"))
    for attempt in range(ATTEMPTS):
        words = WORDS[attempt % len(WORDS)]
        raw = RawPeer.listen(lab.reactor, lab.transport, lab.directory)
        lab.own(raw.close)
        canary = lab.payload("canary")
        session = lab.session(upstream=raw.address)
        session.connect()
        lab.wait(lambda r=raw: r.connected)  # type: ignore[misc]
        raw.write(words)
        if not words:
            raw.finish()
        session.await_decision()
        session.send("c2s", canary)
        raw.close()
        session.settle_end("client")
        outcome = session.finish()
        lab.record(session, f"attempt {attempt + 1}: answered the client with {words[:12]!r}")
        lab.require(
            outcome,
            checks.not_established("client"),
            checks.not_in_clear(canary, raw.received),
            checks.nothing_delivered(),
        )
    canary = lab.payload("canary")
    last = lab.session(patient=True)
    if last.open():
        last.send("c2s", canary)
        last.settle_delivery("c2s")
    outcome = last.finish()
    # Whoever never encrypts has not begun to because of a failure; other requirements are about that.
    if all(checks.not_in_clear(one)(before) is None for one in before.sent["c2s"]):
        lab.require(outcome, checks.not_in_clear(canary))
    lab.require_control(outcome, checks.delivered_all("c2s"))


@case("DOWN-06", role="server")
def test_clear_words_to_a_server(lab: Lab) -> None:
    """Clients without any protection talk to the server, and ask it for something. It must not call that a session, hand
    over anything, or carry anything out."""
    served = lab.listen()
    lab.control(numbered("c2s", 1), checks.delivered_all("c2s"), served=served)
    for words in WORDS:
        since = served.since()
        canary = lab.payload("canary")
        raw = RawPeer.dial(lab.reactor, served.address)
        lab.own(raw.close)
        raw.write(words + canary + b"\r\n")
        raw.finish()
        gone(lab, raw)
        raw.close()
        lab.did(f"told the server {words[:12]!r} and some data, in clear")
        lab.require_view(served.view(since), checks.not_established("server"), checks.nothing_delivered())


@case("DOWN-06", wire="sipc/1", axes="each", stage="handshake")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_null_suite_asked_for(lab: Lab, role: Role) -> None:
    """The peer asks for a suite that nobody knows, such as one without encryption: as a client, in front of a good one or
    alone; as a server, by RETRY. Then it goes on in clear. The other side must not consent, and must not listen."""
    lab.judge(role)
    lab.stage("handshake")
    options = offers.wide(lab)
    good = offers.opposite(lab, role, options=options)
    lab.require_control_that(good.handshake(), f"no session with a good peer ({good.ended})")
    good.close()
    for number in NULLS:
        for suites in ((number,), (number, *offers.numbers(lab))):
            peer, consented = _asked(lab, role, number, suites)
            peer.emit("READY", clear=True)
            peer.emit("MSG", clear=True)
            peer.settle()
            view = lab.iut_view(peer)
            peer.hang_up()
            asked = f"suite 0x{number:04X} asked for"
            lab.require_that(not consented, f"{asked}: no consent", "it went on with it", "null")
            lab.require_that(not view.established, f"{asked}: no session", "there was one", "established")
            lab.require_that(not view.delivered, f"{asked}: nothing delivered", "data was", "delivered")


def _asked(lab: Lab, role: Role, number: int, suites: tuple[int, ...]) -> tuple[WirePeer, bool]:
    """Ask for a suite that means nothing; whether the other side went on with it."""
    options = offers.wide(lab)
    if role == "server":
        peer = lab.wire_client(lab.listen(options=options), options={**options, "suites": list(suites)})
        before, consent = 0, {"accept", "garbage", "sealed"}
        peer.offer()
    else:
        peer = offers.opposite(lab, role, options=options)
        peer.expect("offer")
        before, consent = len(peer.heard), {"choice", "garbage"}
        peer.retry(offers.VERSION, number)
    lab.settle(lambda: peer.ended is not None or len(peer.heard) > before)
    return peer, any(one.label in consent for one in peer.heard[before:])


@case("DOWN-07", wire="sipc/1", role="client", axes="each", stage="negotiation")
def test_offers_after_each_failure(lab: Lab) -> None:
    """Attempt after attempt of the client fails, each at another step and in another way: closed, reset, refused, asked
    for something else, answered with garbage or with a proof that is wrong. Its next offer is the same, byte for byte,
    and all that it was configured to offer."""
    lab.stage("negotiation")
    for options in (offers.wide(lab), {}):
        first = b""
        for what, fail in FAILURES.items():
            peer = offers.opposite(lab, "client", options=options)
            offer, _ = offers.parts(peer.expect("offer").data)
            first = first or offer
            _require_offer(lab, first, offer, options)
            fail(peer)
            peer.settle()
            peer.hang_up()
            _given_up(lab, peer)
            lab.did(f"ended the attempt: {what}")
        good = offers.opposite(lab, "client", options=options)
        offer, _ = offers.parts(good.expect("offer").data)
        _require_offer(lab, first, offer, options)
        lab.require_control_that(good.handshake(), f"no session with a good server ({good.ended})")
        good.close()


def _require_offer(lab: Lab, first: bytes, offer: bytes, options: Mapping[str, object]) -> None:
    """Hold an offer against the first one, and against what its client was told to offer."""
    lab.require_that(
        offer == first, f"the offer {first.hex()} as before", f"it offered {offer.hex()}", "offer-shrank"
    )
    if options:
        made, known = negotiation.Offer.decode(offer), offers.numbers(lab)
        told = tuple(one for one in made.suites if one in known)
        whole = told == known and (made.lowest, made.highest, made.chosen) == (1, 127, 127)
        lab.require_that(whole, "all suites and versions offered", f"it offered {made}", "offer-shrank")


@case("DOWN-07", role="client")
def test_trust_after_failures(lab: Lab) -> None:
    """A dozen attempts of a client fail. Then somebody answers whom it does not trust, or who is not whom it wants to
    reach. It asks for the same proof as on its first attempt: no session."""
    lab.control(numbered("c2s", 1), checks.delivered_all("c2s"))
    strangers = {
        "somebody who is not trusted": lab.issuer.untrusted("server"),
        "somebody else": lab.issuer.elsewhere().intending(lab.issuer.good().service),
    }
    # Whom it believes from the start it does not believe because of a failure; other requirements are about that.
    refused = {
        what: deployment
        for what, deployment in strangers.items()
        if not lab.attack(try_to_talk, what=f"{what} answers", deployment=deployment).client.established
    }
    for _ in range(ATTEMPTS):
        raw = RawPeer.listen(lab.reactor, lab.transport, lab.directory)
        lab.own(raw.close)
        session = lab.session(upstream=raw.address)
        session.connect()
        lab.wait(lambda r=raw: r.connected)  # type: ignore[misc]
        raw.close()
        session.settle_end("client")
        session.close()
    for what, deployment in refused.items():
        outcome = lab.attack(try_to_talk, what=f"{what} answers, after failures", deployment=deployment)
        lab.require(outcome, checks.not_established("client"), checks.nothing_delivered())


def _given_up(lab: Lab, peer: WirePeer) -> None:
    """Wait until the client has told that an attempt is over."""

    def told() -> bool:
        view = lab.iut_view(peer)
        return bool(view.endings or view.refusals)

    lab.settle(told)


def _ask_for_another(peer: WirePeer) -> None:
    offer = negotiation.Offer.decode(peer.peer.negotiating.offer_bytes)
    peer.retry(offer.chosen, offer.suites[-1])
    peer.wait_for("choice", timeout_s=1.0)


def _ask_for_less(peer: WirePeer) -> None:
    offer = negotiation.Offer.decode(peer.peer.negotiating.offer_bytes)
    peer.retry(offer.lowest, offer.suites[-1])
    peer.wait_for("choice", timeout_s=1.0)
    peer.abort()


def _ask_twice(peer: WirePeer) -> None:
    _ask_for_another(peer)
    _ask_for_another(peer)


def _half_a_proof(peer: WirePeer) -> None:
    peer.accept(lambda frame: frame[:-9])
    peer.finish()


def _proof_then_reset(peer: WirePeer) -> None:
    peer.accept()
    peer.abort()


FAILURES: dict[str, Callable[[WirePeer], object]] = {
    "closed": lambda peer: peer.hang_up(),
    "reset": lambda peer: peer.abort(),
    "its direction ended": lambda peer: peer.finish(),
    "a TLS alert": lambda peer: peer.raw(b"\x15\x03\x01\x00\x02\x02\x46"),
    "text": lambda peer: peer.raw(b"HTTP/1.1 505 HTTP Version Not Supported\r\n\r\n"),
    "REJECT, no common version": lambda peer: peer.reject(1),
    "REJECT, no common suite": lambda peer: peer.reject(2),
    "REJECT, busy": lambda peer: peer.reject(3, 1),
    "REJECT for a reason of the future": lambda peer: peer.reject(99),
    "RETRY to another suite, then closed": _ask_for_another,
    "RETRY to the least, then reset": _ask_for_less,
    "RETRY to an unknown suite": lambda peer: peer.retry(1, offers.GREASE),
    "two times RETRY": _ask_twice,
    "a proof that is wrong": lambda peer: peer.accept(lambda frame: frame[:-1] + bytes([frame[-1] ^ 1])),
    "half a proof": _half_a_proof,
    "a proof, then reset": _proof_then_reset,
    "a proof, then a wrong record": lambda peer: (peer.accept(), peer.raw(b"\0\x20" + bytes(32))),
    "closed once more": lambda peer: peer.hang_up(),
}


@case("DOWN-08", wire="sipc/1", role="server", axes="each", stage="negotiation")
@pytest.mark.parametrize("allowed", ["both", "second"])
def test_unknown_suites_ignored(lab: Lab, allowed: str) -> None:
    """Numbers that mean nothing stand in the client's list of suites, in every position, several at once, alone. The
    server selects what it would select without them, and says so if there is nothing else."""
    first, second = offers.numbers(lab)
    policy = (first, second) if allowed == "both" else (second,)
    served = lab.listen(options={"suites": offers.names(lab, *policy)})
    lab.stage("negotiation")
    for known in ((second, first), (first, second), (second,)):
        plain = _selected(lab, lab.wire_client(served, options={"suites": list(known)}))
        lab.require_control_that(plain == _expected(lab, known, policy), f"without anything unknown: {plain}")
        for suites in _greased(known):
            found = _selected(lab, lab.wire_client(served, options={"suites": list(suites)}))
            expected = _expected(lab, suites, policy)
            offered = ", ".join(f"0x{one:04X}" for one in suites)
            lab.require_that(found == expected, f"{expected} out of {offered}", f"{found}", "selection")
    peer = lab.wire_client(served, options={"suites": [offers.GREASE, 0x0A0A, 0xFFFF]})
    found = _selected(lab, peer)
    wanted = negotiation.Reject(offers.VERSION, negotiation.NO_SUITE).encode()
    told = [offers.parts(one.data)[0] for one in peer.heard if one.label == "reject"]
    lab.require_that(
        found is None and told == [wanted],
        "REJECT, no common suite, to an offer of unknown ones",
        f"{found or 'no session'}, heard {', '.join(peer.labels()) or 'nothing'}",
        "selection",
    )


def _greased(known: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Lists of suites with something unknown in every position."""
    one = [(*known[:at], number, *known[at:]) for at, number in _positions(known)]
    return [*one, (0x0A0A, *known, 0xFAFA), (*[0x0B00 + at for at in range(16 - len(known))], *known)]


def _positions(known: tuple[int, ...]) -> list[tuple[int, int]]:
    unknown = (offers.GREASE, 0x7F01, 0x0003)
    return [(at, unknown[at % len(unknown)]) for at in range(len(known) + 1)]


def _expected(
    lab: Lab,
    suites: tuple[int, ...],
    policy: tuple[int, ...],
) -> tuple[int, str] | None:
    """What section 4 of docs/sipc1.md selects among suites, for version 1."""
    if suites[0] in policy:
        return offers.VERSION, offers.names(lab, suites[0])[0]
    for number in policy:
        if number in suites:
            return offers.VERSION, offers.names(lab, number)[0]
    return None


def _selected(lab: Lab, peer: WirePeer) -> tuple[int, str] | None:
    """Version and suite of the session that came about, None if there was none."""
    came = offers.came_about(lab, peer)
    agreed = peer.state
    return (agreed.version, agreed.suite) if came and agreed is not None else None


@case("DOWN-08", wire="sipc/1", role="server", axes="each", stage="negotiation")
def test_unknown_versions_ignored(lab: Lab) -> None:
    """The client's range of versions reaches beyond what there is, by one or as far as it can, and its offer begins with
    a version that nobody knows. The server selects the highest that both know; above them all it says so."""
    first = offers.numbers(lab)[0]
    name = offers.names(lab, first)[0]
    served = {
        top: lab.listen(options={"suites": [name], "versions": [offers.VERSION, top]})
        for top in offers.BOTH_VERSIONS
    }
    lab.stage("negotiation")
    for top, listening in served.items():
        options = {"suites": [first], "versions": (1, top)}
        plain = _selected(lab, lab.wire_client(listening, options=options))
        lab.require_control_that(plain == (top, name), f"without anything unknown: {plain}")
        for highest, chosen in FUTURE:
            future: dict[str, object] = {"suites": [first], "versions": (1, highest), "chosen": chosen}
            found = _selected(lab, lab.wire_client(listening, options=future))
            expected = max(one for one in offers.BOTH_VERSIONS if one <= min(top, highest)), name
            what = f"{expected} out of versions 1 to {highest}, beginning with {chosen}"
            lab.require_that(found == expected, what, f"{found}", "selection")
        peer = lab.wire_client(listening, options={"suites": [first], "versions": (128, 255), "chosen": 128})
        found = _selected(lab, peer)
        lab.require_that(
            found is None and "reject" in peer.labels(),
            "REJECT to an offer of unknown versions",
            f"{found or 'no session'}, heard {', '.join(peer.labels()) or 'nothing'}",
            "selection",
        )


@case("DOWN-08", wire="sipc/1", axes="each", stage="handshake")
@pytest.mark.parametrize("role", BOTH_ROLES)
def test_unknown_features_ignored(lab: Lab, role: Role) -> None:
    """The peer announces features and properties that nobody knows yet, in the places that are kept for them. The session
    comes about as without them."""
    lab.judge(role)
    lab.stage("handshake")
    known: dict[object, object] = {0: 1 << 20, 1: 64, 2: 1 << 20, 3: 60_000}
    plain = offers.opposite(lab, role)
    lab.require_control_that(plain.handshake(), f"no session without anything unknown ({plain.ended})")
    plain.close()
    unknown: dict[str, dict[object, object]] = {
        "features": {4: [0x0A0A, 0x1A1A, 0xFFFF]},
        "64 features": {4: list(range(64))},
        "properties": {4: [], 64: b"x", 0x5A5A: [1, 2]},
    }
    for what, more in unknown.items():
        quirks = Quirks(record=RecordQuirks(ready=cbor.encode({**known, **more})))
        peer = offers.opposite(lab, role, quirks)
        found = offers.came_about(lab, peer)
        lab.require_that(found, f"a session with a peer that announces unknown {what}", "none", "selection")
