"""The Noise handshake against the independent package noiseprotocol, and against misuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from noise.connection import Keypair, NoiseConnection

from sipc import noise_handshake
from sipc.entropy import ScriptedEntropy
from sipc.errors import HandshakeError, IntegrityError, LocalError, MalformedError, SipcError
from sipc.noise import Cipher
from sipc.noise_handshake import HandshakeState, KeyPair, Keys, NoiseProtocol, Pattern

PROTOCOLS = [NoiseProtocol(pattern, cipher) for pattern in Pattern for cipher in Cipher]
STATIC = [protocol for protocol in PROTOCOLS if protocol.pattern.uses_static]
EVERY_PROTOCOL = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
INITIATOR, RESPONDER = b"\x11" * 32, b"\x22" * 32
EPHEMERALS = (b"\x33" * 32, b"\x44" * 32)
PSK = b"\x66" * 32

# RFC 7748 section 6.1 and the known points of order 1, 2, 4 and 8 on the curve and its twist, with the
# non-canonical encodings of the same values.
LOW_ORDER = [
    bytes.fromhex(point)
    for point in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    )
]


def party(
    protocol: NoiseProtocol, *, initiator: bool, psk: bytes = PSK, prologue: bytes = b"p"
) -> HandshakeState:
    keys = Keys(
        ScriptedEntropy([EPHEMERALS[0] if initiator else EPHEMERALS[1]]),
        static=KeyPair(INITIATOR if initiator else RESPONDER) if protocol.pattern.uses_static else None,
        psk=psk if protocol.pattern.psks else None,
    )
    return HandshakeState(protocol, initiator=initiator, prologue=prologue, keys=keys)


def pair(protocol: NoiseProtocol) -> tuple[HandshakeState, HandshakeState]:
    return party(protocol, initiator=True), party(protocol, initiator=False)


def foreign(protocol: NoiseProtocol, *, initiator: bool) -> NoiseConnection:
    other = NoiseConnection.from_name(protocol.name.encode())
    if initiator:
        other.set_as_initiator()
    else:
        other.set_as_responder()
    other.set_prologue(b"p")
    if protocol.pattern.psks:
        other.set_psks(PSK)
    if protocol.pattern.uses_static:
        other.set_keypair_from_private_bytes(Keypair.STATIC, INITIATOR if initiator else RESPONDER)
    other.start_handshake()
    return other


@given(
    st.sampled_from(PROTOCOLS),
    st.booleans(),
    st.lists(st.binary(max_size=200), min_size=3, max_size=3),
    st.lists(
        st.tuples(st.sampled_from(["send", "receive", "rekey-out", "rekey-in"]), st.binary(max_size=200))
    ),
)
def test_talks_to_noiseprotocol(
    protocol: NoiseProtocol, initiator: bool, payloads: list[bytes], script: list[tuple[str, bytes]]
) -> None:
    """Any handshake payloads and any script of messages and rekeys works with the foreign implementation."""
    ours, theirs = party(protocol, initiator=initiator), foreign(protocol, initiator=not initiator)
    for number, payload in zip(range(len(protocol.pattern.messages)), payloads, strict=False):
        if (number % 2 == 0) is initiator:
            assert bytes(theirs.read_message(ours.write_message(payload))) == payload
        else:
            assert ours.read_message(bytes(theirs.write_message(payload))) == payload
    assert ours.finished
    assert theirs.handshake_finished
    assert ours.handshake_hash == theirs.get_handshake_hash()
    send, receive = ours.split()
    for step, data in script:
        if step == "send":
            assert bytes(theirs.decrypt(send.encrypt(data))) == data
        elif step == "receive":
            assert receive.decrypt(bytes(theirs.encrypt(data))) == data
        elif step == "rekey-out":
            send.rekey()
            theirs.rekey_inbound_cipher()
        else:
            receive.rekey()
            theirs.rekey_outbound_cipher()


@EVERY_PROTOCOL
def test_both_sides_agree_and_know_each_other(protocol: NoiseProtocol) -> None:
    """After the last message hash, keys and static keys match crosswise."""
    writer, reader = initiator, responder = pair(protocol)
    for _ in protocol.pattern.messages:
        reader.read_message(writer.write_message(b"x"))
        writer, reader = reader, writer
    assert initiator.handshake_hash == responder.handshake_hash
    if protocol.pattern.uses_static:
        assert initiator.remote_static == KeyPair(RESPONDER).public
        assert responder.remote_static == KeyPair(INITIATOR).public
    (send, receive), (back, forth) = initiator.split(), responder.split()
    assert forth.decrypt(send.encrypt(b"ping")) == b"ping"
    assert receive.decrypt(back.encrypt(b"pong")) == b"pong"
    with pytest.raises(IntegrityError):
        receive.decrypt(send.encrypt(b"wrong way"))


@EVERY_PROTOCOL
def test_every_flipped_bit_of_every_message_is_noticed(protocol: NoiseProtocol) -> None:
    """No single changed bit in a handshake message lets both sides finish with the same hash."""
    count = len(protocol.pattern.messages)
    for position in range(count):
        length = len(run_to(protocol, position)[2])
        for bit in range(0, 8 * length, 5):
            writer, reader, message = run_to(protocol, position)
            flipped = bytearray(message)
            flipped[bit // 8] ^= 1 << bit % 8
            with pytest.raises(SipcError):
                finish(writer, reader, bytes(flipped), count - position - 1)


def finish(writer: HandshakeState, reader: HandshakeState, message: bytes, more: int) -> None:
    """Deliver a message, then let both sides run through the remaining ones."""
    reader.read_message(message)
    for _ in range(more):
        writer, reader = reader, writer
        reader.read_message(writer.write_message())


def run_to(protocol: NoiseProtocol, position: int) -> tuple[HandshakeState, HandshakeState, bytes]:
    """Run a handshake up to message `position`; return its writer, its reader and the message."""
    writer, reader = pair(protocol)
    for _ in range(position):
        reader.read_message(writer.write_message())
        writer, reader = reader, writer
    return writer, reader, writer.write_message()


@EVERY_PROTOCOL
def test_another_prologue_fails_at_the_first_protected_field(protocol: NoiseProtocol) -> None:
    """Two sides that saw different negotiations cannot talk to each other."""
    initiator = party(protocol, initiator=True, prologue=b"one")
    responder = party(protocol, initiator=False, prologue=b"two")
    with pytest.raises(IntegrityError):
        finish(initiator, responder, initiator.write_message(), 1)


@pytest.mark.parametrize(
    "protocol", [p for p in PROTOCOLS if p.pattern.psks], ids=lambda protocol: protocol.name
)
def test_another_psk_fails(protocol: NoiseProtocol) -> None:
    """The responder refuses an initiator that holds a different pre-shared key."""
    initiator, responder = party(protocol, initiator=True, psk=bytes(32)), party(protocol, initiator=False)
    with pytest.raises(IntegrityError):
        finish(initiator, responder, initiator.write_message(), len(protocol.pattern.messages) - 1)


class LowOrderKey(KeyPair):
    """A peer's key whose public part is a low-order point, and who computes with the zeros that come of it."""

    def __init__(self, point: bytes) -> None:
        self.public = point

    def dh(self, public: bytes) -> bytes:
        return bytes(32)


@EVERY_PROTOCOL
@pytest.mark.parametrize("point", LOW_ORDER, ids=bytes.hex)
@pytest.mark.parametrize("victim", ["initiator", "responder"])
def test_a_low_order_ephemeral_key_ends_the_handshake(
    protocol: NoiseProtocol, point: bytes, victim: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against a peer that plays its part perfectly with a low-order e, neither role writes anything keyed."""
    initiator, responder = pair(protocol)
    if victim == "responder":
        with monkeypatch.context() as patch:
            patch.setattr(noise_handshake, "KeyPair", lambda private: LowOrderKey(point))
            first = initiator.write_message()
        responder.read_message(first)
        with pytest.raises(HandshakeError):
            responder.write_message()
        with pytest.raises(LocalError):
            responder.write_message()
        return
    responder.read_message(initiator.write_message())
    with monkeypatch.context() as patch:
        patch.setattr(noise_handshake, "KeyPair", lambda private: LowOrderKey(point))
        second = responder.write_message()
    with pytest.raises(HandshakeError):
        initiator.read_message(second)
    with pytest.raises(LocalError):
        initiator.write_message()


@pytest.mark.parametrize("protocol", STATIC, ids=lambda protocol: protocol.name)
@pytest.mark.parametrize("point", LOW_ORDER, ids=bytes.hex)
@pytest.mark.parametrize("victim", ["initiator", "responder"])
def test_a_low_order_static_key_ends_the_handshake(
    protocol: NoiseProtocol, point: bytes, victim: str
) -> None:
    """A perfectly played handshake with a low-order s fails in the message that brings s."""
    evil = Keys(ScriptedEntropy([EPHEMERALS[0]]), static=LowOrderKey(point), psk=PSK)
    attacker = HandshakeState(protocol, initiator=victim == "responder", prologue=b"p", keys=evil)
    if victim == "initiator":
        initiator = party(protocol, initiator=True)
        attacker.read_message(initiator.write_message())
        with pytest.raises(HandshakeError):
            initiator.read_message(attacker.write_message())
        with pytest.raises(LocalError):
            initiator.write_message()
        return
    responder = party(protocol, initiator=False)
    responder.read_message(attacker.write_message())
    attacker.read_message(responder.write_message())
    with pytest.raises(HandshakeError):
        responder.read_message(attacker.write_message())
    with pytest.raises(LocalError):
        responder.split()


@pytest.mark.parametrize("point", LOW_ORDER, ids=bytes.hex)
def test_the_shared_secret_with_a_low_order_point_is_never_returned(point: bytes) -> None:
    """Diffie-Hellman itself refuses the point, whatever the private key."""
    for private in (INITIATOR, RESPONDER, bytes(32), b"\xff" * 32):
        with pytest.raises(HandshakeError):
            KeyPair(private).dh(point)


@EVERY_PROTOCOL
def test_steps_out_of_turn_are_refused(protocol: NoiseProtocol) -> None:
    """Writing when it is the peer's turn, splitting too early or twice, or going on after the end is an error."""
    initiator, responder = pair(protocol)
    for early in (responder.write_message, lambda: initiator.read_message(bytes(96)), initiator.split):
        with pytest.raises(LocalError):
            early()
    writer, reader = initiator, responder = pair(protocol)
    for _ in protocol.pattern.messages:
        assert writer.my_turn
        assert not reader.my_turn
        reader.read_message(writer.write_message())
        writer, reader = reader, writer
    initiator.split()
    for late in (initiator.split, initiator.write_message, lambda: initiator.read_message(bytes(96))):
        with pytest.raises(LocalError):
            late()


@EVERY_PROTOCOL
def test_a_failed_message_cannot_be_tried_again(protocol: NoiseProtocol) -> None:
    """After one unreadable message even the genuine one is refused."""
    initiator, responder = pair(protocol)
    responder.read_message(initiator.write_message())
    answer = responder.write_message()
    with pytest.raises((IntegrityError, HandshakeError)):
        initiator.read_message(answer[:-1] + bytes([answer[-1] ^ 1]))
    with pytest.raises(LocalError):
        initiator.read_message(answer)


@EVERY_PROTOCOL
def test_messages_of_impossible_length_are_malformed(protocol: NoiseProtocol) -> None:
    """A message shorter than its fields or longer than 65535 bytes is refused."""
    for message in (b"", bytes(31), bytes(65536)):
        with pytest.raises(SipcError) as caught:
            party(protocol, initiator=False).read_message(message)
        assert isinstance(caught.value, MalformedError)
        assert caught.value.stage == "handshake"
    with pytest.raises(LocalError):
        party(protocol, initiator=True).write_message(bytes(65535))


def test_keys_that_are_missing_or_of_wrong_length_are_refused() -> None:
    """Nothing is padded, truncated or left out."""
    entropy = ScriptedEntropy([])
    for pattern, keys in (
        (Pattern.XX, Keys(entropy)),
        (Pattern.NNPSK0, Keys(entropy)),
        (Pattern.NNPSK0, Keys(entropy, psk=bytes(31))),
        (Pattern.NNPSK0, Keys(entropy, psk=bytes(33))),
        (Pattern.XXPSK3, Keys(entropy, static=KeyPair(INITIATOR))),
    ):
        with pytest.raises(LocalError):
            HandshakeState(NoiseProtocol(pattern, Cipher.AESGCM), initiator=True, prologue=b"", keys=keys)
    for length in (0, 31, 33):
        with pytest.raises(LocalError):
            KeyPair(bytes(length))


def test_entropy_that_fails_leaves_no_usable_handshake() -> None:
    """Without a fresh ephemeral key nothing is written, now or later."""
    keys = Keys(ScriptedEntropy([]), static=KeyPair(INITIATOR))
    state = HandshakeState(PROTOCOLS[0], initiator=True, prologue=b"", keys=keys)
    for _ in range(2):
        with pytest.raises(LocalError):
            state.write_message()


def test_scripted_entropy_replays_and_then_refuses() -> None:
    """The script is handed out in order, and never short."""
    entropy = ScriptedEntropy([b"k" * 32], b"abcdef")
    assert entropy.private_key() == b"k" * 32
    assert (entropy.random(2), entropy.random(3)) == (b"ab", b"cde")
    for ask in (entropy.private_key, lambda: entropy.random(2)):
        with pytest.raises(LocalError):
            ask()
