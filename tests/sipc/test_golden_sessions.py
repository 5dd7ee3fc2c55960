"""The golden sessions of the corpora: made again, replayed by our code, and verified by a foreign implementation."""

import importlib.resources
import json
import runpy
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from noise.connection import Keypair, NoiseConnection

from sipc.entropy import ScriptedEntropy
from sipc.errors import NegotiationError, SipcError
from sipc.handshake import HandshakeResult, Initiator, Responder
from sipc.handshake_config import InitiatorConfig, ResponderConfig
from sipc.identity import PskCredential, TrustStore, X509Credential
from sipc.records import RecordOpener, RecordSealer, RecordType
from sipc.suites import SUITES, Mode, suites_named

Frame = dict[str, str]

FILE = importlib.resources.files("ipc_gauntlet_corpora") / "vectors" / "sipc1.json"
GENERATOR = Path(__file__).resolve().parents[2] / "ci" / "make_golden_sessions.py"
GOLDEN = json.loads(FILE.read_text("utf-8"))
KEYS = {name: bytes.fromhex(key) for name, key in GOLDEN["keys"].items()}
NAMES = GOLDEN["names"]
COMPLETE = [session for session in GOLDEN["sessions"] if "handshake_hash" in session]
REJECTED = [session for session in GOLDEN["sessions"] if "handshake_hash" not in session]
EVERY_SESSION = pytest.mark.parametrize("session", COMPLETE, ids=lambda session: session["kind"])


@dataclass(frozen=True)
class Golden:
    """One complete session of the file."""

    suite: str
    prologue: bytes
    handshake_hash: bytes
    channel_binding: bytes
    frames: list[Frame]

    @classmethod
    def load(cls, session: dict[str, object]) -> "Golden":
        """Read the file's form."""
        frames = session["frames"]
        assert isinstance(frames, list)
        prologue, handshake_hash, binding = (
            bytes.fromhex(str(session[name])) for name in ("prologue", "handshake_hash", "channel_binding")
        )
        return cls(str(session["suite"]), prologue, handshake_hash, binding, frames)

    @property
    def handshake(self) -> list[Frame]:
        return [frame for frame in self.frames if "negotiation" in frame]

    @property
    def records(self) -> list[Frame]:
        return [frame for frame in self.frames if "body" in frame]

    @property
    def retried(self) -> bool:
        return any(frame["what"] == "RETRY" for frame in self.frames)


def test_the_sessions_are_those_of_the_generator() -> None:
    """The committed file is, byte for byte, what the generator makes of the fixed keys."""
    made = runpy.run_path(str(GENERATOR))["document"]()
    assert FILE.read_text("utf-8") == made


def test_the_file_holds_every_kind_of_session() -> None:
    """Both ciphers, all three modes, a retry and both refusals are there."""
    assert {session["kind"] for session in COMPLETE} == {"xx", "retry", "psk", "psk-aesgcm", "xxpsk3"}
    assert {session["kind"] for session in REJECTED} == {"reject-version", "reject-suite"}


def configurations(golden: Golden) -> tuple[InitiatorConfig, ResponderConfig]:
    """Configurations for both ends, from the file's data alone."""
    (suite,) = suites_named([golden.suite])
    root = bytes.fromhex(GOLDEN["root_der"])
    alice, echo = NAMES["initiator"], NAMES["responder"]
    mine = PskCredential(NAMES["psk_id"], KEYS["psk"], alice, echo)
    theirs = PskCredential(NAMES["psk_id"], KEYS["psk"], echo, alice)
    leaf_i = X509Credential((bytes.fromhex(GOLDEN["leaf_i_der"]),), KEYS["init_static"], alice)
    leaf_r = X509Credential((bytes.fromhex(GOLDEN["leaf_r_der"]),), KEYS["resp_static"], echo)
    offer = bytes.fromhex(golden.frames[0]["negotiation"])
    numbers = [int.from_bytes(offer[at : at + 2]) for at in range(9, 9 + 2 * offer[8], 2)]
    offered = [number for number in numbers if number & 0x0F0F != 0x0A0A]
    client = InitiatorConfig(
        NAMES["service"],
        mine if suite.mode is Mode.PSK else leaf_i,
        TrustStore([root], psks=[mine]),
        tuple(SUITES[number] for number in offered),
        psk=mine if suite.mode is Mode.X509_PSK else None,
        peer=echo,
        grease=tuple(number for number in numbers if number not in offered),
    )
    own = theirs if suite.mode is Mode.PSK else leaf_r
    return client, ResponderConfig(NAMES["service"], own, TrustStore([root], psks=[theirs]), (suite,))


def replayed(golden: Golden) -> dict[str, HandshakeResult]:
    """Run the session's handshake with its keys; every frame must be the golden one."""
    client, server = configurations(golden)
    ephemerals = [KEYS["init_eph"]]
    if golden.retried:
        ephemerals.insert(0, KEYS["init_eph_before_retry"])
    initiator = Initiator(client, ScriptedEntropy(ephemerals), GOLDEN["wall"])
    responder = Responder(server, ScriptedEntropy([KEYS["resp_eph"]]), GOLDEN["wall"])
    for frame in golden.handshake:
        sender, receiver = (initiator, responder) if frame["from"] == "I" else (responder, initiator)
        data = sender.data_to_send()
        assert data.hex() == frame["hex"], frame["what"]
        receiver.receive(data)
    assert initiator.result is not None
    assert responder.result is not None
    return {"I": initiator.result, "R": responder.result}


@EVERY_SESSION
def test_our_handshake_is_the_golden_one(session: dict[str, object]) -> None:
    """Both ends, given the session's keys, send exactly its frames and end with its hash and binding."""
    golden = Golden.load(session)
    for result in replayed(golden).values():
        assert result.handshake_hash == golden.handshake_hash
        assert result.channel_binding == golden.channel_binding
        assert result.suite.name == golden.suite


@EVERY_SESSION
def test_our_records_are_the_golden_ones(session: dict[str, object]) -> None:
    """The record layer seals the session's records to exactly its frames, and opens them again, also after REKEY."""
    golden = Golden.load(session)
    ends = replayed(golden)
    sealers = {side: RecordSealer(end.send) for side, end in ends.items()}
    openers = {side: RecordOpener(end.receive) for side, end in ends.items()}
    for frame in golden.records:
        sealer, opener = sealers[frame["from"]], openers["R" if frame["from"] == "I" else "I"]
        kind, flags, *payload = bytes.fromhex(frame["body"])
        rekey = kind == RecordType.REKEY
        sealed = sealer.rekey() if rekey else sealer.seal(RecordType(kind), bytes(payload), flags)
        assert sealed.hex() == frame["hex"], frame["what"]
        assert list(opener.feed(sealed)) == [(kind, flags, bytes(payload))]
        if rekey:
            opener.rekey()


@pytest.mark.parametrize("session", REJECTED, ids=lambda session: session["kind"])
def test_our_refusal_is_the_golden_one(session: dict[str, list[Frame]]) -> None:
    """A responder answers the recorded offer with exactly the recorded refusal."""
    offer, refusal = session["frames"]
    _, server = configurations(Golden.load(next(one for one in COMPLETE if one["kind"] == "xx")))
    responder = Responder(server, ScriptedEntropy([]), GOLDEN["wall"])
    with pytest.raises(NegotiationError):
        responder.receive(bytes.fromhex(offer["hex"]))
    assert responder.data_to_send().hex() == refusal["hex"]


# --- the foreign implementation: nothing of sipc is used below ---


def message(frame: Frame) -> bytes:
    """The Noise message of a handshake frame."""
    data = bytes.fromhex(frame["hex"])
    middle = 2 + int.from_bytes(data[:2])
    assert data[2:middle].hex() == frame["negotiation"]
    assert int.from_bytes(data[middle : middle + 2]) == len(data) - middle - 2
    return data[middle + 2 :]


def foreign(golden: Golden, role: str) -> NoiseConnection:
    """One end of the session in noiseprotocol."""
    end = NoiseConnection.from_name(golden.suite.encode())
    if role == "init":
        end.set_as_initiator()
    else:
        end.set_as_responder()
    end.set_prologue(golden.prologue)
    if "psk" in golden.suite:
        end.set_psks(KEYS["psk"])
    if "XX" in golden.suite:
        end.set_keypair_from_private_bytes(Keypair.STATIC, KEYS[f"{role}_static"])
    end.set_keypair_from_private_bytes(Keypair.EPHEMERAL, KEYS[f"{role}_eph"])
    with pytest.warns(UserWarning, match="ephemeral"):  # fixed ones are for testing
        end.start_handshake()
    return end


def prologue_by_hand(golden: Golden) -> bytes:
    """The prologue as the protocol document says, from the frames."""

    def block(data: bytes) -> bytes:
        return len(data).to_bytes(2) + data

    negotiations = [bytes.fromhex(frame["negotiation"]) for frame in golden.handshake]
    if not golden.retried:
        return b"NoiseSocketInit1" + block(negotiations[0]) + b"SIPC/1"
    first = block(negotiations[0]) + block(message(golden.handshake[0]))
    second = block(negotiations[1]) + block(message(golden.handshake[1]))
    return b"NoiseSocketInit3" + first + second + block(negotiations[2]) + b"SIPC/1"


@EVERY_SESSION
def test_a_foreign_implementation_makes_the_same_session(session: dict[str, object]) -> None:
    """noiseprotocol writes and reads the same handshake messages, finds the same hash, and opens every record."""
    golden = Golden.load(session)
    assert prologue_by_hand(golden) == golden.prologue
    ends = {"I": foreign(golden, "init"), "R": foreign(golden, "resp")}
    for frame in golden.handshake[2 if golden.retried else 0 :]:
        writer, reader = (ends["I"], ends["R"]) if frame["from"] == "I" else (ends["R"], ends["I"])
        payload = bytes.fromhex(frame["payload"])
        assert bytes(writer.write_message(payload)) == message(frame), frame["what"]
        assert bytes(reader.read_message(message(frame))) == payload
    for end in ends.values():
        assert end.handshake_finished
        assert end.get_handshake_hash() == golden.handshake_hash
    assert sha256(b"SIPC/1 cb" + golden.handshake_hash).digest() == golden.channel_binding
    for frame in golden.records:
        reader = ends["R" if frame["from"] == "I" else "I"]
        data = bytes.fromhex(frame["hex"])
        assert int.from_bytes(data[:2]) == len(data) - 2
        plaintext = bytes(reader.decrypt(data[2:]))
        assert len(plaintext) % 64 == 0
        length = int.from_bytes(plaintext[:2])
        assert plaintext[2 : 2 + length].hex() == frame["body"]
        assert not any(plaintext[2 + length :])
        if frame["what"] == "REKEY":
            reader.rekey_inbound_cipher()


@EVERY_SESSION
def test_no_frame_of_a_golden_session_may_differ(session: dict[str, object]) -> None:
    """The replay above notices a single changed byte in any handshake frame of the responder."""
    golden = Golden.load(session)
    if golden.retried:
        client, _ = configurations(golden)
        initiator = Initiator(client, ScriptedEntropy([KEYS["init_eph_before_retry"]]), GOLDEN["wall"])
        changed = bytes.fromhex(golden.frames[1]["hex"])[:-3] + b"\x01\0\0"
    else:
        client, _ = configurations(golden)
        initiator = Initiator(client, ScriptedEntropy([KEYS["init_eph"]]), GOLDEN["wall"])
        answer = bytearray.fromhex(next(frame["hex"] for frame in golden.frames if frame["what"] == "HS2"))
        answer[-1] ^= 1
        changed = bytes(answer)
    with pytest.raises(SipcError):
        initiator.receive(changed)
