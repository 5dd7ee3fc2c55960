"""Certificates and revocation lists that the fuzz targets begin with: good ones, and ones with a thing wrong.

There are two roots with one key: the one of the golden sessions, which allows no intermediate, and a deep one.
"""

from __future__ import annotations

import datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.x509.oid import NameOID

from sipc_targets.material import material, names, signing_key

_MOMENT = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
_YEARS = datetime.timedelta(days=3650)
_ROOT, _DEEP = "SIPC test root", "SIPC deep root"
_EXCLUDED = "bad.sipc.test"


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) if text else x509.Name([])


def _usage(*granted: str) -> x509.KeyUsage:
    every = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign"
    )
    return x509.KeyUsage(
        **{one: one in granted for one in (*every.split(), "crl_sign", "encipher_only", "decipher_only")}
    )


def _issue(
    subject: str, issuer: str, key: object, by: Ed25519PrivateKey, *more: tuple[x509.ExtensionType, bool]
) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)  # type: ignore[arg-type]  # a public key of one of two kinds
        .serial_number(77)
        .not_valid_before(_MOMENT - _YEARS)
        .not_valid_after(_MOMENT + _YEARS)
    )
    for extension, critical in more:
        builder = builder.add_extension(extension, critical)
    return builder.sign(by, None).public_bytes(serialization.Encoding.DER)


def _uri(text: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(text)


def _uris(*texts: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_uri(text) for text in texts])


_AUTHORITY = _usage("key_cert_sign", "crl_sign")
_LEAF = ((x509.BasicConstraints(ca=False, path_length=None), True), (_usage("key_agreement"), True))


@cache
def deep_root() -> bytes:
    """A trusted root that allows intermediates; its key is that of the other root."""
    key = material().authority
    basic = (x509.BasicConstraints(ca=True, path_length=None), True)
    return _issue(_DEEP, _DEEP, key.public_key(), key, basic, (_AUTHORITY, True))


def _authority(subject: str, issuer: str, by: Ed25519PrivateKey, length: int, *permitted: str) -> bytes:
    more: tuple[tuple[x509.ExtensionType, bool], ...] = ()
    if permitted:
        more = ((x509.NameConstraints([_uri(one) for one in permitted], [_uri(_EXCLUDED)]), True),)
    basic = (x509.BasicConstraints(ca=True, path_length=length), True)
    return _issue(subject, issuer, signing_key(subject).public_key(), by, basic, (_AUTHORITY, True), *more)


def _leaf(
    subject: str, names_of: x509.SubjectAlternativeName, *more: tuple[x509.ExtensionType, bool]
) -> bytes:
    key = X25519PrivateKey.from_private_bytes(material().initiator_key).public_key()
    return _issue(subject, "middle", key, signing_key("middle"), *_LEAF, (names_of, True), *more)


@cache
def chain_parts() -> tuple[bytes, ...]:
    """Leaves and authorities below the deep root.

    Returns:
        A leaf; the authority that issued it, which may issue for some names only; the leaf once more with everything a
        leaf must not have; leaves with names that this authority may not issue for; the authority once more, below another;
        that one; and that one again, as it must not be for this.
    """
    name = names()[0]
    root, limits = material().authority, ("sipc.test", ".sipc.test")
    odd = (
        (x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True),
    )
    return (
        _leaf("", _uris(name)),
        _authority("middle", _DEEP, root, 0, *limits),
        _leaf("odd", x509.SubjectAlternativeName([*_uris(name), x509.DNSName("a.test")]), *odd),
        _leaf("", _uris("spiffe://other.test/app")),
        _leaf("", _uris(f"spiffe://{_EXCLUDED}/app")),
        _leaf("", _uris("spiffe://sipc.test/app/")),
        _authority("middle", "upper", signing_key("upper"), 0),
        _authority("upper", _DEEP, root, 1),
        _authority("upper", _DEEP, root, 0),
    )


OTHER_NAME, OTHER_KEY = "spiffe://sipc.test/app/other", b"\x77" * 32
"""Somebody who is certified by the same authority, and is neither of the two."""


@cache
def other_leaf() -> bytes:
    """That one's certificate."""
    key = X25519PrivateKey.from_private_bytes(OTHER_KEY).public_key()
    return _issue("", _ROOT, key, material().authority, *_LEAF, (_uris(OTHER_NAME), True))


@cache
def lists() -> tuple[bytes, ...]:
    """Lists: one of each root that revokes nobody of ours, one of the middle that revokes the leaf, one that is out of date."""
    root, middle = material().authority, signing_key("middle")
    return (
        _list_of(_ROOT, root, 5, _YEARS),
        _list_of("middle", middle, 77, _YEARS),
        _list_of(_DEEP, root, 5, _YEARS),
        _list_of("middle", middle, 5, -_YEARS / 2),
    )


def _list_of(issuer: str, key: Ed25519PrivateKey, serial: int, until: datetime.timedelta) -> bytes:
    entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(_MOMENT).build()
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(_name(issuer))
        .last_update(_MOMENT - _YEARS)
        .next_update(_MOMENT + until)
        .add_revoked_certificate(entry)
        .add_extension(x509.CRLNumber(1), critical=False)
    )
    return builder.sign(key, None).public_bytes(serialization.Encoding.DER)
