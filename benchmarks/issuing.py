"""Certificates for the benchmarked stacks: one Ed25519 root, and leaves as each stack wants them."""

import datetime
from collections.abc import Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

LeafKey = Ed25519PrivateKey | X25519PrivateKey
USES = (
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


def usage(*granted: str) -> x509.KeyUsage:
    """A keyUsage that grants these and nothing else."""
    return x509.KeyUsage(**{use: use in granted for use in USES})


class Root:
    """An authority for one measurement."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Bench Root")])
        self._identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self.certificate = (
            self._builder(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage("key_cert_sign", "crl_sign"), critical=True)
            .add_extension(self._identifier, critical=False)
            .sign(self._key, None)
        )

    def leaf(self, name: x509.GeneralName, key: LeafKey, use: str) -> x509.Certificate:
        """A certificate for one name and one use of its key."""
        return (
            self._builder(x509.Name([]), key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([name]), critical=True)
            .add_extension(usage(use), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._identifier),
                critical=False,
            )
            .sign(self._key, None)
        )

    def _builder(self, subject: x509.Name, key: LeafKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )


def issue_dns(folder: Path, hosts: Mapping[str, str]) -> None:
    """Write root.pem, and for each file name HOST.pem with an Ed25519 key and a certificate for a DNS name."""
    root = Root()
    (folder / "root.pem").write_bytes(root.certificate.public_bytes(Encoding.PEM))
    for file, dns in hosts.items():
        key = Ed25519PrivateKey.generate()
        leaf = root.leaf(x509.DNSName(dns), key, "digital_signature")
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{file}.pem").write_bytes(pem + leaf.public_bytes(Encoding.PEM))


def issue_spiffe(folder: Path, names: Mapping[str, str]) -> None:
    """Write root.crt, and for each file name HOST.crt and HOST.key (DER) with an X25519 key and a SPIFFE name."""
    root = Root()
    (folder / "root.crt").write_bytes(root.certificate.public_bytes(Encoding.DER))
    for file, uri in names.items():
        key = X25519PrivateKey.generate()
        leaf = root.leaf(x509.UniformResourceIdentifier(uri), key, "key_agreement")
        (folder / f"{file}.crt").write_bytes(leaf.public_bytes(Encoding.DER))
        (folder / f"{file}.key").write_bytes(
            key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        )
