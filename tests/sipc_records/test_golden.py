"""Two whole connections replay the golden sessions of the corpora, byte for byte."""

import importlib.resources
import json

import pytest

from sipc.connection import Connection, Context
from sipc.entropy import ScriptedEntropy
from sipc.envelope import Label
from sipc.events import Closed, Event, How, RequestReceived
from sipc.exchange import Answer
from sipc.handshake import Initiator, Responder
from sipc.handshake_config import InitiatorConfig, ResponderConfig
from sipc.identity import PskCredential, TrustStore, X509Credential
from sipc.rpc import Call
from sipc.settings import Settings
from sipc.suites import SUITES, Mode, suites_named

FILE = importlib.resources.files("ipc_gauntlet_corpora") / "vectors" / "sipc1.json"
GOLDEN = json.loads(FILE.read_text("utf-8"))
SESSIONS = [session for session in GOLDEN["sessions"] if "handshake_hash" in session]
KEYS = {name: bytes.fromhex(key) for name, key in GOLDEN["keys"].items()}
NAMES = GOLDEN["names"]
START = 1000.0


def configurations(session: dict[str, object]) -> tuple[InitiatorConfig, ResponderConfig]:
    """Configurations of both ends, from the file's data alone."""
    frames = session["frames"]
    assert isinstance(frames, list)
    (suite,) = suites_named([str(session["suite"])])
    root = bytes.fromhex(GOLDEN["root_der"])
    alice, echo = NAMES["initiator"], NAMES["responder"]
    mine = PskCredential(NAMES["psk_id"], KEYS["psk"], alice, echo)
    theirs = PskCredential(NAMES["psk_id"], KEYS["psk"], echo, alice)
    own: X509Credential | PskCredential = theirs
    credential: X509Credential | PskCredential = mine
    if suite.mode is not Mode.PSK:
        credential = X509Credential((bytes.fromhex(GOLDEN["leaf_i_der"]),), KEYS["init_static"], alice)
        own = X509Credential((bytes.fromhex(GOLDEN["leaf_r_der"]),), KEYS["resp_static"], echo)
    offer = bytes.fromhex(frames[0]["negotiation"])
    numbers = [int.from_bytes(offer[at : at + 2]) for at in range(9, 9 + 2 * offer[8], 2)]
    client = InitiatorConfig(
        NAMES["service"],
        credential,
        TrustStore([root], psks=[mine]),
        tuple(SUITES[number] for number in numbers if number in SUITES),
        psk=mine if suite.mode is Mode.X509_PSK else None,
        peer=echo,
        grease=tuple(number for number in numbers if number not in SUITES),
    )
    return client, ResponderConfig(NAMES["service"], own, TrustStore([root], psks=[theirs]), (suite,))


class Run:
    """Both connections, and everything each of them sent."""

    def __init__(self, session: dict[str, object]) -> None:
        client, server = configurations(session)
        wall = GOLDEN["wall"]
        keys = [KEYS["init_eph"]]
        if session["kind"] == "retry":
            keys.insert(0, KEYS["init_eph_before_retry"])

        def context(*, initiator: bool) -> Context:
            return Context(initiator, wall, lambda n: bytes(n))

        initiator = Initiator(client, ScriptedEntropy(keys), wall)
        responder = Responder(server, ScriptedEntropy([KEYS["resp_eph"]]), wall)
        self.client = Connection(initiator, Settings(), context(initiator=True), START)
        self.server = Connection(responder, Settings(), context(initiator=False), START)
        self.sent = {"I": b"", "R": b""}
        self.events: dict[str, list[Event]] = {"I": [], "R": []}

    def pump(self, now: float = START) -> None:
        """Carry bytes until both are quiet."""
        busy = True
        while busy:
            busy = False
            for name, sender, receiver in (("I", self.client, self.server), ("R", self.server, self.client)):
                data = sender.data_to_send()
                self.sent[name] += data
                busy = busy or bool(data)
                receiver.receive_data(data, now)
                while (event := sender.next_event()) is not None:
                    self.events[name].append(event)


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session["kind"])
def test_whole_connections_are_golden(session: dict[str, object]) -> None:
    """Handshake, READY, request, response, REKEY, PING, PONG and CLOSE are exactly the file's bytes."""
    run = Run(session)
    run.pump()
    run.client.request(
        Call(
            "echo.put",
            {"k": "v", "n": 1},
            schema=1,
            label=Label.CONFIDENTIAL,
            purpose="test",
            idem=b"w" * 16,
            budget_ms=5000,
        ),
        START,
    )
    run.pump()
    (request,) = [event for event in run.events["R"] if isinstance(event, RequestReceived)]
    run.server.respond(request.mid, Answer(body={"ok": True}, label=Label.CONFIDENTIAL))
    run.pump()
    run.client.rekey(START)
    run.client.handle_timer(START + 60.0)
    run.pump(START + 60.0)
    run.client.close(START + 60.0)
    run.pump(START + 60.0)
    frames = session["frames"]
    assert isinstance(frames, list)
    for side in "IR":
        assert run.sent[side].hex() == "".join(frame["hex"] for frame in frames if frame["from"] == side)
    hows = [event.how for side in "IR" for event in run.events[side] if isinstance(event, Closed)]
    assert hows == [How.LOCAL, How.CLEAN]
