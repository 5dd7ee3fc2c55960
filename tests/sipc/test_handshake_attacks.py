"""An attacker on the path or in the place of a peer: edits, forgeries, replays, wrong order."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parties import (
    CLIENT_CERTIFICATE,
    PAIRS,
    SERVER,
    HandInitiator,
    Pair,
    SeededEntropy,
    both_pair,
    flights,
    frames,
    x509_pair,
)

from sipc import cbor, noise_handshake
from sipc.errors import (
    HandshakeError,
    LocalError,
    MalformedError,
    NegotiationError,
    ProtocolError,
    SipcError,
)
from sipc.framing import encode_frame, pad
from sipc.handshake import Initiator, Responder, State
from sipc.negotiation import Kind, Offer, Reject, RejectCode, Selection, encode_choice, encode_retry, prologue
from sipc.noise_handshake import HandshakeState, KeyPair, Keys
from sipc.suites import SUITES

EVERY_PAIR = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
CHACHA, AES = SUITES[0x0001], SUITES[0x0002]
RETRY_PAIR = x509_pair(CHACHA, AES).with_server(suites=(AES,))


@EVERY_PAIR
def test_every_changed_bit_of_the_offer_is_noticed(pair: Pair) -> None:
    """Whichever bit of the offer is flipped on the path, no end gets a session."""
    for bit in range(16, 8 * (2 + len(pair.client.encoded_offer))):

        def edit(flight: int, data: bytes, bit: int = bit) -> bytes:
            return flip(data, bit) if flight == 0 else data

        initiator, responder = pair.initiator(), pair.responder()
        with pytest.raises(SipcError):
            relay(initiator, responder, edit)
        assert initiator.result is None
        assert responder.result is None


@EVERY_PAIR
def test_bytes_added_to_or_taken_from_the_offer_are_noticed(pair: Pair) -> None:
    """An offer that is one byte longer or shorter, with its length mended, gives no session."""
    offer = pair.client.encoded_offer
    ((_, message),) = frames(pair.initiator().data_to_send())
    edits = [offer[:at] + offer[at + 1 :] for at in range(len(offer))]
    edits += [offer[:at] + b"\x01" + offer[at:] for at in range(len(offer) + 1)]
    for edited in edits:
        initiator, responder = pair.initiator(), pair.responder()
        initiator.data_to_send()
        with pytest.raises(SipcError):
            relay_from(responder, initiator, encode_frame(edited, message))
        assert initiator.result is None
        assert responder.result is None


def test_a_suite_removed_from_or_moved_in_the_offer_is_noticed() -> None:
    """Deleting the better suite, or swapping two, does not lead to the worse one."""
    pair = x509_pair(CHACHA, AES)
    genuine = pair.client.offer
    for suites in ((AES.id, CHACHA.id), (AES.id,), (CHACHA.id,), (CHACHA.id, AES.id, 0x0A0A)):
        edited = Offer(genuine.versions, genuine.chosen, suites, genuine.psk_id, genuine.service).encode()

        def edit(flight: int, data: bytes, edited: bytes = edited) -> bytes:
            return encode_frame(edited, frames(data)[0][1]) if flight == 0 else data

        initiator, responder = pair.initiator(), pair.responder()
        with pytest.raises(SipcError):
            relay(initiator, responder, edit)
        assert initiator.result is None
        assert responder.result is None


@EVERY_PAIR
@given(data=st.data())
def test_a_changed_bit_anywhere_leaves_no_shared_session(pair: Pair, data: st.DataObject) -> None:
    """Flipping any one bit of any flight means that the end which reads it gets no session."""
    carried = flights(pair)
    target = data.draw(st.integers(0, len(carried) - 1))
    bit = data.draw(st.integers(0, 8 * len(carried[target][1]) - 1))
    initiator, responder = pair.initiator(), pair.responder()
    with pytest.raises(SipcError):
        relay(initiator, responder, lambda flight, sent: flip(sent, bit) if flight == target else sent)
    assert (responder if target % 2 == 0 else initiator).result is None


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 0x80 >> bit % 8
    return bytes(changed)


def relay(initiator: Initiator, responder: Responder, edit: Callable[[int, bytes], bytes]) -> None:
    """Carry flights through `edit` until somebody raises; an end that waits for more bytes has met its deadline."""
    ends: tuple[Initiator | Responder, ...] = (initiator, responder)
    flight = 0
    while data := ends[flight % 2].data_to_send():
        ends[1 - flight % 2].receive(edit(flight, data))
        flight += 1
    if initiator.result is None or responder.result is None:
        raise ProtocolError("deadline")


def relay_from(receiver: Responder, sender: Initiator, data: bytes) -> None:
    """Deliver `data` to the responder, then carry on honestly."""
    receiver.receive(data)
    relay_back = receiver.data_to_send()
    if not relay_back:
        raise ProtocolError("deadline")
    sender.receive(relay_back)
    receiver.receive(sender.data_to_send())


# --- retry and refusal ---


def started(pair: Pair) -> Initiator:
    initiator = pair.initiator()
    assert initiator.data_to_send()
    return initiator


@pytest.mark.parametrize(
    ("version", "suite"),
    [
        pytest.param(1, CHACHA.id, id="nothing new"),
        pytest.param(1, 0x0A0A, id="a meaningless suite of the offer"),
        pytest.param(1, 0x0011, id="a known suite that was not offered"),
        pytest.param(1, 0x0003, id="an unknown suite"),
        pytest.param(2, CHACHA.id, id="a version above the range"),
        pytest.param(0, CHACHA.id, id="version 0"),
        pytest.param(127, AES.id, id="a known version outside the range"),
    ],
)
def test_an_initiator_follows_no_retry_out_of_its_offer(version: int, suite: int) -> None:
    """Each illegal selection ends the handshake, without another byte."""
    initiator = started(x509_pair(CHACHA, AES).with_client(grease=(0x0A0A,)))
    with pytest.raises(NegotiationError) as caught:
        initiator.receive(encode_frame(encode_retry(Selection(version, suite)), b""))
    assert (caught.value.reason, caught.value.stage) == ("downgrade", "negotiation")
    assert initiator.data_to_send() == b""
    assert initiator.state is State.FAILED


def test_a_second_retry_is_refused() -> None:
    """An initiator begins again once, not twice."""
    initiator = started(x509_pair(CHACHA, AES))
    initiator.receive(encode_frame(encode_retry(Selection(1, AES.id)), b""))
    assert initiator.data_to_send()
    with pytest.raises(NegotiationError) as caught:
        initiator.receive(encode_frame(encode_retry(Selection(1, CHACHA.id)), b""))
    assert caught.value.reason == "downgrade"
    assert initiator.data_to_send() == b""


def test_a_forged_retry_fails_on_both_sides() -> None:
    """A retry to the weaker of two offered suites that the responder never asked for gives no session."""
    pair = x509_pair(CHACHA, AES)
    initiator, responder = pair.initiator(), pair.responder()
    responder.receive(initiator.data_to_send())
    initiator.receive(encode_frame(encode_retry(Selection(1, AES.id)), b""))
    with pytest.raises(SipcError):
        responder.receive(initiator.data_to_send())
    with pytest.raises(SipcError):
        initiator.receive(responder.data_to_send() or pair.responder("other").data_to_send() or b"\0\0\0\0")
    assert initiator.result is None
    assert responder.result is None


def test_a_forged_retry_does_not_fool_a_fresh_responder_either() -> None:
    """An attacker who makes up the retry and then shows a responder only the second offer gets nowhere."""
    pair = x509_pair(CHACHA, AES)
    initiator = started(pair)
    initiator.receive(encode_frame(encode_retry(Selection(1, AES.id)), b""))
    ((choice, message),) = frames(initiator.data_to_send())
    responder = pair.responder()
    with pytest.raises(ProtocolError):
        responder.receive(encode_frame(choice, message))
    weaker = Offer((1, 1), 1, (AES.id,), b"", SERVER.encode()).encode()
    other = pair.responder()
    other.receive(encode_frame(weaker, message))
    with pytest.raises(SipcError):
        initiator.receive(other.data_to_send())
    assert initiator.result is None


def test_a_swallowed_retry_is_noticed() -> None:
    """An attacker who eats a genuine retry and answers as if the offer had been accepted gets nowhere."""
    initiator, responder = RETRY_PAIR.initiator(), RETRY_PAIR.responder()
    first = initiator.data_to_send()
    responder.receive(first)
    assert responder.data_to_send()
    permissive = x509_pair(CHACHA, AES).responder()
    permissive.receive(first)
    initiator.receive(permissive.data_to_send())
    with pytest.raises(SipcError):
        responder.receive(initiator.data_to_send())
    assert responder.result is None


@pytest.mark.parametrize("bit", range(8 * 11))
def test_every_changed_bit_of_a_retry_is_noticed(bit: int) -> None:
    """Whatever is changed in a retry, the two ends do not come together."""
    initiator, responder = RETRY_PAIR.initiator(), RETRY_PAIR.responder()
    responder.receive(initiator.data_to_send())
    retry = responder.data_to_send()
    with pytest.raises(SipcError):
        relay_retry(initiator, responder, retry[:2] + flip(retry[2:13], bit) + retry[13:])
    assert initiator.result is None
    assert responder.result is None


def relay_retry(initiator: Initiator, responder: Responder, retry: bytes) -> None:
    initiator.receive(retry)
    responder.receive(initiator.data_to_send())
    initiator.receive(responder.data_to_send())


def test_the_retry_is_part_of_what_both_sides_bind() -> None:
    """Two sessions with the same keys and the same choice, one with and one without a retry, share nothing."""
    with_retry, _ = RETRY_PAIR.meet()
    without, _ = x509_pair(AES).meet()
    assert with_retry.result is not None
    assert without.result is not None
    assert with_retry.result.suite is without.result.suite
    assert with_retry.result.handshake_hash != without.result.handshake_hash


@pytest.mark.parametrize(
    "choice",
    [Selection(1, CHACHA.id), Selection(1, 0x0011), Selection(2, AES.id)],
    ids=["first suite again", "unasked suite", "unasked version"],
)
def test_after_a_retry_only_what_was_asked_for_may_follow(choice: Selection) -> None:
    """A responder that asked for one suite does not go on with another."""
    initiator, responder = RETRY_PAIR.initiator(), RETRY_PAIR.responder()
    responder.receive(initiator.data_to_send())
    responder.data_to_send()
    with pytest.raises(NegotiationError):
        responder.receive(encode_frame(encode_choice(choice), bytes(32)))
    assert responder.data_to_send() == b""


@pytest.mark.parametrize(
    ("client", "server", "code"),
    [
        pytest.param({"versions": (127, 127)}, {}, RejectCode.VERSION, id="no common version"),
        pytest.param({}, {"suites": (SUITES[0x0021],)}, RejectCode.NO_COMMON_SUITE, id="no common suite"),
        pytest.param(
            {"suites": (CHACHA,)}, {"suites": (AES,)}, RejectCode.NO_COMMON_SUITE, id="below the floor"
        ),
    ],
)
def test_an_offer_without_anything_in_common_is_refused_in_the_open(
    client: dict[str, object], server: dict[str, object], code: RejectCode
) -> None:
    """Both ends report it as a failed negotiation, and nothing but the refusal is sent."""
    pair = x509_pair().with_client(**client).with_server(**server)
    initiator, responder = pair.initiator(), pair.responder()
    with pytest.raises(NegotiationError) as ours:
        responder.receive(initiator.data_to_send())
    refusal = responder.data_to_send()
    assert refusal == encode_frame(Reject(1, code).encode(), b"")
    assert responder.data_to_send() == b""
    with pytest.raises(NegotiationError) as theirs:
        initiator.receive(refusal)
    assert ours.value.reason == theirs.value.reason == "downgrade"
    assert ours.value.stage == theirs.value.stage == "negotiation"
    assert initiator.data_to_send() == b""


def test_a_refusal_with_an_unknown_code_is_still_a_refusal() -> None:
    """A newer peer may have more reasons; none of them is a success."""
    initiator = started(x509_pair())
    with pytest.raises(NegotiationError) as caught:
        initiator.receive(encode_frame(Reject(1, 99).encode(), b""))
    assert caught.value.reason == "protocol"


@pytest.mark.parametrize("negotiation", [encode_retry(Selection(1, AES.id)), Reject(1, 1).encode()])
def test_a_retry_or_refusal_carries_no_noise_message(negotiation: bytes) -> None:
    """Bytes where none belong are not ignored."""
    initiator = started(x509_pair(CHACHA, AES))
    with pytest.raises(MalformedError):
        initiator.receive(encode_frame(negotiation, b"\0"))


# --- every frame in every state ---

POINT = b"\x09".ljust(32, b"\0")  # a good public key
FRAMES = {
    "offer": encode_frame(x509_pair().client.encoded_offer, POINT),
    "retry": encode_frame(encode_retry(Selection(1, AES.id)), b""),
    "choice": encode_frame(encode_choice(Selection(1, AES.id)), POINT),
    "refusal": encode_frame(Reject(1, 1).encode(), b""),
    "noise": encode_frame(b"", bytes(400)),
    "empty": encode_frame(b"", b""),
    "record": (80).to_bytes(2) + bytes(80),
}
LEGAL = {
    (State.OFFERED, "retry"),
    (State.LISTENING, "offer"),
    (State.RETRYING, "choice"),
}


def in_state(state: State) -> Initiator | Responder:
    """An end that has honestly arrived in a state."""
    initiator, responder = RETRY_PAIR.initiator(), RETRY_PAIR.responder()
    if state is State.LISTENING:
        return responder
    offer = initiator.data_to_send()
    if state is State.OFFERED:
        return initiator
    responder.receive(offer)
    retry = responder.data_to_send()
    if state is State.RETRYING:
        return responder
    initiator.receive(retry)
    if state is State.RETRIED:
        initiator.data_to_send()
        return initiator
    responder.receive(initiator.data_to_send())
    responder.data_to_send()
    return responder


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize(
    "state", [s for s in State if s not in (State.DONE, State.FAILED)], ids=lambda s: s.name
)
def test_what_is_not_legal_now_is_fatal(state: State, frame: str) -> None:
    """Every kind of frame in every state: all but the documented ones end the handshake in silence."""
    end = in_state(state)
    assert end.state is state
    if (state, frame) in LEGAL:
        end.receive(FRAMES[frame])
        assert end.state is not State.FAILED
        assert end.data_to_send()
        return
    with pytest.raises(SipcError) as caught:
        end.receive(FRAMES[frame])
    assert caught.value.stage in ("negotiation", "handshake")
    assert end.state is State.FAILED
    assert end.result is None
    assert end.data_to_send() == b""
    with pytest.raises(LocalError):
        end.receive(FRAMES["offer"])


@pytest.mark.parametrize("role", ["initiator", "responder"])
def test_all_rules_have_a_handler(role: str) -> None:
    """The tables name methods that exist, and mention each state that waits for something."""
    party = Initiator if role == "initiator" else Responder
    waiting = {state for state, _ in party._RULES}
    for (state, kind), handler in party._RULES.items():
        assert isinstance(state, State)
        assert isinstance(kind, Kind)
        assert callable(getattr(party, handler))
    assert waiting == (
        {State.OFFERED, State.RETRIED}
        if role == "initiator"
        else {State.LISTENING, State.RETRYING, State.ANSWERED}
    )


@EVERY_PAIR
def test_a_peer_that_does_not_wait_is_refused(pair: Pair) -> None:
    """Bytes pipelined behind the offer end the handshake before anything is answered."""
    responder = pair.responder()
    with pytest.raises(ProtocolError):
        responder.receive(pair.initiator().data_to_send() + b"GET / HTTP/1.1\r\n")
    assert responder.data_to_send() == b""
    assert responder.trailing() == b""


def test_bytes_behind_a_retry_are_refused() -> None:
    """A responder that asked for another beginning has nothing else to say."""
    initiator = started(x509_pair(CHACHA, AES))
    with pytest.raises(ProtocolError):
        initiator.receive(FRAMES["retry"] + b"x")
    assert initiator.data_to_send() == b""


# --- replay and splicing ---


@EVERY_PAIR
def test_recorded_flights_are_worth_nothing(pair: Pair) -> None:
    """Whatever was recorded from one session gets nobody a session with a fresh end."""
    recorded = flights(pair, "recorded")
    ours = [data for direction, data in recorded if direction == "c2s"]
    theirs = [data for direction, data in recorded if direction == "s2c"]
    responder = pair.responder("fresh")
    responder.receive(ours[0])
    if len(ours) > 1:
        responder.data_to_send()
        with pytest.raises(SipcError):
            responder.receive(ours[1])
        assert responder.result is None
    else:  # a first flight under a pre-shared key may be replayed: no key is shared with whoever did it
        live, _ = pair.meet("recorded")
        assert live.result is not None
        assert responder.result is not None
        with pytest.raises(SipcError):
            responder.result.receive.decrypt(live.result.send.encrypt(b"replayed"))
    initiator = pair.initiator("fresh")
    initiator.data_to_send()
    with pytest.raises(SipcError):
        initiator.receive(theirs[0])
    assert initiator.result is None


def test_a_message_of_one_suite_means_nothing_in_another() -> None:
    """Message 2 made under one suite fails under the other, with the same keys and ephemerals."""
    chacha, aes = x509_pair(CHACHA), x509_pair(AES)
    initiator = started(chacha)
    ((_, message),) = frames(chacha.initiator().data_to_send())
    responder = aes.responder()
    responder.receive(encode_frame(aes.client.encoded_offer, message))
    with pytest.raises(SipcError):
        initiator.receive(responder.data_to_send())


# --- a peer that plays by its own rules ---


@pytest.mark.parametrize("pair", [x509_pair(), both_pair()], ids=lambda pair: pair.name)
def test_message_1_carries_nothing(pair: Pair) -> None:
    """A payload in the first message would be unprotected, so it is refused."""
    attacker = HandInitiator(pair.client.encoded_offer, pair.client.policy.suites[0])
    responder = pair.responder()
    with pytest.raises(MalformedError):
        responder.receive(attacker.first(b"\0"))
    assert responder.data_to_send() == b""


class LowOrder(KeyPair):
    """A key whose public part is a low-order point."""

    def __init__(self) -> None:
        self.public = bytes(32)

    def dh(self, public: bytes) -> bytes:
        return bytes(32)


@EVERY_PAIR
def test_low_order_keys_of_an_initiator_get_no_answer(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """A responder that is sent a low-order ephemeral or static key stops before it says anything keyed."""
    suite = pair.client.policy.suites[0]
    names = pad(cbor.encode({2: pair.client.name, 3: SERVER})) if pair.name == "psk" else b""
    attacker = HandInitiator(pair.client.encoded_offer, suite)
    with monkeypatch.context() as patch:
        patch.setattr(noise_handshake, "KeyPair", lambda private: LowOrder())
        first = attacker.first(names)
    responder = pair.responder()
    with pytest.raises(HandshakeError):
        responder.receive(first)
    assert responder.data_to_send() == b""
    if pair.name == "psk":
        return
    attacker = HandInitiator(pair.client.encoded_offer, suite, static=LowOrder())
    responder = pair.responder()
    responder.receive(attacker.first())
    last = attacker.last(responder.data_to_send(), pad(cbor.encode({1: list(CLIENT_CERTIFICATE.chain)})))
    with pytest.raises(HandshakeError):
        responder.receive(last)
    assert responder.result is None


@pytest.mark.parametrize("which", ["ephemeral", "static"])
@EVERY_PAIR
def test_low_order_keys_of_a_responder_get_no_answer(
    pair: Pair, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An initiator that is sent a low-order ephemeral or static key does not send message 3."""
    if which == "static" and pair.name == "psk":
        assert not pair.client.policy.suites[0].protocol.pattern.uses_static
        return
    offer = pair.client.encoded_offer
    initiator = pair.initiator()
    ((_, message),) = frames(initiator.data_to_send())
    static = LowOrder() if which == "static" else KeyPair(b"\x22" * 32)
    keys = Keys(
        SeededEntropy("attacker"), static, pair.client.shared_key.key if pair.client.shared_key else None
    )
    protocol = pair.client.policy.suites[0].protocol
    attacker = HandshakeState(protocol, initiator=False, prologue=prologue(offer, 1), keys=keys)
    attacker.read_message(message)
    with monkeypatch.context() as patch:
        if which == "ephemeral":
            patch.setattr(noise_handshake, "KeyPair", lambda private: LowOrder())
        answer = attacker.write_message(bytes(64))
    with pytest.raises(HandshakeError):
        initiator.receive(encode_frame(b"", answer))
    assert initiator.data_to_send() == b""
    assert initiator.result is None
