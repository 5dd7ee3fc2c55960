"""The peer's Noise against published vectors, and where they are silent.

The vectors are others' data and not part of this project: the environment variable IPC_GAUNTLET_NOISE_VECTORS names
a folder that holds noise-cacophony.json and noise-snow.json (projects haskell-cryptography/cacophony, mcginty/snow).
"""

import json
import os
import pathlib
from typing import Any

import pytest

from ipc_gauntlet.peer.noise import MAX_NONCE, PATTERNS, CipherState, Handshake, KeyPair, NoiseError, Setup
from ipc_gauntlet.peer.points import LOW_ORDER

VARIABLE = "IPC_GAUNTLET_NOISE_VECTORS"
NAMES = {
    f"Noise_{pattern}_25519_{cipher}_SHA256" for pattern in PATTERNS for cipher in ("ChaChaPoly", "AESGCM")
}
EXPECTED = {"noise-cacophony.json": 6, "noise-snow.json": 2}


def vectors() -> list[object]:
    folder = os.environ.get(VARIABLE)
    if not folder:
        reason = (
            f"published Noise vectors not found: set {VARIABLE} to the folder of {' and '.join(EXPECTED)}"
        )
        return [pytest.param({}, marks=pytest.mark.skip(reason=reason), id="no vectors")]
    cases: list[object] = []
    for file, count in EXPECTED.items():
        every = json.loads(pathlib.Path(folder, file).read_text("utf-8"))["vectors"]
        ours = [vector for vector in every if vector["protocol_name"] in NAMES]
        assert len(ours) == count, f"{file} holds {len(ours)} vectors of our protocols, expected {count}"
        cases += [pytest.param(vector, id=f"{file}-{vector['protocol_name']}") for vector in ours]
    return cases


def side(vector: dict[str, Any], prefix: str) -> Handshake:
    """One side of a vector."""
    _, pattern, _, cipher, _ = vector["protocol_name"].split("_")

    def value(name: str) -> bytes:
        return bytes.fromhex(vector.get(f"{prefix}_{name}") or "")

    psks = vector.get(f"{prefix}_psks") or [""]
    static = value("static")
    return Handshake(
        Setup(
            pattern,
            cipher,
            prefix == "init",
            value("prologue"),
            KeyPair.of(static) if static else None,
            bytes.fromhex(psks[0]),
            lambda: KeyPair.of(value("ephemeral")),
        )
    )


@pytest.mark.parametrize("vector", vectors())
def test_published_vector(vector: dict[str, Any]) -> None:
    """Every message, the handshake hash and the transport messages are those of the vector."""
    sides = [side(vector, "init"), side(vector, "resp")]
    ciphers: list[CipherState] = []
    for number, message in enumerate(vector["messages"]):
        payload, expected = bytes.fromhex(message["payload"]), message["ciphertext"]
        sender, receiver = sides[number % 2], sides[1 - number % 2]
        if not sender.done:
            made = sender.write(payload)
            assert made.hex() == expected
            assert receiver.read(made) == payload
            continue
        if not ciphers:
            assert [one.symmetric.h for one in sides] == [sides[0].symmetric.h] * 2
            if vector.get("handshake_hash"):
                assert sides[0].symmetric.h.hex() == vector["handshake_hash"]
            ciphers = list(sides[0].symmetric.split())
        assert ciphers[number % 2].seal(payload).hex() == expected


def party(pattern: str = "XX", *, initiator: bool = True, **changes: object) -> Handshake:
    """One side with keys of its own."""
    label = b"i" if initiator else b"r"
    made = {
        "static": KeyPair.of(label * 32),
        "psk": b"k" * 32,
        "ephemeral": lambda: KeyPair.of(label.upper() * 32),
    }
    return Handshake(
        Setup(pattern=pattern, cipher="ChaChaPoly", initiator=initiator, prologue=b"p", **{**made, **changes})  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("pattern", PATTERNS)
def test_both_sides_end_with_the_same_keys(pattern: str) -> None:
    """Every pattern with itself."""
    sides = [party(pattern), party(pattern, initiator=False)]
    for number in range(len(PATTERNS[pattern])):  # type: ignore[index]
        assert sides[1 - number % 2].read(sides[number % 2].write(b"payload")) == b"payload"
    assert sides[0].symmetric.split() == sides[1].symmetric.split()
    with pytest.raises(NoiseError, match="no further message"):
        sides[0].write()


@pytest.mark.parametrize("point", LOW_ORDER, ids=lambda point: point.hex()[:16])
def test_a_point_of_low_order_gives_zeros(point: bytes) -> None:
    """Every encoding in the list is of low order, on either side of the exchange."""
    assert KeyPair.of(b"x" * 32).exchange(point) == bytes(32)
    assert KeyPair(point).exchange(KeyPair.of(b"x" * 32).public) == bytes(32)


def test_a_low_order_key_keeps_both_sides_together() -> None:
    """A side that sends such a point knows what a careless other side would compute, and can go on with it."""
    careless = party(initiator=False)
    spoiled = party(ephemeral=lambda: KeyPair(LOW_ORDER[0]))
    careless.read(spoiled.write())
    assert spoiled.read(careless.write(b"secret")) == b"secret"


@pytest.mark.parametrize("length", [0, 31, 32, 79])
def test_a_short_message_is_refused(length: int) -> None:
    """A message that ends before its tokens do."""
    sides = [party(), party(initiator=False)]
    sides[1].read(sides[0].write())
    message = sides[1].write()
    with pytest.raises(NoiseError):
        sides[0].read(message[:length])


@pytest.mark.parametrize("cipher", ["ChaChaPoly", "AESGCM"])
def test_nonce_and_key_are_the_holders(cipher: Any) -> None:  # noqa: ANN401 - a name of a cipher
    """An explicit nonce leaves the count alone; Rekey changes the key and not the count."""
    state, other = CipherState(cipher, b"k" * 32), CipherState(cipher, b"k" * 32)
    assert state.seal(b"one", n=7) == state.seal(b"one", n=7)
    assert state.n == 0
    assert other.open(state.seal(b"two")) == b"two"
    state.rekey()
    assert (state.n, state.key) == (1, other.next_key(b"k" * 32))
    with pytest.raises(NoiseError):
        other.open(state.seal(b"three"))
    assert other.n == 1
    state.n = MAX_NONCE - 1
    state.seal(b"last")
    assert state.n == MAX_NONCE


def test_what_is_missing_is_said() -> None:
    """A side without a static key cannot send one; a token without keys is out of turn."""
    nobody = party(initiator=False, static=None)
    nobody.read(party().write())
    with pytest.raises(NoiseError, match="no static key"):
        nobody.write()
    with pytest.raises(NoiseError, match="no keys for ee"):
        party(initiator=False)._mix("ee")
