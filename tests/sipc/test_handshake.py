"""The handshake between two good ends: every suite, any segmentation, what it leaves behind."""

import itertools

import parties
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parties import (
    CLIENT,
    PAIRS,
    SERVER,
    Pair,
    SeededEntropy,
    both_pair,
    exchange,
    frames,
    psk_pair,
    x509_pair,
)

from sipc.errors import IntegrityError, LocalError, NegotiationError, SipcError
from sipc.handshake import HandshakeResult, Initiator, Responder, State
from sipc.suites import SUITES, Mode, Suite

EVERY_PAIR = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
MAKERS = {Mode.X509: x509_pair, Mode.PSK: psk_pair, Mode.X509_PSK: both_pair}


def results(initiator: Initiator, responder: Responder) -> tuple[HandshakeResult, HandshakeResult]:
    """The results of both ends, which must be there and fit each other."""
    client, server = initiator.result, responder.result
    assert client is not None
    assert server is not None
    assert client.handshake_hash == server.handshake_hash
    assert client.channel_binding == server.channel_binding
    assert (client.suite, client.version) == (server.suite, server.version)
    assert (client.local_name, client.peer.name) == (server.peer.name, server.local_name) == (CLIENT, SERVER)
    assert (client.role, server.role) == ("initiator", "responder")
    assert server.receive.decrypt(client.send.encrypt(b"ping")) == b"ping"
    assert client.receive.decrypt(server.send.encrypt(b"pong")) == b"pong"
    return client, server


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.name)
def test_every_suite_joins_two_good_ends(suite: Suite) -> None:
    """Both ends finish, name each other, and share keys and channel binding."""
    client, server = results(*MAKERS[suite.mode](suite).meet())
    assert client.suite is suite
    assert client.version == 1
    assert client.peer.kind == server.peer.kind == ("psk" if suite.mode is Mode.PSK else "x509")


@EVERY_PAIR
def test_no_two_sessions_have_anything_in_common(pair: Pair) -> None:
    """Binding, ephemeral keys and ciphertexts differ between sessions of the same two ends."""
    bindings, firsts, sealed = set(), set(), set()
    for number in range(40):
        initiator, responder = pair.initiator(f"c{number}"), pair.responder(f"s{number}")
        carried = exchange(initiator, responder)
        client, _ = results(initiator, responder)
        bindings.add(client.channel_binding)
        firsts.add(carried[0][1])
        sealed.add(client.send.encrypt(b"same"))
    assert len(bindings) == len(firsts) == len(sealed) == 40


@EVERY_PAIR
def test_the_binding_is_public_and_not_the_hash(pair: Pair) -> None:
    """What applications see is derived from the handshake hash, not the hash itself."""
    client, _ = results(*pair.meet())
    assert client.channel_binding != client.handshake_hash
    assert len(client.channel_binding) == 32


@EVERY_PAIR
@given(st.data())
def test_bytes_may_arrive_in_any_pieces(pair: Pair, data: st.DataObject) -> None:
    """However the streams are cut, the ends send the same bytes and finish with the same result."""
    whole = exchange(pair.initiator(), pair.responder())
    ends = {"c2s": pair.initiator(), "s2c": pair.responder()}
    carried: list[tuple[str, bytes]] = []
    while ready := [(direction, sent) for direction, end in ends.items() if (sent := end.data_to_send())]:
        for direction, sent in ready:
            carried.append((direction, sent))
            receiver = ends["s2c" if direction == "c2s" else "c2s"]
            cuts = sorted(data.draw(st.sets(st.integers(0, len(sent)), max_size=5)) | {0, len(sent)})
            for start, end in itertools.pairwise(cuts):
                receiver.receive(sent[start:end])
    assert carried == whole
    results(ends["c2s"], ends["s2c"])  # type: ignore[arg-type]


@EVERY_PAIR
def test_byte_by_byte(pair: Pair) -> None:
    """Single bytes are enough, and nothing is sent before a frame is complete."""
    initiator, responder = pair.initiator(), pair.responder()
    queue = [(initiator, responder), (responder, initiator), (initiator, responder)]
    for sender, receiver in queue:
        data = sender.data_to_send()
        for number, byte in enumerate(data, 1):
            receiver.receive(bytes([byte]))
            answer = receiver.data_to_send() if number < len(data) else b""
            assert not answer
    results(initiator, responder)


@EVERY_PAIR
def test_bytes_behind_the_last_frame_are_handed_over_once(pair: Pair) -> None:
    """What follows the initiator's last frame belongs to the records, whole and exactly once."""
    initiator, responder = pair.initiator(), pair.responder()
    responder.receive(initiator.data_to_send())
    initiator.receive(responder.data_to_send() + b"early")
    assert (initiator.trailing(), initiator.trailing()) == (b"early", b"")
    last = initiator.data_to_send()
    if last:
        responder.receive(last + b"records")
        assert (responder.trailing(), responder.trailing()) == (b"records", b"")
    results(initiator, responder)


def test_nothing_is_trailing_before_the_end() -> None:
    """Bytes of an unfinished handshake are never handed over as records."""
    initiator, responder = x509_pair().initiator(), x509_pair().responder()
    responder.receive(initiator.data_to_send()[:-1])
    assert responder.trailing() == b""
    assert initiator.trailing() == b""


@EVERY_PAIR
def test_a_finished_handshake_takes_nothing_more(pair: Pair) -> None:
    """After the end further bytes are the caller's mistake; the result stays."""
    for end in pair.meet():
        with pytest.raises(LocalError):
            end.receive(b"x")
        assert end.state is State.DONE
        assert end.result is not None


@pytest.mark.parametrize("mode", [Mode.X509, Mode.PSK], ids=str)
def test_a_retry_leads_to_the_suite_both_sides_want(mode: Mode) -> None:
    """A responder without the first suite asks once for another, and both bind all of it."""
    first, second = (suite for suite in SUITES.values() if suite.mode is mode)
    pair = MAKERS[mode](first, second).with_server(suites=(second,))
    initiator, responder = pair.initiator(), pair.responder()
    carried = exchange(initiator, responder)
    client, _ = results(initiator, responder)
    assert client.suite is second
    kinds = [negotiation[4:5] for _, data in carried for negotiation, _ in frames(data)]
    assert kinds[:3] == [b"\0", b"\1", b"\2"]
    assert not any(kinds[3:])
    ephemerals = [message[:32] for _, data in carried for _, message in frames(data) if message]
    assert len(set(ephemerals)) == len(ephemerals)


def test_the_responders_preference_decides_between_what_is_left() -> None:
    """When the initiator's first suite is not allowed, the responder's order counts."""
    chacha, aes = SUITES[0x0001], SUITES[0x0002]
    pair = x509_pair(chacha, aes)
    client, _ = results(*pair.with_server(suites=(aes, chacha)).meet())
    assert client.suite is chacha  # the initiator's first is allowed: no retry
    pair = pair.with_client(suites=(chacha, aes), versions=(1, 127)).with_server(
        suites=(aes,), versions=(1, 1)
    )
    client, _ = results(*pair.meet())
    assert (client.suite, client.version) == (aes, 1)


@pytest.mark.parametrize(
    ("client", "server", "version"),
    [((1, 1), (1, 127), 1), ((1, 127), (1, 1), 1), ((1, 127), (1, 127), 127), ((127, 127), (2, 127), 127)],
)
def test_the_highest_common_version_is_used(
    client: tuple[int, int], server: tuple[int, int], version: int
) -> None:
    """The range decides, and both ends see the same version."""
    pair = x509_pair().with_client(versions=client).with_server(versions=server)
    ours, _ = results(*pair.meet())
    assert ours.version == version


def test_two_versions_share_no_keys() -> None:
    """With the same keys, ephemerals and offers, another version gives another session."""
    hashes = set()
    for versions in ((1, 1), (127, 127)):
        pair = x509_pair().with_client(versions=versions).with_server(versions=versions)
        client, _ = results(*pair.meet())
        hashes.add(client.handshake_hash)
    assert len(hashes) == 2


def test_meaningless_suites_are_ignored() -> None:
    """Numbers that mean nothing do not disturb the choice."""
    pair = x509_pair().with_client(grease=(0x0A0A, 0xFAFA))
    client, _ = results(*pair.meet())
    assert client.suite.id == 0x0001
    negotiation, _ = frames(pair.initiator().data_to_send())[0]
    assert bytes.fromhex("0a0afafa") in negotiation


@EVERY_PAIR
def test_the_offer_does_not_depend_on_earlier_failures(pair: Pair) -> None:
    """Whatever happened to twenty attempts, the next one offers the same."""
    offers = set()
    for attempt in range(20):
        initiator = pair.initiator(f"attempt {attempt}")
        offers.add(frames(initiator.data_to_send())[0][0])
        with pytest.raises(SipcError):
            initiator.receive(bytes([attempt + 2]) * 3)
    assert len(offers) == 1


@pytest.mark.parametrize("fails_at", [0, 1], ids=["initiator", "responder"])
@EVERY_PAIR
def test_without_entropy_there_is_no_session(pair: Pair, fails_at: int) -> None:
    """A failing generator means no handshake, not a weak one."""

    class Broken(SeededEntropy):
        def private_key(self) -> bytes:
            raise OSError("no entropy")

    if fails_at == 0:
        with pytest.raises(OSError, match="no entropy"):
            Initiator(pair.client, Broken("x"), parties.WALL)
        return
    responder = Responder(pair.server, Broken("x"), parties.WALL)
    with pytest.raises(OSError, match="no entropy"):
        responder.receive(pair.initiator().data_to_send())
    assert responder.data_to_send() == b""
    assert responder.state is State.FAILED
    with pytest.raises(LocalError):
        responder.receive(pair.initiator().data_to_send())


def test_errors_of_a_handshake_are_of_its_stage() -> None:
    """An entropy source that reports its failure as this package's error fails the handshake, not a session."""

    class Broken(SeededEntropy):
        def private_key(self) -> bytes:
            raise LocalError("no entropy")

    responder = Responder(x509_pair().server, Broken("x"), parties.WALL)
    with pytest.raises(LocalError) as caught:
        responder.receive(x509_pair().initiator().data_to_send())
    assert (caught.value.reason, caught.value.stage) == ("internal", "handshake")


def test_a_busy_responder_says_so_and_nothing_else() -> None:
    """The refusal reaches the initiator as a limit, and the responder is finished."""
    initiator, responder = x509_pair().initiator(), x509_pair().responder()
    responder.refuse_busy(1500)
    with pytest.raises(NegotiationError) as caught:
        initiator.receive(responder.data_to_send())
    assert (caught.value.reason, caught.value.stage) == ("limit", "negotiation")
    assert responder.state is State.FAILED
    heard = x509_pair().responder()
    heard.receive(b"\0")
    with pytest.raises(LocalError):
        heard.refuse_busy(0)


def test_keys_of_the_two_directions_differ() -> None:
    """A record sent to one side is not accepted by the sender itself."""
    client, server = results(*x509_pair().meet())
    with pytest.raises(IntegrityError):
        client.receive.decrypt(client.send.encrypt(b"mine"))
    assert client.receive.nonce == server.receive.nonce
