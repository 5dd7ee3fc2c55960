"""Make the golden SIPC/1 sessions of the corpora from fixed keys, or check that the committed ones are these.

    python ci/make_golden_sessions.py            write the file
    python ci/make_golden_sessions.py --check    exit 1 if the committed file differs

Every key, ephemeral key and certificate is fixed, so the file is the same on every machine. The handshakes are run
by the reference implementation; tests/sipc/test_golden_sessions.py verifies them with an independent one.
"""

import argparse
import datetime
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from sipc import cbor
from sipc.entropy import ScriptedEntropy
from sipc.errors import NegotiationError
from sipc.framing import encode_frame, pad
from sipc.handshake import HandshakeResult, Initiator, Responder
from sipc.handshake_config import InitiatorConfig, ResponderConfig
from sipc.handshake_payload import encode_names
from sipc.identity import PskCredential, TrustStore, X509Credential
from sipc.negotiation import prologue, retry_prologue
from sipc.suites import SUITES, Mode

TARGET = Path(__file__).resolve().parent.parent / "corpora/ipc_gauntlet_corpora/vectors/sipc1.json"

KEYS = {
    "init_static": b"\x11" * 32,
    "resp_static": b"\x22" * 32,
    "init_eph": b"\x33" * 32,
    "resp_eph": b"\x44" * 32,
    "init_eph_before_retry": b"\x35" * 32,
    "ca_ed25519_seed": b"\x55" * 32,
    "psk": b"\x66" * 32,
}
ALICE, ECHO = "spiffe://sipc.test/app/alice", "spiffe://sipc.test/svc/echo"
SERVICE, PSK_ID = "svc.echo", "psk-7"
WALL = 1_800_000_000  # 2027-01-15, inside the certificates' validity

_START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
_END = datetime.datetime(2036, 1, 1, tzinfo=datetime.UTC)
_CA_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "SIPC test root")])
_CA_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(KEYS["ca_ed25519_seed"])
_CA_KEY_ID = b"\x01" * 20


def _usage(*granted: str) -> x509.KeyUsage:
    every = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign"
        " crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: name in granted for name in every.split()})


def _builder(serial: int, subject: x509.Name, *, ca: bool) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(_CA_NAME)
        .subject_name(subject)
        .serial_number(serial)
        .not_valid_before(_START)
        .not_valid_after(_END)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
    )


def root() -> bytes:
    """The root certificate."""
    builder = (
        _builder(1, _CA_NAME, ca=True)
        .public_key(_CA_KEY.public_key())
        .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(x509.SubjectKeyIdentifier(_CA_KEY_ID), critical=False)
    )
    return builder.sign(_CA_KEY, None).public_bytes(Encoding.DER)


def leaf(serial: int, private: bytes, name: str) -> X509Credential:
    """One side's certificate and key."""
    san = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(name)])
    builder = (
        _builder(serial, x509.Name([]), ca=False)
        .public_key(x25519.X25519PrivateKey.from_private_bytes(private).public_key())
        .add_extension(_usage("key_agreement"), critical=True)
        .add_extension(san, critical=True)
        .add_extension(x509.AuthorityKeyIdentifier(_CA_KEY_ID, None, None), critical=False)
    )
    return X509Credential((builder.sign(_CA_KEY, None).public_bytes(Encoding.DER),), private, name)


ROOT, LEAF_I, LEAF_R = root(), leaf(2, KEYS["init_static"], ALICE), leaf(3, KEYS["resp_static"], ECHO)
PSK_I = PskCredential(PSK_ID, KEYS["psk"], ALICE, ECHO)
PSK_R = PskCredential(PSK_ID, KEYS["psk"], ECHO, ALICE)

# One record after the other, as (sender, what, body). A body is: type, flags, payload.
_READY = bytes((1, 0)) + cbor.encode({0: 1 << 20, 1: 64, 2: 1 << 20, 3: 60_000, 4: []})
_REQUEST: dict[cbor.Key, cbor.Value] = {
    0: 1,
    1: 0,
    2: 0,
    4: "echo.put",
    5: 1,
    6: b"w" * 16,
    7: 5000,
    8: 2,
    9: "test",
    14: {"k": "v", "n": 1},
}
_RESPONSE: dict[cbor.Key, cbor.Value] = {0: 1, 1: 1, 2: 0, 3: 0, 8: 2, 14: {"ok": True}, 15: 0}
_CLOSE = bytes((6, 0)) + cbor.encode({0: 0, 1: 1, 2: 1})
REKEY = bytes((5, 0))
RECORDS = (
    ("I", "READY", _READY),
    ("R", "READY", _READY),
    ("I", "MSG request", bytes((2, 3)) + cbor.encode(_REQUEST)),
    ("R", "MSG response", bytes((2, 3)) + cbor.encode(_RESPONSE)),
    ("I", "REKEY", REKEY),
    ("I", "PING after rekey", bytes((3, 0)) + bytes(8)),
    ("R", "PONG", bytes((4, 0)) + bytes(8)),
    ("I", "CLOSE", _CLOSE),
    ("R", "CLOSE", _CLOSE),
)


@dataclass(frozen=True)
class Scenario:
    """One session: what each side offers or allows.

    Args:
        kind: Its name in the file.
        offered: The initiator's suites.
        allowed: The responder's suites.
        grease: Meaningless numbers in the offer.
        versions: The initiator's versions.
    """

    kind: str
    offered: tuple[int, ...]
    allowed: tuple[int, ...]
    grease: tuple[int, ...] = ()
    versions: tuple[int, int] = (1, 1)

    def initiator(self) -> InitiatorConfig:
        """The initiator's configuration."""
        suites = tuple(SUITES[number] for number in self.offered)
        trust = TrustStore([ROOT], psks=[PSK_I])
        credential = PSK_I if suites[0].mode is Mode.PSK else LEAF_I
        psk = PSK_I if suites[0].mode is Mode.X509_PSK else None
        return InitiatorConfig(SERVICE, credential, trust, suites, self.versions, psk, ECHO, self.grease)

    def responder(self) -> ResponderConfig:
        """The responder's configuration."""
        suites = tuple(SUITES[number] for number in self.allowed)
        credential = PSK_R if suites[0].mode is Mode.PSK else LEAF_R
        return ResponderConfig(SERVICE, credential, TrustStore([ROOT], psks=[PSK_R]), suites)


SCENARIOS = (
    Scenario("xx", (0x0001, 0x0002), (0x0001, 0x0002), grease=(0x0A0A,)),
    Scenario("retry", (0x0001, 0x0002), (0x0002,)),
    Scenario("psk", (0x0011,), (0x0011,)),
    Scenario("psk-aesgcm", (0x0012,), (0x0012,)),
    Scenario("xxpsk3", (0x0021,), (0x0021,)),
    Scenario("reject-version", (0x0001,), (0x0001,), versions=(127, 127)),
    Scenario("reject-suite", (0x0002,), (0x0001,)),
)


def _handshake_frame(sender: str, what: str, data: bytes, payload: bytes | None) -> dict[str, str]:
    middle = 2 + int.from_bytes(data[:2])
    negotiation, message = data[2:middle], data[middle + 2 :]
    if encode_frame(negotiation, message) != data:
        raise ValueError(f"{what} is not one frame")
    frame = {"from": sender, "what": what, "hex": data.hex(), "negotiation": negotiation.hex()}
    return frame if payload is None else frame | {"payload": payload.hex()}


def _records(initiator: HandshakeResult, responder: HandshakeResult) -> list[dict[str, str]]:
    frames = []
    for sender, what, body in RECORDS:
        cipher = (initiator if sender == "I" else responder).send
        sealed = cipher.encrypt(pad(body))
        if body == REKEY:
            cipher.rekey()
        frame = len(sealed).to_bytes(2) + sealed
        frames.append({"from": sender, "what": what, "hex": frame.hex(), "body": body.hex()})
    return frames


def session(scenario: Scenario) -> dict[str, object]:
    """Run one session and write down all of it."""
    client, server = scenario.initiator(), scenario.responder()
    retried = scenario.kind == "retry"
    ephemerals = [KEYS["init_eph_before_retry"]] * retried + [KEYS["init_eph"]]
    initiator = Initiator(client, ScriptedEntropy(ephemerals), WALL)
    responder = Responder(server, ScriptedEntropy([KEYS["resp_eph"]]), WALL)
    mode = client.mode
    one = pad(encode_names(ALICE, ECHO)) if mode is Mode.PSK else b""
    two = pad(encode_names(ECHO, ALICE)) if mode is Mode.PSK else server.certificates
    frames = [_handshake_frame("I", "HS1", first := initiator.data_to_send(), one)]
    try:
        responder.receive(first)
    except NegotiationError:
        frames.append(_handshake_frame("R", "REJECT", responder.data_to_send(), None))
        return {"kind": scenario.kind, "frames": frames}
    bound = prologue(client.encoded_offer, 1)
    if retried:
        frames.append(_handshake_frame("R", "RETRY", retry := responder.data_to_send(), None))
        initiator.receive(retry)
        frames.append(_handshake_frame("I", "HS1 again", again := initiator.data_to_send(), b""))
        responder.receive(again)
        begun, asked, chosen = (bytes.fromhex(frame["negotiation"]) for frame in frames)
        bound = retry_prologue((begun, first[4 + len(begun) :]), asked, chosen, 1)
    frames.append(_handshake_frame("R", "HS2", second := responder.data_to_send(), two))
    initiator.receive(second)
    if mode is not Mode.PSK:
        frames.append(_handshake_frame("I", "HS3", third := initiator.data_to_send(), client.certificates))
        responder.receive(third)
    ours, theirs = initiator.result, responder.result
    if ours is None or theirs is None or ours.channel_binding != theirs.channel_binding:
        raise ValueError(f"session {scenario.kind} did not come about")
    return {
        "kind": scenario.kind,
        "suite": ours.suite.name,
        "prologue": bound.hex(),
        "handshake_hash": ours.handshake_hash.hex(),
        "channel_binding": ours.channel_binding.hex(),
        "frames": frames + _records(ours, theirs),
    }


def document() -> str:
    """The whole file."""
    content = {
        "protocol": "SIPC/1",
        "wall": WALL,
        "keys": {name: key.hex() for name, key in KEYS.items()},
        "names": {"initiator": ALICE, "responder": ECHO, "service": SERVICE, "psk_id": PSK_ID},
        "root_der": ROOT.hex(),
        "leaf_i_der": LEAF_I.chain[0].hex(),
        "leaf_r_der": LEAF_R.chain[0].hex(),
        "sessions": [session(scenario) for scenario in SCENARIOS],
    }
    return json.dumps(content, indent=1) + "\n"


def main(arguments: list[str]) -> int:
    """Write or check the file; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    if not parser.parse_args(arguments).check:
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        TARGET.write_text(document(), "utf-8")
        print(f"wrote {TARGET}")
        return 0
    same = TARGET.is_file() and TARGET.read_text("utf-8") == document()
    print(
        f"{TARGET} is up to date"
        if same
        else f"{TARGET} is not what this program makes; run it without --check"
    )
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
