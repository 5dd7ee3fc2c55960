"""Certificates as the validator sees them: parsed once, with everything that will be asked already looked up.

Rule of this file: nothing here depends on time, trust or purpose, so a parsed certificate may be kept and found again
by its exact bytes. Verdicts are never kept.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from cryptography.x509.oid import ExtensionOID

from sipc.errors import AuthenticationError

MAX_DER = 8192
_CACHE_SIZE = 256
_UNPARSABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    UserWarning,  # what the library only warns about; some programs make warnings errors
)

# RFC 5280 section 4.2: an unknown critical extension must be refused. These are the ones this profile processes.
PROCESSED = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.NAME_CONSTRAINTS,
    }
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """One parsed certificate.

    Args:
        der: Its exact bytes.
        parsed: The library's view.
        not_before: Start of validity, unix seconds.
        not_after: End of validity, unix seconds, inclusive.
        issuer: Issuer name, DER.
        subject: Subject name, DER.
        basic: basicConstraints and whether it is critical.
        usage: keyUsage.
        uris: URI names of the subjectAltName.
        other_names: How many names of other kinds the subjectAltName holds.
        constraints: nameConstraints.
        unknown_critical: Whether there is a critical extension that this profile does not process.
        purposes: OIDs of the extendedKeyUsage, None when there is none.
    """

    der: bytes
    parsed: x509.Certificate
    not_before: float
    not_after: float
    issuer: bytes
    subject: bytes
    basic: tuple[x509.BasicConstraints, bool] | None
    usage: x509.KeyUsage | None
    uris: tuple[str, ...]
    other_names: int
    constraints: x509.NameConstraints | None
    unknown_critical: bool
    purposes: frozenset[str] | None

    @property
    def ed25519(self) -> ed25519.Ed25519PublicKey | None:
        """The key, if it can sign."""
        key = self.parsed.public_key()
        return key if isinstance(key, ed25519.Ed25519PublicKey) else None

    @property
    def x25519(self) -> bytes | None:
        """The raw key, if it can agree on keys."""
        key = self.parsed.public_key()
        return key.public_bytes_raw() if isinstance(key, x25519.X25519PublicKey) else None

    def expired_at(self, wall: float) -> bool:
        """Whether the certificate is no longer valid at a time (RFC 5280 section 4.1.2.5: notAfter is inclusive)."""
        return wall > self.not_after


_cache: OrderedDict[bytes, Certificate] = OrderedDict()


def load(der: bytes) -> Certificate:
    """Parse a certificate.

    Raises:
        AuthenticationError: It is no certificate, not DER, or too long.
    """
    known = _cache.get(der)
    if known is not None:
        return known
    if len(der) > MAX_DER:
        raise AuthenticationError("certificate too long", reason="limit")
    try:
        certificate = _parse(der)
    except _UNPARSABLE as problem:
        raise AuthenticationError(
            f"unusable certificate: {type(problem).__name__}", reason="malformed"
        ) from problem
    _cache[der] = certificate
    while len(_cache) > _CACHE_SIZE:
        _cache.popitem(last=False)
    return certificate


def _parse(der: bytes) -> Certificate:
    parsed = x509.load_der_x509_certificate(der)
    if parsed.serial_number <= 0:
        raise ValueError("a serial number is positive (RFC 5280 section 4.1.2.2)")
    extensions = parsed.extensions  # parsing may refuse duplicates here
    known = {extension.oid: extension for extension in extensions}
    basic = known.get(ExtensionOID.BASIC_CONSTRAINTS)
    usage = known.get(ExtensionOID.KEY_USAGE)
    purposes = known.get(ExtensionOID.EXTENDED_KEY_USAGE)
    names = known.get(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    constraints = known.get(ExtensionOID.NAME_CONSTRAINTS)
    general = (
        list(names.value)
        if names is not None and isinstance(names.value, x509.SubjectAlternativeName)
        else []
    )
    uris = tuple(one.value for one in general if isinstance(one, x509.UniformResourceIdentifier))
    parsed.public_key()  # a key that cannot be loaded makes the certificate unusable
    return Certificate(
        der=der,
        parsed=parsed,
        not_before=parsed.not_valid_before_utc.timestamp(),
        not_after=parsed.not_valid_after_utc.timestamp(),
        issuer=parsed.issuer.public_bytes(),
        subject=parsed.subject.public_bytes(),
        basic=(basic.value, basic.critical)
        if basic is not None and isinstance(basic.value, x509.BasicConstraints)
        else None,
        usage=usage.value if usage is not None and isinstance(usage.value, x509.KeyUsage) else None,
        uris=uris,
        other_names=len(general) - len(uris),
        constraints=constraints.value
        if constraints is not None and isinstance(constraints.value, x509.NameConstraints)
        else None,
        unknown_critical=any(one.critical and one.oid not in PROCESSED for one in extensions),
        purposes=frozenset(oid.dotted_string for oid in purposes.value)
        if purposes is not None and isinstance(purposes.value, x509.ExtendedKeyUsage)
        else None,
    )
