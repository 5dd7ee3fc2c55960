"""Messages out of turn, and peers that have begun but proved nothing yet."""

import pytest

from ipc_gauntlet import (
    HandshakeQuirks,
    Inconclusive,
    Lab,
    Outcome,
    Quirks,
    RawPeer,
    Role,
    Served,
    Transition,
    WirePeer,
    case,
    cbor,
    checks,
    transitions,
)
from ipc_gauntlet_suites.authentication.attempts import attempt, good, settled
from ipc_gauntlet_suites.scripts import numbered, told, wait_answer

#: So that a responder has something to ask for instead of what the offer begins with.
TWO_SUITES = {"suites": ["Noise_XX_25519_ChaChaPoly_SHA256", "Noise_XX_25519_AESGCM_SHA256"]}
TWO_PSK_SUITES = {"suites": ["Noise_NNpsk0_25519_ChaChaPoly_SHA256", "Noise_NNpsk0_25519_AESGCM_SHA256"]}
_SIDES = {"client": "initiator", "server": "responder"}
_UNFINISHED = ("LISTENING", "RETRYING", "ANSWERED", "OFFERED", "RETRIED", "CONFIRMING")
_RECORDS = ("READY", "MSG")
REPLAYS = 12
_POLLS = 50
_POLL_S = 0.02
_ANTICIPATED = [
    one.message
    for one in transitions("responder")
    if one.state == "LISTENING" and one.message in ("MESSAGE3", "READY", "MSG")
]


def _states(role: Role) -> list[str]:
    return list(dict.fromkeys(one.state for one in transitions(_SIDES[role])))  # type: ignore[arg-type]


def _cells(role: Role, state: str, mode: str) -> list[Transition]:
    every = transitions(_SIDES[role], mode)  # type: ignore[arg-type]
    return [one for one in every if one.state == state]


def _in_state(lab: Lab, role: Role, served: Served | None, state: str) -> WirePeer:
    """A wire peer of an implementation under test that stands in a state."""
    if served is not None:
        peer = lab.wire_client(served)
    else:
        peer = lab.wire_server()
        options = TWO_SUITES if lab.issuer.kind == "x509" else TWO_PSK_SUITES
        lab.attempt_to(peer, options=options if state in ("OFFERED", "RETRIED") else None)
    peer.reach(state)  # type: ignore[arg-type]
    return peer


def _table(role: Role) -> list[object]:
    return [pytest.param(role, state, id=f"{role}-{state.lower()}") for state in _states(role)]


@case("AUTH-05", wire="sipc/1", credentials=("x509",))
@pytest.mark.parametrize(("role", "state"), [*_table("server"), *_table("client")])
def test_out_of_turn(lab: Lab, role: Role, state: str) -> None:
    """The implementation is brought into one state, and then hears each message of the protocol, also records that are not
    encrypted. What is not legal there must end the attempt or session at once, as the last legal ones do: nothing may be
    established or delivered because of it, and the next step must not be possible any more. What is to be ignored changes
    nothing, and the legal ones go on."""
    _walk(lab, role, state)


@case("AUTH-05", wire="sipc/1", credentials=("psk",))
@pytest.mark.parametrize(
    ("role", "state"),
    [
        ("server", "LISTENING"),
        ("server", "RETRYING"),
        ("server", "CONFIRMING"),
        ("client", "OFFERED"),
        ("client", "RETRIED"),
        ("client", "CONFIRMING"),
    ],
)
def test_out_of_turn_with_a_shared_key(lab: Lab, role: Role, state: str) -> None:
    """The same where a pre-shared key is proved and the responder is done after one message: until the first record has
    been opened nobody is authenticated."""
    _walk(lab, role, state)


def _walk(lab: Lab, role: Role, state: str) -> None:
    lab.judge(role)
    served = lab.listen() if role == "server" else None
    cells = _cells(role, state, lab.issuer.kind)
    lab.stage("handshake" if state in _UNFINISHED else "established")
    legal = [cell for cell in cells if cell.effect == "goes-on"]
    for cell in legal:
        peer = _in_state(lab, role, served, state)
        peer.emit(cell.message)
        lab.require_control_that(peer.goes_on(), f"{cell.message} in {state} did not lead on ({peer.ended})")
        peer.hang_up()
    if not legal:
        peer = _in_state(lab, role, served, state)
        lab.require_control_that(peer.ended is None, f"already over in {state}")
        peer.hang_up()
    wrong = []
    for cell in cells:
        if cell.effect in ("fatal", "ends"):
            wrong += _must_end(lab, _in_state(lab, role, served, state), cell)
        elif cell.effect == "ignored":
            wrong += _must_be_idle(lab, _in_state(lab, role, served, state), cell)
        if cell.message in _RECORDS and state != "ENDING":
            wrong += _must_end(lab, _in_state(lab, role, served, state), cell, clear=True)
    lab.did(f"sent each message of the protocol in {state}, and records that are not encrypted")
    reasons = [reason for reason, _ in wrong]
    lab.require_that(
        not wrong,
        "each message out of turn to be the end",
        "; ".join(t for _, t in wrong),
        (reasons or [""])[0],
    )


def _must_end(lab: Lab, peer: WirePeer, cell: Transition, *, clear: bool = False) -> list[tuple[str, str]]:
    """Send a message that is not legal, or legal as the last one, and say what was not as it must be."""
    name = f"{cell.message}{' in clear' if clear else ''} in {cell.state}"
    before = len(lab.iut_view(peer).delivered)
    peer.emit(cell.message, clear=clear)
    settled(lab, peer)
    found = []
    if peer.ended is None:
        found.append(("not-ended", f"{name} was not the end"))
        _push_on(lab, peer)
    view = lab.iut_view(peer)
    if cell.state in _UNFINISHED and view.established:
        found.insert(0, ("established", f"{name} led to a session"))
    if len(view.delivered) > before or view.executed:
        found.insert(0, ("delivered", f"{name} led to a delivery"))
    peer.hang_up()
    return found


def _must_be_idle(lab: Lab, peer: WirePeer, cell: Transition) -> list[tuple[str, str]]:
    """Send a message that is ignored and say whether anything came of it."""
    before = len(lab.iut_view(peer).delivered)
    peer.emit(cell.message)
    went_on = cell.state == "ENDING" or peer.goes_on()
    lab.settle(lambda: peer.ended is not None or cell.state != "ENDING")
    view = lab.iut_view(peer)
    peer.hang_up()
    if len(view.delivered) > before or view.executed:
        return [("delivered", f"{cell.message} in {cell.state} led to a delivery")]
    return [] if went_on else [("goes-on", f"{cell.message} in {cell.state} was the end")]


def _push_on(lab: Lab, peer: WirePeer) -> None:
    """Go on as if the message had been the step that was due: does that lead to a session?"""
    if peer.established:
        return
    peer.ready()
    peer.event(lab.payload("canary"))
    lab.settle(lambda: peer.ended is not None or bool(lab.iut_view(peer).established))


@case("AUTH-05", wire="sipc/1", credentials=("x509",), role="client", stage="handshake")
def test_server_without_certificate_message(lab: Lab) -> None:
    """The server goes through the key exchange and leaves out what says who it is: its part of message 2 is empty, or
    it goes on to records as if message 2 had been sent. The client must not go on."""
    good(lab, "client")
    lab.stage("handshake")
    made = attempt(lab, "client", quirks=Quirks(handshake=HandshakeQuirks(payload=b"")))
    lab.did("answered with a message 2 without payload")
    shown = made.accepted or "message3" in made.peer.labels()
    lab.require_that(not shown, "the client to end it", f"heard {made.peer.labels()}", "established")
    peer = lab.wire_server()
    lab.attempt_to(peer)
    peer.expect("offer")
    peer.ready()
    lab.did("sent READY in place of message 2")
    settled(lab, peer)
    view = lab.iut_view(peer)
    lab.require(Outcome(client=view, stage="handshake"), checks.not_established("client"))
    lab.require_that(peer.ended is not None, "the client to end it", "it stayed open", "not-ended")


@case("AUTH-05", wire="sipc/1", role="server")
def test_steps_anticipated(lab: Lab) -> None:
    """A client sends the next steps of its handshake without waiting for the answers to the ones before, all in one
    piece. Nothing of that may be kept and used later."""
    served = lab.listen()
    good(lab, "server")
    lab.stage("handshake")
    for more in _ANTICIPATED:
        peer = lab.wire_client(served)
        with peer.together():
            peer.offer()
            peer.emit(more)
        settled(lab, peer)
        lab.did(f"sent {more} right behind the offer")
        lab.require_view(lab.iut_view(peer), checks.not_established("server"), checks.nothing_delivered())
        lab.require_that(
            peer.ended is not None, f"{more} behind an offer to be the end", "it went on", "not-ended"
        )
        peer.hang_up()


@case("AUTH-05", wire="sipc/1", role="server", stage="handshake")
def test_requests_before_confirmation(lab: Lab) -> None:
    """A client that has not confirmed its keys yet sends requests and events. None may be executed, delivered or
    answered."""
    served = lab.listen()
    good(lab, "server")
    lab.stage("handshake")
    for what in ("request", "event", "both"):
        peer = lab.wire_client(served)
        peer.reach("CONFIRMING")
        mid = -1
        with peer.together():
            if what != "event":
                mid = peer.request("append", lab.payload("canary"), idem=lab.key())
            if what != "request":
                peer.event(lab.payload("canary"))
            peer.ready()
        lab.did(f"sent {what} before READY")
        _settled_view(lab, peer)
        view = lab.iut_view(peer)
        done = len(view.delivered) + len(view.executed) + len(peer.responses.get(mid, []))
        lab.require_that(not done, "nothing done for a peer that has not confirmed", f"{view}", "executed")
        lab.require_view(view, checks.not_established("server"))
        peer.hang_up()


def _settled_view(lab: Lab, peer: WirePeer) -> None:
    """Wait until the implementation under test has told how an attempt ended, or nothing moves any more."""

    def over() -> bool:
        view = lab.iut_view(peer)
        return bool(view.endings or view.refusals)

    lab.settle(over)


def _half_open(lab: Lab) -> int:
    """How many attempts the server counts that are not established, when it had a moment to let go of them."""
    for _ in range(_POLLS):
        left = lab.metrics("server")["half_open"]
        if left == 0:
            break
        lab.pause(_POLL_S)
    return left


def _silence_ends(lab: Lab, served: Served, peers: list[RawPeer]) -> None:
    """With a clock that can be moved: nobody who only began keeps a place beyond the handshake's deadline."""
    limit = lab.timeouts.get("handshake_ms")
    if not lab.virtual or limit is None:
        lab.note(
            "whether half-open attempts end by their deadline was not looked at: there is no virtual clock"
        )
        return
    # Who is accepted only after the clock was moved, on a busy machine, has a deadline of its own.
    for _ in range(2):
        lab.advance(limit, "server")
        freed = lab.wait(lambda: all(one.ended is not None for one in peers))
        if freed:
            break
    still = sum(one.ended is None for one in peers)
    lab.require_that(freed, "half-open attempts to end by the deadline", f"{still} stayed open", "not-ended")
    if lab.has("metrics"):
        left = _half_open(lab)
        lab.require_that(left == 0, "no half-open attempt to be left", f"{left}", "counted")


@case("AUTH-10", role="server")
def test_replayed_first_flight(lab: Lab) -> None:
    """The adversary records a good client's first message and sends it again and again on new connections, saying
    nothing else. None of these may count as a client: not in what the server tells its user, not in its counters, and
    not in the places it has."""
    options = {"clock": "virtual"} if lab.virtual else {}
    served = lab.listen(options=options)
    session = lab.session(served=served, patient=True)
    numbered("c2s", 1)(session)
    lab.require_control(session.outcome(), checks.delivered_all("c2s"))
    first = session.the_link().recording("c2s")
    if not first:
        raise Inconclusive("nothing of the good session was recorded")
    session.close()
    lab.settle(lambda: session.is_over("server"))
    counted = lab.metrics("server")["established"] if lab.has("metrics") else 0
    since = served.since()
    lab.stage("handshake")
    peers = []
    for _ in range(REPLAYS):
        raw = RawPeer.dial(lab.reactor, served.address)
        lab.own(raw.close)
        raw.write(first[0])
        peers.append(raw)
    lab.did(f"replayed the client's first message on {REPLAYS} connections and said nothing else")
    lab.settle(lambda: all(one.ended is not None or one.bytes_seen for one in peers))
    lab.settle()
    lab.require_view(served.view(since), checks.not_established("server"), checks.nothing_delivered())
    if lab.has("metrics"):
        now = lab.metrics("server")["established"]
        lab.require_that(now == counted, "no replay counted as a session", f"{now - counted} were", "counted")
    _silence_ends(lab, served, peers)
    lab.require_view(served.view(since), checks.not_established("server"))


@case("AUTH-10", role="server")
def test_replayed_handshake(lab: Lab) -> None:
    """The adversary replays everything a good client sent, first its handshake and then the rest, as fast as the server
    answers. Nothing of it is fresh."""
    served = lab.listen()
    session = lab.session(served=served, patient=True)
    numbered("c2s", 2)(session)
    lab.require_control(session.outcome(), checks.delivered_all("c2s"))
    frames = session.the_link().recording("c2s")
    session.close()
    lab.settle(lambda: session.is_over("server"))
    since = served.since()
    lab.stage("handshake")
    for pace in ("together", "in turn"):
        raw = RawPeer.dial(lab.reactor, served.address)
        lab.own(raw.close)
        for frame in frames:
            heard = raw.bytes_seen
            raw.write(frame)
            if pace == "in turn":
                wait_answer(lab, raw, heard)
        raw.finish()
        told(lab, served, since)
        lab.did(f"replayed {len(frames)} frames of the client {pace}")
    lab.require_view(served.view(since), checks.not_established("server"), checks.nothing_delivered())


@case("AUTH-10", role="server", wire="sipc/1", stage="handshake")
def test_first_flight_says_nothing(lab: Lab) -> None:
    """The first message of a client carries data of its own, and the client goes on or falls silent. What it carries is
    protected by nothing fresh and must not reach the application."""
    served = lab.listen()
    good(lab, "server")
    lab.stage("handshake")
    canary = lab.payload("canary")
    for body in (canary, cbor.encode({1: 2, 4: "app.message", 14: canary})):
        carried = len(body).to_bytes(2) + body
        quirk = (
            HandshakeQuirks(payload1=carried)
            if lab.issuer.kind == "x509"
            else HandshakeQuirks(payload=carried)
        )
        peer = lab.wire_client(served, quirks=Quirks(handshake=quirk))
        peer.handshake(timeout_s=0.2)
        settled(lab, peer)
        view = lab.iut_view(peer)
        lab.require_view(view, checks.not_established("server"), checks.nothing_delivered())
        peer.hang_up()
