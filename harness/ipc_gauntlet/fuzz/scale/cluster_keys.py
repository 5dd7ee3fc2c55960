"""Certificates for a cluster: whoever has the folder belongs to it, nobody else gets in (TLS 1.3, both sides verified)."""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ipc_gauntlet.errors import GauntletError, UsageError

CA, CERTIFICATE, KEY = "ca.pem", "node.pem", "node-key.pem"
_SLACK = datetime.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Credentials:
    """The files of a member.

    Attributes:
        ca: Certificate of the authority.
        certificate: Of the member.
        key: Of the member, PKCS #8 without a passphrase.
    """

    ca: Path
    certificate: Path
    key: Path


def make(folder: Path, now: datetime.datetime, days: int) -> Credentials:
    """Make an authority, one certificate for all members, and forget the authority's key.

    Args:
        folder: A new or empty folder; only its owner may read it afterwards.
        now: When validity begins.
        days: For how long it lasts.

    Raises:
        UsageError: There is something in the folder.
        GauntletError: It cannot be written.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty; certificates go into a folder of their own")
    authority, member = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _name("ipc-gauntlet cluster authority")
    until = now + datetime.timedelta(days=days)
    root = (
        _builder(issuer, issuer, authority.public_key(), now, until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(authority, hashes.SHA256())
    )
    leaf = (
        _builder(_name("ipc-gauntlet cluster member"), issuer, member.public_key(), now, until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
            critical=False,
        )
        .sign(authority, hashes.SHA256())
    )
    secret = member.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in (
            (CA, root.public_bytes(serialization.Encoding.PEM)),
            (CERTIFICATE, leaf.public_bytes(serialization.Encoding.PEM)),
            (KEY, secret),
        ):
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
    except OSError as error:
        raise GauntletError(f"cannot write certificates to {folder}: {error.strerror}") from error
    return of(folder)


def of(folder: Path) -> Credentials:
    """The files in a folder.

    Raises:
        UsageError: One of them is missing.
    """
    found = Credentials(folder / CA, folder / CERTIFICATE, folder / KEY)
    for path in (found.ca, found.certificate, found.key):
        if not path.is_file():
            raise UsageError(f"there is no {path}; make the folder with `fuzz cluster certificates {folder}`")
    return found


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime.datetime,
    until: datetime.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(until)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
