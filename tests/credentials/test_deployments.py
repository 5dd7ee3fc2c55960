"""Deployments: the good ones are consistent, and each spoiled one differs in exactly one respect."""

import base64
import datetime

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.credentials import Deployment, Issuer, issuer_for
from ipc_gauntlet.credentials.deployment import PskIssuer, X509Issuer
from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.seeds import derive_bytes, derive_int, derive_random

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
DECLARATIONS = [
    {"kind": "x509", "keys": ["x25519"], "names": ["uri"]},
    {"kind": "x509", "keys": ["ed25519"], "names": ["dns"]},
    {"kind": "x509", "keys": ["unheard-of", "ecdsa-p256"], "names": ["dns"]},
    {"kind": "psk"},
    {"kind": "raw-key"},
]


def issuer(index: int, seed: int = 7) -> Issuer:
    """The issuer of one of the declarations above."""
    return issuer_for(DECLARATIONS[index], seed, NOW)


def leaf(deployment: Deployment, role: str) -> x509.Certificate:
    """The leaf certificate of one side."""
    credential = deployment.side(role).credential  # type: ignore[arg-type]
    assert credential is not None
    return x509.load_der_x509_certificate(base64.b64decode(credential["chain"][0]))  # type: ignore[index]


@pytest.mark.parametrize("index", range(len(DECLARATIONS)))
def test_same_seed_same_keys(index: int) -> None:
    """One seed gives the same identities, another seed others."""
    private = {"x509": "private_key", "psk": "key", "raw-key": "private"}[issuer(index).kind]
    one, again, other = (issuer(index, seed).good().client.credential for seed in (7, 7, 8))
    assert one is not None
    assert again is not None
    assert other is not None
    assert one[private] == again[private] != other[private]


@pytest.mark.parametrize("index", range(len(DECLARATIONS)))
@pytest.mark.parametrize("role", ["client", "server"])
@pytest.mark.parametrize("spoil", ["untrusted", "mismatched"])
def test_spoiled_sides_leave_the_other_alone(index: int, role: str, spoil: str) -> None:
    """Spoiling one side changes that side's credential, and nothing of its name and trust."""
    one = issuer(index)
    good, bad = one.good(), getattr(one, spoil)(role)
    assert bad.side(role).credential != good.side(role).credential
    assert bad.side(role).name == good.side(role).name
    assert bad.service == good.service
    if one.kind != "psk":
        assert bad.side(role).trust == good.side(role).trust


@pytest.mark.parametrize("index", [0, 1, 2])
def test_certificates_verify_under_the_root(index: int) -> None:
    """Good leaves are issued by the trusted root, foreign and self-signed ones are not."""
    one = issuer(index)
    assert isinstance(one, X509Issuer)
    root = one.authority.root
    leaf(one.good(), "client").verify_directly_issued_by(root)
    for bad in (one.untrusted("client"), one.self_signed("client")):
        with pytest.raises((InvalidSignature, ValueError)):
            leaf(bad, "client").verify_directly_issued_by(root)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_mismatched_certificate_does_not_fit_its_key(index: int) -> None:
    """A borrowed identity is a valid certificate beside a private key that is not its own."""
    one = issuer(index)
    for deployment, fits in ((one.good(), True), (one.mismatched("client"), False)):
        credential = deployment.client.credential
        assert credential is not None
        key = serialization.load_der_private_key(base64.b64decode(str(credential["private_key"])), None)
        spki = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        same = key.public_key().public_bytes(*spki) == leaf(deployment, "client").public_key().public_bytes(
            *spki
        )
        assert same is fits


def test_names_follow_the_declared_form() -> None:
    """URI names are SPIFFE ids in a critical extension, DNS names are host names."""
    uri = leaf(issuer(0).good(), "server").extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert uri.critical
    names = uri.value.get_values_for_type(x509.UniformResourceIdentifier)
    assert names == [issuer(0).good().service] == ["spiffe://test.example/server"]
    dns = leaf(issuer(1).good(), "server").extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert dns.value.get_values_for_type(x509.DNSName) == ["server.test.example"]


def test_selfie_holds_the_very_same_key() -> None:
    """The mirror deployment has the client's own key and identity on the responder's side."""
    one = issuer(3)
    assert isinstance(one, PskIssuer)
    good, mirror = one.good().client.credential, one.selfie().server.credential
    assert good is not None
    assert mirror is not None
    assert (good["id"], good["key"]) == (mirror["id"], mirror["key"])


def test_elsewhere_is_another_service_under_the_same_trust() -> None:
    """The client could authenticate either service; only the name it wants tells them apart."""
    for index in (0, 1, 4):
        one = issuer(index)
        there = one.elsewhere()
        assert there.service != one.good().service
        assert there.intending(one.good().service).service == one.good().service
        assert there.intending(one.good().service).server == there.server


@pytest.mark.parametrize(
    "declaration", [{"kind": "magic"}, {"kind": "x509", "keys": ["rsa"], "names": ["dns"]}, {}]
)
def test_unknown_declarations_are_refused(declaration: dict[str, object]) -> None:
    """A kind or key type the harness cannot issue is named in a clear error."""
    with pytest.raises(HarnessError):
        issuer_for(declaration, 1, NOW)


@given(st.integers(), st.text(max_size=5), st.text(max_size=5))
def test_derivations_depend_on_every_label(seed: int, first: str, second: str) -> None:
    """Derived values repeat for the same path of labels and differ for another one."""
    assert derive_bytes(seed, first, second) == derive_bytes(seed, first, second)
    assert derive_int(seed, first) != derive_int(seed, first, second)
    assert derive_random(seed, first).random() != derive_random(seed + 1, first).random()
