"""Wire peers against the reference implementation's driver: both roles, every state, and the evidence they leave."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping

import pytest
from systems import STACK_TRANSPORT, STACK_TRANSPORTS

from ipc_gauntlet.credentials.deployment import b64
from ipc_gauntlet.declaration import CaseSpec
from ipc_gauntlet.driver import DriverCommand
from ipc_gauntlet.errors import Inconclusive
from ipc_gauntlet.lab import Bench, BenchConfig, CaseFacts, Lab
from ipc_gauntlet.lab.wirepeer import WirePeer
from ipc_gauntlet.peer import HandshakeQuirks, Quirks, RecordQuirks, TimingQuirks, cbor
from ipc_gauntlet.peer.states import HANDSHAKE_STATES, Transition, transitions

X509 = {"kind": "x509", "keys": ["x25519"], "names": ["uri"]}
PSK = {"kind": "psk"}


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """Two drivers of the reference implementation."""
    folder = tempfile.mkdtemp(prefix="ig")
    command = DriverCommand(argv=(sys.executable, "-m", "sipc_driver"), name="reference")
    with Bench(BenchConfig(command, command, folder, seed=11)) as made:
        yield made
    shutil.rmtree(folder)


def lab_of(bench: Bench, credential: Mapping[str, object], transport: str = STACK_TRANSPORT) -> Lab:
    """A lab for a case on one kind of credentials."""
    facts = CaseFacts("wire/case", bench.config.seed, transport, credential, bench.statement())
    return bench.lab(facts, CaseSpec(requirement="AUTH-05", role="server"))


@pytest.fixture(params=[X509, PSK], ids=["x509", "psk"])
def lab(bench: Bench, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A lab, closed at the end."""
    made = lab_of(bench, request.param)
    yield made
    made.finish()


def told(lab: Lab, role: str, method: str) -> list[Mapping[str, object]]:
    """What a driver reported so far, of one kind."""
    driver = lab.client if role == "client" else lab.server
    return [one.params for one in driver.observations if one.method == method]


@pytest.mark.parametrize("transport", STACK_TRANSPORTS)
def test_a_wire_client_talks_to_a_server(bench: Bench, transport: str) -> None:
    """Handshake, event, request and close; both sides agree on the channel binding."""
    lab = lab_of(bench, X509, transport)
    peer = lab.wire_client(lab.listen())
    assert peer.handshake()
    peer.event(b"an event")
    answer = peer.response_to(peer.request("echo", b"a request"))
    assert answer is not None
    assert answer.fields[14] == b"a request"
    assert lab.wait(lambda: bool(told(lab, "server", "delivered")))
    assert told(lab, "server", "delivered")[0]["payload"] == b64(b"an event")
    assert peer.state is not None
    assert told(lab, "server", "established")[0]["binding"] == b64(peer.state.binding)
    assert peer.close() == "closed"
    assert peer.noted == []
    evidence = lab.finish()
    assert any("MSG" in line for line in evidence.trace)
    assert any("runs the handshake" in line for line in evidence.done)


def test_a_wire_server_talks_to_a_client(lab: Lab) -> None:
    """The client under test connects, sends an event, asks, and is answered."""
    peer = lab.wire_server()
    conn = lab.attempt_to(peer)
    assert peer.handshake()
    lab.call("client", "send", {"conn": conn, "payload": b64(b"hello")})
    assert peer.wait(lambda: any(one.fields.get(14) == b"hello" for one in peer.messages))
    asked = {"conn": conn, "kind": "request", "operation": "echo", "payload": b64(b"what?")}
    assert lab.call("client", "send", asked)["status"] == "ok"
    peer.event(b"from the server")
    assert lab.wait(lambda: bool(told(lab, "client", "delivered")))
    lab.submit("client", "close", {"conn": conn})
    assert peer.wait_end() == "closed"
    assert peer.noted == []


def test_both_see_a_session_cut(lab: Lab) -> None:
    """A peer that hangs up without CLOSE is truncated for the implementation under test."""
    peer = lab.wire_client(lab.listen())
    assert peer.handshake()
    peer.hang_up()
    assert lab.wait(lambda: bool(told(lab, "server", "closed")))
    assert told(lab, "server", "closed")[0]["how"] == "truncated"


SUITES = {
    "x509": ["Noise_XX_25519_ChaChaPoly_SHA256", "Noise_XX_25519_AESGCM_SHA256"],
    "psk": ["Noise_NNpsk0_25519_ChaChaPoly_SHA256", "Noise_NNpsk0_25519_AESGCM_SHA256"],
}


def cells(role: str) -> list[object]:
    """Every cell of the table in which the implementation has this role; under psk up to the confirmation."""
    under_psk = [one for one in transitions(mode="psk") if one.state in (*HANDSHAKE_STATES, "CONFIRMING")]
    both = [(X509, one) for one in transitions()] + [(PSK, one) for one in under_psk]
    return [
        pytest.param(credential, one, id=f"{credential['kind']}-{one.id}")
        for credential, one in both
        if one.role == role
    ]


@pytest.mark.parametrize(("credential", "cell"), cells("responder"))
def test_every_cell_of_a_responder(bench: Bench, credential: Mapping[str, object], cell: Transition) -> None:
    """The reference does in every state what the table says about every message."""
    lab = lab_of(bench, credential)
    peer = lab.wire_client(lab.listen())
    peer.reach(cell.state)
    peer.emit(cell.message)
    check(lab, peer, cell)
    lab.finish()


@pytest.mark.parametrize(("credential", "cell"), cells("initiator"))
def test_every_cell_of_an_initiator(bench: Bench, credential: Mapping[str, object], cell: Transition) -> None:
    """The same for a client under test."""
    lab = lab_of(bench, credential)
    peer = lab.wire_server()
    lab.attempt_to(peer, options={"suites": SUITES[str(credential["kind"])]})
    peer.reach(cell.state)
    peer.emit(cell.message)
    check(lab, peer, cell)
    lab.finish()


@pytest.mark.parametrize("state", ["LISTENING", "RETRYING", "ANSWERED", "CONFIRMING", "OPEN"])
@pytest.mark.parametrize("message", ["READY", "MSG", "CLOSE", "REKEY"])
def test_a_record_in_clear_is_fatal_everywhere(bench: Bench, state: str, message: str) -> None:
    """Records that are not sealed get nowhere."""
    lab = lab_of(bench, X509)
    peer = lab.wire_client(lab.listen())
    peer.reach(state)  # type: ignore[arg-type]
    peer.emit(message, clear=True)  # type: ignore[arg-type]
    assert peer.wait_end() == "truncated"
    assert lab.iut_view(peer).delivered == ()
    assert bool(lab.iut_view(peer).established) == (state == "OPEN")
    lab.finish()


def test_profile_d(lab: Lab) -> None:
    """Both sides in profile D: the loss of a record is nothing, a record twice is one."""
    options = {"mode": "datagram", "epoch_bits": 4}
    peer = lab.wire_client(lab.listen(options=options), options=options)
    assert peer.handshake()
    lost = peer.peer.event(b"lost")
    kept = peer.peer.event(b"kept")[0].data
    assert lost
    for data in (kept, kept):
        peer.raw(data)
    for number in range(40):
        peer.event(str(number).encode())
    peer.rekey()
    answer = peer.response_to(peer.request("echo", b"next epoch"))
    assert answer is not None
    lab.wait(lambda: len(lab.iut_view(peer).delivered) == 41)
    assert len(set(lab.iut_view(peer).delivered)) == 41
    assert peer.close() == "closed"
    assert peer.noted == []


def test_both_kinds_of_proof(bench: Bench) -> None:
    """A certificate and a pre-shared key, under the suite that has both."""
    lab = lab_of(bench, X509)
    given = lab.issuer.good()
    names = {"id": "both", "key": b64(b"k" * 32), "kind": "psk"}
    suites = {"suites": ["Noise_XXpsk3_25519_ChaChaPoly_SHA256"]}
    client = {**names, "self": given.client.name, "other": given.server.name}
    server = {**names, "self": given.server.name, "other": given.client.name}
    peer = lab.wire_client(lab.listen(options={**suites, "psk": server}), options={**suites, "psk": client})
    assert peer.handshake()
    assert peer.state is not None
    assert peer.state.mode == "x509+psk"
    lab.finish()


def test_messages_of_every_form(lab: Lab) -> None:
    """Fields by name and by number, fields left out, whole maps, raw bytes; and what is known about them."""
    peer = lab.wire_client(lab.listen())
    assert peer.handshake()
    before = peer.known_keys
    assert before is not None
    assert peer.event(b"by name", purpose="test", extra={70: [1]}) == 0
    assert peer.message({1: 2, 4: "app.message", 14: b"a map"}) == 1
    lab.wait(lambda: len(lab.iut_view(peer).delivered) == 2)
    assert lab.iut_view(peer).delivered == (b"by name", b"a map")
    after = peer.known_keys
    assert after is not None
    assert (after.send, after.send_n) == (before.send, before.send_n + 2)
    assert peer.message({1: 2, 2: ..., 4: "app.message"}) == 2
    assert peer.wait_end() == "error"
    # What the driver tells may come after what is on the wire.
    lab.wait(lambda: bool(lab.iut_view(peer).endings))
    assert lab.iut_view(peer).endings[0].how == "error"


def test_frames_are_edited_on_their_way(lab: Lab) -> None:
    """The evidence marks a frame that was changed, and has everything that was done by hand."""
    peer = lab.wire_client(lab.listen())
    sent = peer.offer(edit=lambda frame: frame[:6] + b"\x09" + frame[7:])
    assert sent[6] == 9
    assert peer.wait_end() == "truncated"
    evidence = lab.finish()
    assert any("sends offer*" in line for line in evidence.done)
    assert any("offer*" in line for line in evidence.trace)


def test_what_never_comes_is_inconclusive(lab: Lab) -> None:
    """A case that needs a frame that does not come says so, with what came instead."""
    peer = lab.wire_client(lab.listen())
    peer.offer()
    with pytest.raises(Inconclusive, match="waited for retry, heard accept"):
        peer.expect("retry", timeout_s=0.2)
    peer.finish()
    assert peer.wait_end() is not None
    with pytest.raises(Inconclusive, match="no session"):
        lab.iut_conn(peer, timeout_s=0.05)


def test_there_may_be_nothing_to_ask_for(lab: Lab) -> None:
    """RETRIED needs an initiator that offers more than one thing."""
    peer = lab.wire_server()
    lab.attempt_to(peer, options={"suites": [SUITES[lab.issuer.kind][0]]})
    with pytest.raises(Inconclusive, match="nothing to ask for"):
        peer.reach("RETRIED")


def test_a_version_can_be_asked_for_too(lab: Lab) -> None:
    """Where only one suite is offered, another version will do for RETRIED."""
    peer = lab.wire_server(options={"versions": (1, 127)})
    lab.attempt_to(peer, options={"suites": [SUITES[lab.issuer.kind][0]], "versions": [1, 127]})
    peer.reach("RETRIED")
    assert peer.goes_on()
    assert peer.state is not None
    assert peer.state.version == 1


def test_a_state_beyond_a_refusal_is_inconclusive(lab: Lab) -> None:
    """Nobody can be brought into OPEN who does not let the peer in."""
    deployment = lab.issuer.untrusted("client")
    peer = lab.wire_client(lab.listen(), deployment=deployment)
    with pytest.raises(Inconclusive, match="no session"):
        peer.reach("OPEN")
    assert not peer.goes_on()


def test_everything_by_hand(lab: Lab) -> None:
    """A server's REJECT; sealed plaintext, raw messages and ERROR of a client."""
    server = lab.wire_server()
    lab.attempt_to(server)
    server.expect("offer")
    server.reject(3, 100)
    assert server.wait_end() is not None
    assert lab.wait(lambda: bool(lab.iut_view(server).refusals))
    assert lab.iut_view(server).refusals == (("negotiation", "limit"),)
    peer = lab.wire_client(lab.listen())
    assert peer.handshake()
    peer.sealed(b"\x00\x0a\x03\x0012345678")
    assert peer.wait_for("PONG") is not None
    assert [record.payload for record in peer.records if record.label == "PONG"] == [b"12345678"]
    peer.payload(cbor.encode({0: 1, 1: 2, 2: 0, 4: "app.message", 14: b"raw"}))
    assert lab.wait(lambda: lab.iut_view(peer).delivered == (b"raw",))
    peer.error(2)
    assert peer.wait_end() == "truncated"
    assert peer.close() == "truncated"


def test_a_client_that_is_refused_in_the_open(lab: Lab) -> None:
    """A suite that the server does not allow: the stream ends behind REJECT."""
    peer = lab.wire_client(lab.listen(), options={"suites": [0x0A0A]})
    assert not peer.handshake()
    assert peer.wait_end() == "rejected"


def test_several_peers_are_told_apart(lab: Lab) -> None:
    """What the endpoint tells belongs to the connection that it is about."""
    served = lab.listen()
    peers = [lab.wire_client(served) for _ in range(3)]
    for number, peer in enumerate(peers):
        assert peer.handshake()
        peer.event(str(number).encode())
    assert lab.wait(lambda: all(lab.iut_view(peer).delivered for peer in peers))
    assert [lab.iut_view(peer).delivered for peer in peers] == [(b"0",), (b"1",), (b"2",)]
    assert len({lab.iut_conn(peer) for peer in peers}) == 3
    peers[1].abort()
    assert lab.wait(lambda: bool(lab.iut_view(peers[1]).endings))
    assert not lab.iut_view(peers[0]).endings


def check(lab: Lab, peer: WirePeer, cell: Transition) -> None:
    """What the table says has to be seen."""
    if cell.effect == "goes-on" or (cell.effect == "ignored" and cell.state != "ENDING"):
        assert peer.goes_on()
        return
    end = peer.wait_end()
    view = lab.iut_view(peer)
    assert end is not None
    assert view.delivered == ()
    if cell.state in HANDSHAKE_STATES or cell.state == "CONFIRMING":
        assert view.established == ()
    elif cell.effect == "ignored":
        assert end == "closed"
    elif cell.effect == "fatal" and cell.state == "OPEN":
        assert end in ("error", "truncated")


def test_quirks_are_in_the_evidence(lab: Lab) -> None:
    """What a peer does wrong by itself is said, and shows on the other side."""
    quirks = Quirks(handshake=HandshakeQuirks(application=b"SIPC/9"))
    peer = lab.wire_client(lab.listen(), quirks=quirks)
    assert not peer.handshake()
    assert peer.ended == "truncated"
    assert told(lab, "server", "established") == []
    assert any("handshake.application = 6 bytes" in line for line in lab.finish().done)


def test_a_wrong_count_in_close_is_noticed(lab: Lab) -> None:
    """CLOSE that counts a message too many is not a clean end."""
    quirks = Quirks(record=RecordQuirks(sent_off=1))
    peer = lab.wire_client(lab.listen(), quirks=quirks)
    assert peer.handshake()
    assert peer.close() == "error"
    assert lab.wait(lambda: bool(told(lab, "server", "closed")))
    assert told(lab, "server", "closed")[0]["how"] != "clean"


def test_a_peer_can_fall_silent(lab: Lab) -> None:
    """Nothing comes behind the frame after which a peer is to stop."""
    peer = lab.wire_client(lab.listen(), quirks=Quirks(timing=TimingQuirks(stop_after="offer")))
    assert not peer.handshake(timeout_s=0.3)
    assert [one.label for one in peer.sent] == ["offer"]
    assert peer.labels() == ["accept"]


def test_bytes_one_by_one(lab: Lab) -> None:
    """A peer that dribbles is understood all the same, as long as it is quick enough."""
    peer = lab.wire_client(lab.listen(), quirks=Quirks(timing=TimingQuirks(dribble_s=0.0001)))
    assert peer.handshake()


def test_early_records_have_the_early_keys(lab: Lab) -> None:
    """A record before there are keys is sealed with what `Split()` gives at that point, and gets nowhere."""
    peer = lab.wire_client(lab.listen())
    peer.ready()
    assert peer.wait_end() is not None
    assert told(lab, "server", "established") == []


def test_settling_ends_with_the_silence(lab: Lab) -> None:
    """A wire peer waits until nothing moves any more, not until its patience is over."""
    peer = lab.wire_client(lab.listen())
    assert peer.handshake()
    before = lab.reactor.now()
    assert peer.settle(limit_s=60) is None
    assert lab.reactor.now() - before < 30
