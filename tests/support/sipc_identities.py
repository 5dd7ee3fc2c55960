"""Identities for tests of the running reference: X.509 leaves that are valid now, and pre-shared keys."""

import datetime
from base64 import b64encode
from dataclasses import dataclass
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from cryptography.x509.oid import NameOID

SERVER = "spiffe://test.example/server"
CLIENT = "spiffe://test.example/client"
OTHER = "spiffe://test.example/other"
PSK = bytes(range(32))

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Leaf:
    """A certificate chain and its key."""

    name: str
    chain: tuple[bytes, ...]
    private_key: bytes


@cache
def root() -> tuple[ed25519.Ed25519PrivateKey, x509.Certificate]:
    """The certificate authority of the tests."""
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test root")])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - DAY)
        .not_valid_after(now + 10 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return key, builder.sign(key, None)


def usage(**granted: bool) -> x509.KeyUsage:
    """A keyUsage extension that grants these."""
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: granted.get(name, False) for name in names.split()})


@cache
def leaf(name: str) -> Leaf:
    """A good leaf for a name."""
    authority_key, authority = root()
    key = x25519.X25519PrivateKey.generate()
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(name)]), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage(key_agreement=True), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
    )
    certificate = builder.sign(authority_key, None)
    der = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Leaf(name, (certificate.public_bytes(serialization.Encoding.DER),), der)


def root_der() -> bytes:
    """The root certificate."""
    return root()[1].public_bytes(serialization.Encoding.DER)


def text(data: bytes) -> str:
    """Base64."""
    return b64encode(data).decode()


def x509_credential(name: str) -> dict[str, object]:
    """A credential as the driver protocol has it."""
    made = leaf(name)
    return {
        "kind": "x509",
        "name": name,
        "chain": [text(der) for der in made.chain],
        "private_key": text(made.private_key),
    }


def x509_trust() -> dict[str, object]:
    """Trust in the root."""
    return {"kind": "x509", "roots": [text(root_der())], "crls": []}


def psk_credential(own: str, other: str, key: bytes = PSK) -> dict[str, object]:
    """A pre-shared key from the view of `own`."""
    return {"kind": "psk", "id": "k1", "key": text(key), "self": own, "other": other}


def identities(kind: str) -> tuple[dict[str, object], dict[str, object]]:
    """Members `credential` and `trust` of a server and of a client."""
    if kind == "x509":
        return (
            {"credential": x509_credential(SERVER), "trust": x509_trust()},
            {"credential": x509_credential(CLIENT), "trust": x509_trust()},
        )
    server, client = psk_credential(SERVER, CLIENT), psk_credential(CLIENT, SERVER)
    return (
        {"credential": server, "trust": {"kind": "psk", "keys": [server]}},
        {"credential": client, "trust": {"kind": "psk", "keys": [client]}},
    )
