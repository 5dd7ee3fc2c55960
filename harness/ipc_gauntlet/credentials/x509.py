"""X.509 authority of the harness (RFC 5280 certificates, RFC 8410 keys).

Keys are derived from the run's seed, so a replayed run presents the same identities; only validity moves with
the wall clock. The authority's own key is always Ed25519, whose signatures are deterministic.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ipc_gauntlet.seeds import derive_bytes

KeyType = Literal["x25519", "ed25519", "ecdsa-p256"]
NameForm = Literal["uri", "dns"]
LeafKey = x25519.X25519PrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def leaf_key(key_type: KeyType, seed: int, label: str) -> LeafKey:
    """Derive a private key of the given type from the seed and a label."""
    secret = derive_bytes(seed, "key", key_type, label)
    if key_type == "x25519":
        return x25519.X25519PrivateKey.from_private_bytes(secret)
    if key_type == "ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(secret)
    return ec.derive_private_key(1 + int.from_bytes(secret) % (_P256_ORDER - 1), ec.SECP256R1())


def pkcs8(key: LeafKey) -> bytes:
    """Encode a private key as unencrypted PKCS#8 DER (RFC 5958)."""
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@dataclass(frozen=True, slots=True)
class LeafOptions:
    """What a leaf certificate says.

    Args:
        name: The subject's name: a SPIFFE URI or a DNS name.
        form: Which kind of subjectAltName carries it.
        key_type: Type of the subject's key.
        label: Names the key to derive; the same label gives the same key.
        not_before: Start of validity, relative to now.
        not_after: End of validity, relative to now.
        common_name: The common name of its subject, which is empty without one.
    """

    name: str
    form: NameForm
    key_type: KeyType
    label: str
    not_before: datetime.timedelta = datetime.timedelta(hours=-1)
    not_after: datetime.timedelta = datetime.timedelta(hours=24)
    common_name: str = ""


class CertificateAuthority:
    """A root authority that issues leaf certificates.

    Args:
        seed: The run's seed.
        label: Names this authority; another label is another authority with other keys.
        now: The time around which certificates are valid.
        path_length: How many intermediates may be under it; None for any number.
        name: What it calls itself, if not by its label.
    """

    def __init__(
        self,
        seed: int,
        label: str,
        now: datetime.datetime,
        path_length: int | None = 1,
        name: x509.Name | None = None,
    ) -> None:
        self._seed = seed
        self._now = now.replace(microsecond=0)
        self._key = ed25519.Ed25519PrivateKey.from_private_bytes(derive_bytes(seed, "ca", label))
        usual = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"ipc-gauntlet test root {label}")])
        self._name = name or usual
        self._path_length = path_length
        self._serial = 0
        self.root = self._self_signed()

    @property
    def root_der(self) -> bytes:
        """The root certificate, DER."""
        return self.root.public_bytes(serialization.Encoding.DER)

    @property
    def key(self) -> ed25519.Ed25519PrivateKey:
        """The root's private key, for those who issue something unusual."""
        return self._key

    @property
    def name(self) -> x509.Name:
        """The root's name."""
        return self._name

    def issue(self, options: LeafOptions) -> tuple[list[bytes], bytes]:
        """Issue a leaf.

        Returns:
            The chain (leaf first, without the root) as DER, and the private key as PKCS#8 DER.
        """
        key = leaf_key(options.key_type, self._seed, options.label)
        draft = self._leaf(options, key)
        if options.common_name:
            draft.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, options.common_name)]))
        certificate = draft.sign(self._key, None)
        return [certificate.public_bytes(serialization.Encoding.DER)], pkcs8(key)

    def certify(self, options: LeafOptions, public: bytes) -> list[bytes]:
        """Issue a leaf for a raw X25519 public key, whatever it is; return the chain as DER."""
        key = x25519.X25519PublicKey.from_public_bytes(public)
        certificate = self._leaf(options, key).sign(self._key, None)
        return [certificate.public_bytes(serialization.Encoding.DER)]

    def self_signed_leaf(self, options: LeafOptions) -> tuple[list[bytes], bytes]:
        """Make a leaf that claims to be its own issuer (signed by a key this authority does not vouch for)."""
        rogue = ed25519.Ed25519PrivateKey.from_private_bytes(derive_bytes(self._seed, "rogue", options.label))
        key = leaf_key(options.key_type, self._seed, options.label)
        own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, options.name[:64])])
        signer = key if isinstance(key, ed25519.Ed25519PrivateKey) else rogue
        certificate = self._leaf(options, key).issuer_name(own).subject_name(own).sign(signer, None)
        return [certificate.public_bytes(serialization.Encoding.DER)], pkcs8(key)

    def _self_signed(self) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(1)
            .not_valid_before(self._now - datetime.timedelta(days=1))
            .not_valid_after(self._now + datetime.timedelta(days=7))
            .add_extension(x509.BasicConstraints(ca=True, path_length=self._path_length), critical=True)
            .add_extension(key_usage("key_cert_sign", "crl_sign"), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, None)
        )

    def _leaf(self, options: LeafOptions, key: LeafKey | x25519.X25519PublicKey) -> _Builder:
        self._serial += 1
        san = (
            x509.UniformResourceIdentifier(options.name)
            if options.form == "uri"
            else x509.DNSName(options.name)
        )
        usage = "key_agreement" if options.key_type == "x25519" else "digital_signature"
        builder = (
            x509.CertificateBuilder()
            .public_key(key if isinstance(key, x25519.X25519PublicKey) else key.public_key())
            .serial_number(0x1000 + self._serial)
            .not_valid_before(self._now + options.not_before)
            .not_valid_after(self._now + options.not_after)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([san]), critical=True)
            .add_extension(key_usage(usage), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        if options.key_type != "x25519":  # TLS stacks ask for the purpose; the SIPC/1 profile has none
            both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            builder = builder.add_extension(x509.ExtendedKeyUsage(both), critical=False)
        return _Builder(builder, self._name)


class _Builder:
    """A certificate builder whose names may still be replaced (cryptography's refuses to set them twice)."""

    def __init__(self, builder: x509.CertificateBuilder, issuer: x509.Name) -> None:
        self._builder = builder
        self._issuer = issuer
        self._subject = x509.Name([])

    def issuer_name(self, name: x509.Name) -> _Builder:
        self._issuer = name
        return self

    def subject_name(self, name: x509.Name) -> _Builder:
        self._subject = name
        return self

    def sign(self, key: ed25519.Ed25519PrivateKey, algorithm: None) -> x509.Certificate:
        named = self._builder.subject_name(self._subject).issuer_name(self._issuer)
        return named.sign(key, algorithm)


def key_usage(*granted: str) -> x509.KeyUsage:
    """A keyUsage extension that grants these and nothing else."""
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{usage: usage in granted for usage in every})
