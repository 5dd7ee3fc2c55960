"""Wire peers against the reference implementation's driver: both roles, every state, and the evidence they leave."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping

import pytest

from ipc_gauntlet.credentials.deployment import b64
from ipc_gauntlet.declaration import CaseSpec
from ipc_gauntlet.driver import DriverCommand
from ipc_gauntlet.lab import Bench, BenchConfig, CaseFacts, Lab
from ipc_gauntlet.lab.wirepeer import WirePeer
from ipc_gauntlet.peer import HandshakeQuirks, Quirks, RecordQuirks, TimingQuirks
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


def lab_of(bench: Bench, credential: Mapping[str, object], transport: str = "unix") -> Lab:
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


@pytest.mark.parametrize("transport", ["unix", "tcp"])
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


def cells(role: str) -> list[object]:
    """Every cell of the table in which the implementation has this role."""
    wanted = [one for one in transitions() if one.role == role]
    return [pytest.param(one, id=one.id) for one in wanted]


@pytest.mark.parametrize("cell", cells("responder"))
def test_every_cell_of_a_responder(bench: Bench, cell: Transition) -> None:
    """The reference does in every state what the table says about every message."""
    lab = lab_of(bench, X509)
    peer = lab.wire_client(lab.listen())
    peer.reach(cell.state)
    peer.emit(cell.message)
    check(lab, peer, cell)
    lab.finish()


@pytest.mark.parametrize("cell", cells("initiator"))
def test_every_cell_of_an_initiator(bench: Bench, cell: Transition) -> None:
    """The same for a client under test."""
    lab = lab_of(bench, X509)
    peer = lab.wire_server()
    suites = ["Noise_XX_25519_ChaChaPoly_SHA256", "Noise_XX_25519_AESGCM_SHA256"]
    lab.attempt_to(peer, options={"suites": suites})
    peer.reach(cell.state)
    peer.emit(cell.message)
    check(lab, peer, cell)
    lab.finish()


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
