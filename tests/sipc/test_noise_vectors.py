"""Noise handshakes against published vectors.

The vectors are others' data and not part of this project: the environment variable IPC_GAUNTLET_NOISE_VECTORS names
a folder that holds noise-cacophony.json and noise-snow.json (projects haskell-cryptography/cacophony, mcginty/snow).
"""

import json
import os
import pathlib

import pytest

from sipc.entropy import ScriptedEntropy
from sipc.noise import Cipher
from sipc.noise_handshake import HandshakeState, KeyPair, Keys, NoiseProtocol, Pattern

VARIABLE = "IPC_GAUNTLET_NOISE_VECTORS"
PROTOCOLS = {
    protocol.name: protocol
    for protocol in (NoiseProtocol(pattern, cipher) for pattern in Pattern for cipher in Cipher)
}
# What each file holds for the six protocols; a file that suddenly holds less must not pass unnoticed.
EXPECTED = {"noise-cacophony.json": 6, "noise-snow.json": 2}

Vector = dict[str, object]


def vectors() -> list[object]:
    folder = os.environ.get(VARIABLE)
    if not folder:
        reason = (
            f"published Noise vectors not found: set {VARIABLE} to the folder of {' and '.join(EXPECTED)}"
        )
        return [pytest.param("", {}, marks=pytest.mark.skip(reason=reason), id="no vectors")]
    cases: list[object] = []
    for file, count in EXPECTED.items():
        every = json.loads(pathlib.Path(folder, file).read_text("utf-8"))["vectors"]
        ours = [vector for vector in every if vector["protocol_name"] in PROTOCOLS]
        assert len(ours) == count, f"{file} holds {len(ours)} vectors of our protocols, expected {count}"
        cases += [pytest.param(file, vector, id=f"{file}-{vector['protocol_name']}") for vector in ours]
    return cases


def party(vector: Vector, prefix: str, *, initiator: bool) -> HandshakeState:
    def field(name: str) -> bytes:
        return bytes.fromhex(str(vector.get(f"{prefix}_{name}") or ""))

    psks = vector.get(f"{prefix}_psks") or []
    assert isinstance(psks, list)
    keys = Keys(
        ScriptedEntropy([field("ephemeral")]),
        static=KeyPair(field("static")) if field("static") else None,
        psk=bytes.fromhex(psks[0]) if psks else None,
    )
    protocol = PROTOCOLS[str(vector["protocol_name"])]
    return HandshakeState(protocol, initiator=initiator, prologue=field("prologue"), keys=keys)


@pytest.mark.parametrize(("file", "vector"), vectors())
def test_published_vector(file: str, vector: Vector) -> None:
    """Every handshake and transport message and the handshake hash equal the published ones, byte for byte."""
    writer, reader = party(vector, "init", initiator=True), party(vector, "resp", initiator=False)
    messages = vector["messages"]
    assert isinstance(messages, list)
    transport = None
    for number, message in enumerate(messages):
        payload, ciphertext = bytes.fromhex(message["payload"]), bytes.fromhex(message["ciphertext"])
        if transport is None and writer.finished:
            assert reader.finished
            assert writer.handshake_hash == reader.handshake_hash
            if "handshake_hash" in vector:
                assert writer.handshake_hash.hex() == vector["handshake_hash"]
            transport = {number % 2: writer.split(), 1 - number % 2: reader.split()}
        if transport is None:
            assert writer.write_message(payload) == ciphertext
            assert reader.read_message(ciphertext) == payload
            writer, reader = reader, writer
        else:
            sending, _ = transport[number % 2]
            _, receiving = transport[1 - number % 2]
            assert sending.encrypt(payload) == ciphertext
            assert receiving.decrypt(ciphertext) == payload
    assert transport is not None, f"{file}: the vector has no transport messages"
