"""Signed messages of the harness: as docs/sipc1.md has them, and as the reference reads them."""

import time
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ipc_gauntlet.peer import MessageSigner
from ipc_gauntlet.peer.cbor import encode
from sipc import signing
from sipc.envelope import Envelope
from sipc.errors import AuthenticationError

AUTHOR = MessageSigner("spiffe://test.example/author", bytes(range(32)))
FIELDS = {1: 2, 4: "app.message", 14: b"body", 70: b"extra"}


def test_what_is_signed() -> None:
    """Everything but what changes from hop to hop; keys from 64 on as well."""
    signed = AUTHOR.sign({**FIELDS, 2: 5, 13: bytes(25)}, "to", bytes(16), 99)
    assert (signed[18], signed[19], signed[21]) == (AUTHOR.name, "to", [bytes(16), 99])
    covered = {key: value for key, value in signed.items() if key not in (2, 13, 20)}
    key = Ed25519PublicKey.from_public_bytes(AUTHOR.public)
    key.verify(signed[20], b"SIPC/1 msg" + encode(covered))
    with pytest.raises(InvalidSignature):
        key.verify(signed[20], b"SIPC/1 msg" + encode({**covered, 70: b"other"}))


def test_the_reference_reads_it() -> None:
    """It is believed, and not any more when something is changed."""
    now = time.time()
    signed: dict[Any, Any] = AUTHOR.sign(FIELDS, "to", bytes(16), int(now) + 60)
    known = {AUTHOR.name: signing.Signer(AUTHOR.name, AUTHOR.public, frozenset({"carrier"}))}
    reader = signing.Reader("to", "carrier", now, known)
    assert signing.verify(Envelope({**signed, 2: 0}), reader).sender == AUTHOR.name
    with pytest.raises(AuthenticationError):
        signing.verify(Envelope({**signed, 2: 0, 14: b"other"}), reader)


def test_instead_of_the_usual() -> None:
    """Another name or another context can be signed."""
    assert AUTHOR.sign(FIELDS, "to", bytes(16), 1, name="else")[18] == "else"
    usual = AUTHOR.sign(FIELDS, "to", bytes(16), 1)[20]
    assert AUTHOR.sign(FIELDS, "to", bytes(16), 1, context=b"x")[20] != usual


def test_options_and_keys() -> None:
    """What the driver protocol wants to know of a signer."""
    assert AUTHOR.option() == {"name": AUTHOR.name, "public": AUTHOR.option("x")["public"]}
    assert AUTHOR.option("x", "y")["via"] == ["x", "y"]
    assert len(AUTHOR.public) == 32
    assert AUTHOR.pkcs8.endswith(AUTHOR.secret)
