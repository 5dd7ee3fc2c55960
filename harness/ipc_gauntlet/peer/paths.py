"""Whether a chain of certificates is good (docs/sipc1.md, section 6), from the page's numbered rules.

The library reads the encodings; what they have to say is judged here, rule by rule, in the order of the page. Rules 1, 8
and 10 are about a handshake, not about a chain.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.x509 import oid

_LONGEST = 8192
_KNOWN = frozenset(
    {
        oid.ExtensionOID.BASIC_CONSTRAINTS,
        oid.ExtensionOID.KEY_USAGE,
        oid.ExtensionOID.EXTENDED_KEY_USAGE,
        oid.ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        oid.ExtensionOID.NAME_CONSTRAINTS,
    }
)
_KNOWN_IN_LISTS = frozenset({oid.ExtensionOID.CRL_NUMBER, oid.ExtensionOID.AUTHORITY_KEY_IDENTIFIER})
_SPIFFE = re.compile(r"spiffe://([a-z0-9._-]{1,255})((?:/[A-Za-z0-9._-]+)+)", re.ASCII)
_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    Warning,
)

T = TypeVar("T", bound=x509.ExtensionType)


class PathRefused(Exception):
    """The chain is not good. The text says which rule it breaks."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a good chain proves.

    Attributes:
        name: The one name.
        public_key: X25519, 32 bytes.
        until: The earliest notAfter of the path, in seconds since 1970.
    """

    name: str
    public_key: bytes
    until: float


def judge_path(chain: Sequence[bytes], roots: Sequence[bytes], lists: Sequence[bytes], wall: float) -> Leaf:
    """Judge a chain.

    Args:
        chain: Certificates, the leaf first; DER.
        roots: Those that are trusted; DER.
        lists: What revokes; DER.
        wall: Seconds since 1970.

    Raises:
        PathRefused: A rule is broken, or something cannot be read.
    """
    try:
        return _judge(chain, roots, lists, datetime.fromtimestamp(wall, UTC))
    except _UNREADABLE as error:
        raise PathRefused(f"unreadable: {error}") from error


def _judge(chain: Sequence[bytes], roots: Sequence[bytes], lists: Sequence[bytes], now: datetime) -> Leaf:
    _hold(1 <= len(chain) <= 3 and all(len(one) <= _LONGEST for one in chain), "2: length")
    path = [x509.load_der_x509_certificate(one) for one in chain]
    path.append(_root_of(path[-1], roots))
    revoking = [_read_list(one) for one in lists]
    for one in path:
        _rule_3(one, now)
    name, key = _rule_7(path[0])
    for below, (subject, issuer) in enumerate(itertools.pairwise(path)):
        _rule_4(subject, issuer)
        _rule_5(issuer, below)
        _rule_6(issuer, name)
        for listed in revoking:
            if listed.issuer.public_bytes() == subject.issuer.public_bytes():
                _rule_9(listed, subject, issuer, now)
    return Leaf(name, key, min(one.not_valid_after_utc for one in path).timestamp())


def _root_of(last: x509.Certificate, roots: Sequence[bytes]) -> x509.Certificate:
    """The trusted root that issued the last certificate; several may have one name."""
    for one in map(x509.load_der_x509_certificate, roots):
        try:
            _rule_4(last, one)
        except PathRefused:
            continue
        return one
    raise PathRefused("2: no trusted root")


def _read_list(der: bytes) -> x509.CertificateRevocationList:
    """Read a list whole: one that cannot be read is refused whomever it is for."""
    found = x509.load_der_x509_crl(der)
    parts = (found.extensions, found.last_update_utc, found.next_update_utc, found.issuer.public_bytes())
    del parts  # each may raise
    return found


def _hold(holds: object, rule: str) -> None:
    if not holds:
        raise PathRefused(rule)


def _extension(certificate: x509.Certificate, kind: type[T]) -> tuple[T, bool] | None:
    """An extension, and whether it is critical."""
    try:
        found = certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None
    return found.value, found.critical


def _unknown(extensions: Iterable[x509.Extension[x509.ExtensionType]], known: frozenset[object]) -> bool:
    return any(one.critical and one.oid not in known for one in extensions)


def _rule_3(certificate: x509.Certificate, now: datetime) -> None:
    _hold(certificate.version is x509.Version.v3, "3: version")
    _hold(certificate.serial_number > 0, "3: serial number")
    _hold(certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc, "3: time")
    _hold(not _unknown(certificate.extensions, _KNOWN), "3: critical extension")
    certificate.public_key()


def _rule_4(subject: x509.Certificate, issuer: x509.Certificate) -> None:
    _hold(subject.issuer.public_bytes() == issuer.subject.public_bytes(), "4: names")
    key = issuer.public_key()
    _hold(subject.signature_algorithm_oid == oid.SignatureAlgorithmOID.ED25519, "4: algorithm")
    if not isinstance(key, Ed25519PublicKey):
        raise PathRefused("4: the issuer's key")
    try:
        key.verify(subject.signature, subject.tbs_certificate_bytes)
    except InvalidSignature as error:
        raise PathRefused("4: signature") from error


def _rule_5(issuer: x509.Certificate, below: int) -> None:
    basic, usage = _extension(issuer, x509.BasicConstraints), _extension(issuer, x509.KeyUsage)
    _hold(basic is not None and basic[0].ca, "5: cA")
    limit = basic[0].path_length if basic is not None else None
    _hold(limit is None or limit >= below, "5: pathLenConstraint")
    _hold(usage is not None and usage[0].key_cert_sign, "5: keyCertSign")


def _rule_6(issuer: x509.Certificate, name: str) -> None:
    found = _extension(issuer, x509.NameConstraints)
    if found is None:
        return
    host = name.removeprefix("spiffe://").partition("/")[0]
    permitted, excluded = found[0].permitted_subtrees, found[0].excluded_subtrees
    trees = [*(permitted or ()), *(excluded or ())]
    _hold(all(isinstance(one, x509.UniformResourceIdentifier) for one in trees), "6: not of the kind URI")
    if permitted is not None:
        _hold(any(_covers(str(one.value), host) for one in permitted), "6: not permitted")
    if excluded is not None:
        _hold(not any(_covers(str(one.value), host) for one in excluded), "6: excluded")


def _covers(constraint: str, host: str) -> bool:
    constraint = constraint.lower()
    if constraint[:1] == ".":
        return len(host) > len(constraint) and host[-len(constraint) :] == constraint
    return host == constraint


def _rule_7(leaf: x509.Certificate) -> tuple[str, bytes]:
    basic, usage = _extension(leaf, x509.BasicConstraints), _extension(leaf, x509.KeyUsage)
    _hold(basic is not None and basic[1] and not basic[0].ca, "7: basicConstraints")
    _hold(usage is not None and usage[0].key_agreement, "7: keyAgreement")
    if usage is not None:
        given = usage[0]
        _hold(not (given.digital_signature or given.key_cert_sign or given.crl_sign), "7: other uses")
    _hold(_extension(leaf, x509.ExtendedKeyUsage) is None, "7: extendedKeyUsage")
    key = leaf.public_key()
    if not isinstance(key, X25519PublicKey):
        raise PathRefused("7: the leaf's key")
    names = _extension(leaf, x509.SubjectAlternativeName)
    every = list(names[0]) if names is not None else []
    if len(every) != 1 or not isinstance(every[0], x509.UniformResourceIdentifier):
        raise PathRefused("7: not one name")
    name = every[0].value
    _hold(canonical(name), "7: no canonical SPIFFE ID")
    return name, key.public_bytes_raw()


def canonical(name: str) -> bool:
    """Whether it is a canonical SPIFFE ID."""
    if len(name) > 2048 or (match := _SPIFFE.fullmatch(name)) is None:
        return False
    return not {".", ".."}.intersection(match[2].split("/"))


def _rule_9(
    revoking: x509.CertificateRevocationList,
    subject: x509.Certificate,
    issuer: x509.Certificate,
    now: datetime,
) -> None:
    key, usage = issuer.public_key(), _extension(issuer, x509.KeyUsage)
    if not isinstance(key, Ed25519PublicKey):
        raise PathRefused("9: the issuer's key")
    _hold(revoking.is_signature_valid(key), "9: signature")
    _hold(usage is not None and usage[0].crl_sign, "9: cRLSign")
    _hold(not _unknown(revoking.extensions, _KNOWN_IN_LISTS), "9: critical extension")
    until = revoking.next_update_utc
    _hold(until is not None and revoking.last_update_utc <= now <= until, "9: time")
    _hold(all(one.serial_number != subject.serial_number for one in revoking), "9: revoked")
