"""Certificate revocation lists (RFC 5280 section 5 and 6.3), the subset SIPC/1 needs.

Rule of this file: a list that is configured for an issuer and cannot be used stops everything of that issuer. There
is no "no list, so nothing is revoked".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import ExtensionOID

from sipc.certificates import Certificate
from sipc.errors import AuthenticationError, LocalError

# A full list for everything its issuer issued: other critical extensions (delta, distribution point) narrow its scope.
_PROCESSED = frozenset({ExtensionOID.AUTHORITY_KEY_IDENTIFIER, ExtensionOID.CRL_NUMBER})


@dataclass(frozen=True, slots=True)
class RevocationList:
    """One parsed list."""

    parsed: x509.CertificateRevocationList
    issuer: bytes
    this_update: float
    next_update: float | None
    unknown_critical: bool

    @classmethod
    def load(cls, der: bytes) -> RevocationList:
        """Parse a list.

        Raises:
            LocalError: It is no list. Configuration is refused rather than used in part.
        """
        try:
            parsed = x509.load_der_x509_crl(der)
            following = parsed.next_update_utc
            critical = any(one.critical and one.oid not in _PROCESSED for one in parsed.extensions)
            return cls(
                parsed,
                parsed.issuer.public_bytes(),
                parsed.last_update_utc.timestamp(),
                following.timestamp() if following is not None else None,
                critical,
            )
        except (
            ValueError,
            TypeError,
            UnsupportedAlgorithm,
            x509.DuplicateExtension,
            x509.InvalidVersion,
            UserWarning,  # see sipc.certificates
        ) as problem:
            raise LocalError(
                f"unusable revocation list: {type(problem).__name__}", reason="malformed"
            ) from problem

    def check(self, subject: Certificate, issuer: Certificate, wall: float) -> None:
        """Refuse a certificate that this list revokes, or about which it cannot be asked.

        Args:
            subject: The certificate in question.
            issuer: Its issuer, already verified.
            wall: Unix seconds.

        Raises:
            AuthenticationError: Revoked (`revoked`), or the list is unusable (`expired`, `authentication`).
        """
        key = issuer.parsed.public_key()
        if not isinstance(key, ed25519.Ed25519PublicKey) or not self.parsed.is_signature_valid(key):
            raise AuthenticationError("revocation list not signed by the issuer")
        if issuer.usage is None or not issuer.usage.crl_sign:
            raise AuthenticationError("the issuer may not sign revocation lists")
        if self.unknown_critical:
            raise AuthenticationError("revocation list with an unknown critical extension")
        if self.next_update is None or not self.this_update <= wall <= self.next_update:
            raise AuthenticationError("revocation list out of date", reason="expired")
        entry = self.parsed.get_revoked_certificate_by_serial_number(subject.parsed.serial_number)
        if entry is not None:
            raise AuthenticationError("certificate revoked", reason="revoked")


def check_revocation(
    lists: Sequence[RevocationList], subject: Certificate, issuer: Certificate, wall: float
) -> None:
    """Ask every list configured for the issuer (see `RevocationList.check`)."""
    for one in lists:
        if one.issuer == subject.issuer:
            one.check(subject, issuer, wall)
