"""Targets for certificates, revocation lists and the path from a leaf to a root."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.x509.oid import NameOID

from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.mutate.fields_der import Der, der_length
from ipc_gauntlet.fuzz.mutate.schema import Int, Schema
from ipc_gauntlet.fuzz.mutate.sequence import Sequence, Step, number
from sipc import certificates
from sipc.crl import RevocationList
from sipc.errors import AuthenticationError, LocalError
from sipc.x509 import VerifiedLeaf, validate
from sipc_targets.material import material, names, signing_key

_ED25519 = bytes.fromhex("300506032b6570")
_LONGEST = 1024


def resigned(der: bytes, key: Ed25519PrivateKey) -> bytes:
    """A certificate or a list with its content signed again; what is none is left alone."""
    outer = _item(der, 0)
    inner = _item(der, outer[0]) if outer is not None else None
    if outer is None or inner is None or der[:1] != b"\x30":
        return der
    content = der[outer[0] : inner[1]]
    parts = content + _ED25519 + b"\x03\x41\0" + key.sign(content)
    return b"\x30" + der_length(len(parts)) + parts


def _item(der: bytes, pos: int) -> tuple[int, int] | None:
    """Where the content of an item begins and ends; None if that cannot be said."""
    if pos + 2 > len(der):
        return None
    first, start = der[pos + 1], pos + 2
    if first & 0x80:
        width = first & 0x7F
        start += width
        size = int.from_bytes(der[pos + 2 : start])
    else:
        size = first
    return (start, start + size) if start + size <= len(der) else None


# --- certificates to begin with ---

_MOMENT = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
_YEARS = datetime.timedelta(days=3650)


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


def _uris(*texts: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(text) for text in texts])


@cache
def chain_parts() -> tuple[bytes, bytes, bytes]:
    """A leaf, the authority that issued it, and the leaf once more with everything a leaf must not have."""
    made = material()
    middle, root = signing_key("middle"), made.authority
    root_name = "SIPC test root"
    limits = x509.NameConstraints(
        [x509.UniformResourceIdentifier("sipc.test")], [x509.UniformResourceIdentifier(".bad.test")]
    )
    authority = _issue(
        "middle",
        root_name,
        middle.public_key(),
        root,
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (_usage("key_cert_sign", "crl_sign"), True),
        (limits, True),
    )
    key = X25519PrivateKey.from_private_bytes(made.initiator_key).public_key()
    usual = ((x509.BasicConstraints(ca=False, path_length=None), True), (_usage("key_agreement"), True))
    leaf = _issue("", "middle", key, middle, *usual, (_uris(names()[0]), True))
    odd = _issue(
        "odd",
        "middle",
        key,
        middle,
        *usual,
        (x509.SubjectAlternativeName([*_uris(names()[0]), x509.DNSName("a.test")]), False),
        (x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True),
    )
    return leaf, authority, odd


OTHER_NAME, OTHER_KEY = "spiffe://sipc.test/app/other", b"\x77" * 32
"""Somebody who is certified by the same authority, and is neither of the two."""


@cache
def other_leaf() -> bytes:
    """That one's certificate."""
    key = X25519PrivateKey.from_private_bytes(OTHER_KEY).public_key()
    usual = ((x509.BasicConstraints(ca=False, path_length=None), True), (_usage("key_agreement"), True))
    return _issue("", "SIPC test root", key, material().authority, *usual, (_uris(OTHER_NAME), True))


@cache
def lists() -> tuple[bytes, bytes]:
    """A list of the root that revokes nobody of ours, and one of the middle that revokes the leaf."""
    made = []
    for issuer, key, serial in (
        ("SIPC test root", material().authority, 5),
        ("middle", signing_key("middle"), 77),
    ):
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(_MOMENT).build()
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(_name(issuer))
            .last_update(_MOMENT - _YEARS)
            .next_update(_MOMENT + _YEARS)
            .add_revoked_certificate(entry)
            .add_extension(x509.CRLNumber(1), critical=False)
        )
        made.append(builder.sign(key, None).public_bytes(serialization.Encoding.DER))
    return made[0], made[1]


def _all_certificates() -> list[bytes]:
    made = material()
    return [made.initiator, made.responder, made.root, *chain_parts()]


PATH = Sequence(
    (
        Step(
            "certificate",
            (Int("signer", samples=(0, 1)), Der("certificate", (material().initiator, *chain_parts()))),
            often=4,
        ),
        Step("known", (Int("which", 2, high=5),), often=2),
        Step("list", (Int("signer", samples=(0, 1)), Der("list", lists()))),
        Step("known_list", (Int("which", 2, high=1),)),
        Step("time", (Int("days", 2),)),
    ),
    most=8,
    samples=lambda: _path_seeds(),
)


def read_path(data: bytes) -> VerifiedLeaf:
    """Validate a chain, made of steps: certificates are signed again by the key of an authority that has one.

    Raises:
        AuthenticationError: It is not good, or a list cannot be used.
    """
    made = material()
    keys = (made.authority, signing_key("middle"))
    chain: list[bytes] = []
    crls: list[RevocationList] = []
    wall = made.wall
    for call in PATH.decode(data):
        name, body = call.step.name, call.body
        if name == "certificate":
            chain.append(resigned(body[1:], keys[body[0] & 1]) if body and body[0] < 2 else body[1:])
        elif name == "known":
            known = _all_certificates()
            chain.append(known[number(body) % len(known)])
        elif name == "list":
            crls.append(_list(resigned(body[1:], keys[body[0] & 1]) if body else body))
        elif name == "known_list":
            crls.append(_list(lists()[number(body) & 1]))
        else:
            wall = made.wall + 86_400 * (number(body) - 4000)
    return validate(chain, [certificates.load(made.root)], crls, wall)


def _list(der: bytes) -> RevocationList:
    """A list; one that cannot be used is refused when it is configured, which no path can come behind."""
    try:
        return RevocationList.load(der)
    except LocalError as error:
        raise AuthenticationError("unusable list", reason="malformed") from error


def _path_seeds() -> Iterator[bytes]:
    leaf, authority, odd = chain_parts()
    made = material()
    yield PATH.encode([("known", b"\0\0")])
    yield PATH.encode([("known", b"\0\3"), ("known", b"\0\4")])
    yield PATH.encode([("certificate", b"\0" + made.initiator), ("known_list", b"\0\0")])
    yield PATH.encode([("certificate", b"\1" + leaf), ("certificate", b"\0" + authority)])
    yield PATH.encode([("certificate", b"\1" + odd), ("known", b"\0\4")])
    yield PATH.encode([("known", b"\0\3"), ("known", b"\0\4"), ("known_list", b"\0\1")])
    yield PATH.encode([("known", b"\0\0"), ("list", b"\0" + lists()[0])])
    yield PATH.encode([("known", b"\0\0"), ("time", b"\0\0")])
    yield PATH.encode([("known", b"\0\0"), ("time", b"\xff\xff")])
    yield PATH.encode([("known", b"\0\2")])
    yield PATH.encode([])


def targets() -> Iterator[Target]:
    """All of them."""
    certificate = Der("certificate", (material().initiator, material().root))
    yield Target(
        name="sipc.certificates",
        title="One certificate: parsed once, refused as malformed whatever is wrong with its encoding.",
        layer="certificate",
        parse=certificates.load,
        rejects=(AuthenticationError,),
        measured=("sipc.certificates",),
        seeds=lambda: [*_all_certificates(), material().initiator[:-1], lists()[0]],
        tokens=(b"\x06\x03\x55\x1d", b"\x01\x01\xff", b"\x86\x0dspiffe://a/b/", b"\x17\x0d", b"\x2b\x65\x6e"),
        structure=Schema(certificate),
        reach=("sipc.certificates:load", "sipc.certificates:_parse"),
        # A certificate that was refused is not kept; the others are, within bounds.
        residue=lambda: len(certificates._cache),  # noqa: SLF001 - what is kept between calls
        reference_parser="certificate",
        longest=_LONGEST,
    )
    yield Target(
        name="sipc.crl",
        title="One revocation list.",
        layer="certificate",
        parse=RevocationList.load,
        rejects=(LocalError,),
        measured=("sipc.crl",),
        seeds=lambda: [*lists(), lists()[0][:-1], material().initiator],
        structure=Schema(Der("list", lists())),
        reach=("sipc.crl:RevocationList.load",),
        longest=_LONGEST,
    )
    yield Target(
        name="sipc.x509",
        title="A chain up to a trusted root, signed by authorities that have the keys, with revocation and time.",
        layer="certificate",
        parse=read_path,
        rejects=(AuthenticationError,),
        measured=("sipc.x509", "sipc.crl", "sipc.spiffe", "sipc.certificates"),
        seeds=_path_seeds,
        structure=PATH.schema,
        reach=(
            "sipc.x509:validate",
            "sipc.x509:_check_leaf",
            "sipc.x509:_check_names",
            "sipc.x509:_check_authority",
            "sipc.crl:RevocationList.check",
            "sipc.spiffe:canonical",
        ),
        longest=4096,
    )
