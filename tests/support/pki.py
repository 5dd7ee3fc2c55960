"""Certificates for tests of path validation: a good chain, and a knob for each thing that can be wrong."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from cryptography.x509.oid import NameOID

NOW = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)
WALL = NOW.timestamp()
DAY = datetime.timedelta(days=1)
LEAF_NAME = "spiffe://test.example/client"

Extension = tuple[x509.ExtensionType, bool]


def signing_key(byte: int) -> ed25519.Ed25519PrivateKey:
    """A fixed signing key."""
    return ed25519.Ed25519PrivateKey.from_private_bytes(bytes([byte]) * 32)


def common_name(text: str) -> x509.Name:
    """A name with one attribute."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def usage(*granted: str) -> x509.KeyUsage:
    """A keyUsage that grants these."""
    every = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign"
    )
    names = [*every.split(), "crl_sign", "encipher_only", "decipher_only"]
    return x509.KeyUsage(**{name: name in granted for name in names})


@dataclass(frozen=True)
class Spec:
    """One certificate to be made; the defaults make a good leaf."""

    issuer: str
    issuer_key: int
    serial: int = 100
    subject: str = ""
    key: object = field(
        default_factory=lambda: x25519.X25519PrivateKey.from_private_bytes(b"\x11" * 32).public_key()
    )
    start: datetime.datetime = NOW - DAY
    end: datetime.datetime = NOW + DAY
    extensions: tuple[Extension, ...] = ()

    def but(self, **changes: object) -> "Spec":
        """A copy that differs in some respects."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def without(self, kind: type) -> "Spec":
        """A copy without an extension."""
        return self.but(extensions=tuple(one for one in self.extensions if not isinstance(one[0], kind)))

    def having(self, extension: x509.ExtensionType, *, critical: bool = True) -> "Spec":
        """A copy in which an extension replaces the one of its kind."""
        kept = self.without(type(extension)).extensions
        return self.but(extensions=(*kept, (extension, critical)))

    def der(self) -> bytes:
        """Make it."""
        subject = common_name(self.subject) if self.subject else x509.Name([])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(common_name(self.issuer))
            .public_key(self.key)  # type: ignore[arg-type]
            .serial_number(self.serial)
            .not_valid_before(self.start)
            .not_valid_after(self.end)
        )
        for extension, critical in self.extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(signing_key(self.issuer_key), None).public_bytes(serialization.Encoding.DER)


def authority(name: str, key: int, issuer: str, issuer_key: int, path_length: int | None = None) -> Spec:
    """A certificate authority's certificate."""
    return Spec(
        issuer=issuer,
        issuer_key=issuer_key,
        serial=10 + key,
        subject=name,
        key=signing_key(key).public_key(),
        extensions=(
            (x509.BasicConstraints(ca=True, path_length=path_length), True),
            (usage("key_cert_sign", "crl_sign"), True),
        ),
    )


def leaf(issuer: str, issuer_key: int) -> Spec:
    """A good leaf."""
    return Spec(
        issuer=issuer,
        issuer_key=issuer_key,
        extensions=(
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (usage("key_agreement"), True),
            (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(LEAF_NAME)]), True),
        ),
    )


@dataclass(frozen=True)
class Chain:
    """A root, an intermediate and a leaf; the defaults are good."""

    root: Spec = field(default_factory=lambda: authority("root", 1, "root", 1, path_length=1))
    middle: Spec = field(default_factory=lambda: authority("middle", 2, "root", 1, path_length=0))
    leaf: Spec = field(default_factory=lambda: leaf("middle", 2))

    def change(self, member: str, edit: Callable[[Spec], Spec]) -> "Chain":
        """A copy in which one certificate was edited."""
        return replace(self, **{member: edit(getattr(self, member))})


def revocation_list(
    issuer: str,
    key: int,
    revoked: tuple[int, ...] = (),
    *,
    start: datetime.datetime = NOW - DAY,
    days: int = 2,
) -> x509.CertificateRevocationListBuilder:
    """A revocation list that is still to be signed with `signing_key(key)`."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(common_name(issuer))
        .last_update(start)
        .next_update(start + days * DAY)
    )
    for serial in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - DAY).build()
        builder = builder.add_revoked_certificate(entry)
    return builder


def signed(builder: x509.CertificateRevocationListBuilder, key: int) -> bytes:
    """Sign a list."""
    return builder.sign(signing_key(key), None).public_bytes(serialization.Encoding.DER)
