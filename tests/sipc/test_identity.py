"""Credentials and pre-shared keys: what is weak is refused when it is provisioned."""

import pki
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from hypothesis import given
from hypothesis import strategies as st

from sipc import spiffe
from sipc.errors import LocalError, SipcError
from sipc.identity import PskCredential, TrustStore, X509Credential

KEY = bytes(range(32))
A, B = "spiffe://test.example/a", "spiffe://test.example/b"


def pkcs8(key: x25519.X25519PrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    """A private key as DER."""
    none = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, none)


def test_a_credential_needs_the_matching_key() -> None:
    """The right key makes a credential with the leaf's name; another key, or another kind, is refused."""
    chain = [pki.leaf("root", 1).der()]
    right = x25519.X25519PrivateKey.from_private_bytes(b"\x11" * 32)
    assert X509Credential.load(chain, pkcs8(right)).name == pki.LEAF_NAME
    for wrong in (x25519.X25519PrivateKey.from_private_bytes(b"\x12" * 32), pki.signing_key(4)):
        with pytest.raises(LocalError):
            X509Credential.load(chain, pkcs8(wrong))
    with pytest.raises(LocalError):
        X509Credential.load([], pkcs8(right))
    with pytest.raises(LocalError):
        X509Credential.load(chain, b"junk")


@pytest.mark.parametrize(
    "key", [b"", KEY[:16], KEY + b"!", bytes(32)], ids=["empty", "short", "long", "zero"]
)
def test_keys_that_are_no_keys(key: bytes) -> None:
    """A pre-shared key has exactly 32 bytes and is not all zero."""
    with pytest.raises(LocalError):
        PskCredential("id", key, A, B)


@pytest.mark.parametrize("identity", ["", "x" * 65, "ü" * 33, "\ud800"])
def test_key_identities_are_bounded(identity: str) -> None:
    """An identity that does not fit the wire is refused."""
    with pytest.raises(LocalError):
        PskCredential(identity, KEY, A, B)


def test_a_key_joins_two_names() -> None:
    """A key for talking to oneself is refused."""
    with pytest.raises(LocalError):
        PskCredential("id", KEY, A, A)


def test_one_key_for_one_pair() -> None:
    """Two identities with one key, or one identity with two keys, are refused."""
    one = PskCredential("one", KEY, A, B)
    assert TrustStore(psks=[one]).psk("one") == one
    assert TrustStore(psks=[one]).psk("two") is None
    for other in (PskCredential("two", KEY, A, B), PskCredential("one", KEY[::-1], A, B)):
        with pytest.raises(LocalError):
            TrustStore(psks=[one, other])


def test_secrets_do_not_show() -> None:
    """Neither kind of credential prints its key."""
    psk = PskCredential("id", KEY, A, B)
    assert "\\x01\\x02\\x03" not in repr(psk)
    right = x25519.X25519PrivateKey.from_private_bytes(b"\x11" * 32)
    assert "private_key" not in repr(X509Credential.load([pki.leaf("root", 1).der()], pkcs8(right)))


@given(st.from_regex(r"spiffe://[a-z0-9.-]{1,8}(/[A-Za-z0-9._-]{1,5}){1,3}", fullmatch=True))
def test_canonical_names_have_one_spelling(name: str) -> None:
    """A canonical name has no dot segments, and any other spelling of it is no name."""
    if spiffe.is_canonical(name):
        assert not {".", ".."} & set(name.split("/")[3:])
        for other in (
            name + "/",
            name + "?",
            name + "#x",
            name.replace("spiffe", "SPIFFE"),
            " " + name,
            name + "\n",
        ):
            assert not spiffe.is_canonical(other)


def test_a_credential_has_one_name() -> None:
    """A certificate with two names, or one that is no SPIFFE ID, makes no credential."""
    key = pkcs8(x25519.X25519PrivateKey.from_private_bytes(b"\x11" * 32))
    for names in ((A, B), (), ("https://test.example/a",)):
        uris = [x509.UniformResourceIdentifier(name) for name in names]
        san = x509.SubjectAlternativeName([*uris, x509.DNSName("test.example")])
        with pytest.raises(SipcError):
            X509Credential.load([pki.leaf("root", 1).having(san).der()], key)
