"""Credentials for the two ends of a driver's pair, of every kind that a stack may want."""

from __future__ import annotations

import base64
import datetime
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVICE = "server.test.example"
CLIENT = "client.test.example"
PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


@dataclass(frozen=True)
class Side:
    """Identity members of `listen` or `connect`."""

    credential: dict[str, Any] | None
    trust: dict[str, Any] | None

    def params(self) -> dict[str, Any]:
        return {
            name: value for name, value in (("credential", self.credential), ("trust", self.trust)) if value
        }


class Certificates:
    """An Ed25519 authority and leaves with one DNS name."""

    side = Side

    def __init__(self) -> None:
        self.key = ed25519.Ed25519PrivateKey.generate()
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test root")])
        self.root = self._sign(self.name, self.key.public_key(), ca=True)

    def leaf(self, name: str, kind: str = "ed25519", days: int = 1) -> dict[str, Any]:
        key: Any = (
            ed25519.Ed25519PrivateKey.generate()
            if kind == "ed25519"
            else ec.generate_private_key(ec.SECP256R1())
        )
        certificate = self._sign(x509.Name([]), key.public_key(), names=(name,), days=days)
        private = key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        chain = [b64(certificate.public_bytes(serialization.Encoding.DER))]
        return {"kind": "x509", "name": name, "chain": chain, "private_key": b64(private)}

    def trust(self, *revoked: dict[str, Any]) -> dict[str, Any]:
        root = b64(self.root.public_bytes(serialization.Encoding.DER))
        return {"kind": "x509", "roots": [root], "crls": [self._crl(revoked)] if revoked else []}

    def _sign(
        self,
        subject: x509.Name,
        public: PublicKey,
        *,
        ca: bool = False,
        names: tuple[str, ...] = (),
        days: int = 1,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=3))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=ca,
                    crl_sign=ca,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
        )
        if names:
            san = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            usage = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
            builder = builder.add_extension(san, critical=True)
            builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        return builder.sign(self.key, None)

    def _crl(self, revoked: tuple[dict[str, Any], ...]) -> str:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name)
        builder = builder.last_update(now).next_update(now + datetime.timedelta(days=1))
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
        ).add_extension(x509.CRLNumber(1), critical=False)
        for credential in revoked:
            serial = x509.load_der_x509_certificate(base64.b64decode(credential["chain"][0])).serial_number
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
            builder = builder.add_revoked_certificate(entry)
        return b64(builder.sign(self.key, None).public_bytes(serialization.Encoding.DER))


def x509_sides(kind: str = "ed25519") -> dict[str, Side]:
    """Both good sides, and each side with another authority's certificate under the right name."""
    own, foreign = Certificates(), Certificates()
    return {
        "client": Side(own.leaf(CLIENT, kind), own.trust()),
        "server": Side(own.leaf(SERVICE, kind), own.trust()),
        "foreign client": Side(foreign.leaf(CLIENT, kind), own.trust()),
        "foreign server": Side(foreign.leaf(SERVICE, kind), own.trust()),
    }


def psk_sides() -> dict[str, Side]:
    """Both good sides, and each side with another key."""

    def side(key: bytes) -> Side:
        entry = {"kind": "psk", "id": "k", "key": b64(key), "self": "a", "other": "b"}
        return Side(entry, {"kind": "psk", "keys": [entry]})

    good, foreign = side(b"k" * 32), side(b"f" * 32)
    return {"client": good, "server": good, "foreign client": foreign, "foreign server": foreign}


def raw_key_sides() -> dict[str, Side]:
    """Both good sides, and each side with a key its peer does not know."""

    def key(name: str) -> dict[str, Any]:
        private = x25519.X25519PrivateKey.generate()
        public = private.public_key().public_bytes_raw()
        return {
            "kind": "raw-key",
            "name": name,
            "public": b64(public),
            "private": b64(private.private_bytes_raw()),
        }

    def knows(*keys: dict[str, Any]) -> dict[str, Any]:
        known = [{"name": one["name"], "public": one["public"]} for one in keys]
        return {"kind": "raw-key", "keys": known}

    client, server = key(CLIENT), key(SERVICE)
    return {
        "client": Side(client, knows(server)),
        "server": Side(server, knows(client)),
        "foreign client": Side(key(CLIENT), knows(server)),
        "foreign server": Side(key(SERVICE), knows(client)),
    }
