"""Tokens of the harness: as docs/sipc1.md has them, and as the reference reads them."""

import base64

import pytest

from ipc_gauntlet.peer import TokenIssuer
from sipc import tokens
from sipc.errors import AuthenticationError, MalformedError

ISSUER = TokenIssuer("spiffe://test.example/issuer", bytes(range(32)))
CLAIMS = {2: "holder", 3: "service", 4: 1060, 6: 1000, 7: bytes(16), -65537: ["app.append"]}
KNOWN = {ISSUER.name: base64.b64decode(str(ISSUER.option()["public"]))}


def test_the_reference_reads_it() -> None:
    """The issuer is added, the rest is as it was given."""
    token = tokens.decode(ISSUER.issue(CLAIMS), KNOWN)
    assert token.issuer == ISSUER.name
    assert token.expires == 1060


def test_another_signature() -> None:
    """What takes the place of the signature is what a case makes of it."""
    with pytest.raises(AuthenticationError):
        tokens.decode(ISSUER.issue(CLAIMS, lambda good: bytes(len(good))), KNOWN)
    with pytest.raises(MalformedError):
        tokens.decode(ISSUER.issue(CLAIMS, lambda good: good + b"x"), KNOWN)


def test_another_issuer() -> None:
    """A claim that is given is not replaced."""
    with pytest.raises(AuthenticationError, match="not known"):
        tokens.decode(ISSUER.issue({**CLAIMS, 1: "else"}), KNOWN)
