"""Path validation: a small, strict subset of RFC 5280 section 6.1 with the X509-SVID profile for leaves.

Rule of this file: each check stands alone, raises, and has no "otherwise". Order does not matter for safety: a chain
is good only if every one of them returned.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import SignatureAlgorithmOID

from sipc import spiffe
from sipc.certificates import Certificate, load
from sipc.crl import RevocationList, check_revocation
from sipc.errors import AuthenticationError, MalformedError

MAX_CHAIN = 3


@dataclass(frozen=True, slots=True)
class VerifiedLeaf:
    """What a good chain proves about its leaf; possession of the key is proved by the handshake, not here.

    Args:
        name: The one SPIFFE ID.
        public_key: Raw X25519 key.
        valid_until: Earliest notAfter of the path, unix seconds.
    """

    name: str
    public_key: bytes
    valid_until: float


def validate(
    chain: Sequence[bytes], roots: Sequence[Certificate], lists: Sequence[RevocationList], wall: float
) -> VerifiedLeaf:
    """Validate a chain.

    Args:
        chain: DER certificates, leaf first, then intermediates in order; the root is not in it.
        roots: Trusted roots.
        lists: Revocation lists; those of an issuer on the path are asked.
        wall: Unix seconds.

    Raises:
        AuthenticationError: The chain is not good, for whatever reason.
    """
    if not 1 <= len(chain) <= MAX_CHAIN:
        raise AuthenticationError(f"a chain has 1 to {MAX_CHAIN} certificates", reason="limit")
    path = [load(der) for der in chain]
    path.append(_root_for(path[-1], roots))
    for certificate in path:
        _check_any(certificate, wall)
    for below, (subject, issuer) in enumerate(itertools.pairwise(path)):
        _check_issued(subject, issuer)
        _check_authority(issuer, below)
        _check_names(issuer, path[0])
        check_revocation(lists, subject, issuer, wall)
    return _check_leaf(path[0], min(certificate.not_after for certificate in path))


def _root_for(last: Certificate, roots: Sequence[Certificate]) -> Certificate:
    """Find the trusted root that issued the last certificate; several may share a name during a rollover."""
    named = [root for root in roots if root.subject == last.issuer]
    for root in named:
        if _signed_by(last, root):
            return root
    raise AuthenticationError("not issued under a trusted root")


def _check_any(certificate: Certificate, wall: float) -> None:
    if certificate.parsed.version is not x509.Version.v3:
        raise AuthenticationError("not an X.509 v3 certificate", reason="malformed")
    if wall < certificate.not_before:
        raise AuthenticationError("certificate not valid yet", reason="expired")
    if certificate.expired_at(wall):
        raise AuthenticationError("certificate expired", reason="expired")
    if certificate.unknown_critical:
        raise AuthenticationError("unknown critical extension")


def _check_issued(subject: Certificate, issuer: Certificate) -> None:
    if subject.issuer != issuer.subject:
        raise AuthenticationError("issuer and subject names do not chain")
    if not _signed_by(subject, issuer):
        raise AuthenticationError("certificate signature invalid")


def _signed_by(subject: Certificate, issuer: Certificate) -> bool:
    return _verifies(subject.der, issuer.der)


@lru_cache(maxsize=512)
def _verifies(subject: bytes, issuer: bytes) -> bool:
    """Whether one certificate's key made the other's signature: a fact about bytes that no time or trust can change."""
    certificate, key = load(subject).parsed, load(issuer).ed25519
    if key is None or certificate.signature_algorithm_oid != SignatureAlgorithmOID.ED25519:
        return False
    try:
        key.verify(certificate.signature, certificate.tbs_certificate_bytes)
    except InvalidSignature:
        return False
    return True


def _check_authority(issuer: Certificate, below: int) -> None:
    """RFC 5280 section 6.1.4 (k) to (n); `below` is the number of intermediates under this issuer."""
    if issuer.basic is None or not issuer.basic[0].ca:
        raise AuthenticationError("the issuer is no certificate authority")
    limit = issuer.basic[0].path_length
    if limit is not None and below > limit:
        raise AuthenticationError("path longer than the authority allows")
    if issuer.usage is None or not issuer.usage.key_cert_sign:
        raise AuthenticationError("the issuer may not sign certificates")


def _check_names(issuer: Certificate, leaf: Certificate) -> None:
    """RFC 5280 section 4.2.1.10 for URI names; a constraint of another kind cannot be judged and refuses."""
    if issuer.constraints is None:
        return
    permitted, excluded = issuer.constraints.permitted_subtrees, issuer.constraints.excluded_subtrees
    for one in (*(permitted or ()), *(excluded or ())):
        if not isinstance(one, x509.UniformResourceIdentifier):
            raise AuthenticationError("name constraint of an unsupported kind")
    for uri in leaf.uris:
        host = _host(uri)
        if permitted is not None and not any(_within(host, str(one.value)) for one in permitted):
            raise AuthenticationError("name outside what the authority may issue")
        if excluded is not None and any(_within(host, str(one.value)) for one in excluded):
            raise AuthenticationError("name excluded from what the authority may issue")


def _host(uri: str) -> str:
    """The host a URI constraint applies to; a URI that cannot be taken apart has none, and is no leaf's name either."""
    try:
        return urlsplit(uri).hostname or ""
    except ValueError:
        return ""


def _within(host: str, constraint: str) -> bool:
    """A constraint that starts with a dot covers the hosts below it, any other exactly itself."""
    lowered = constraint.lower()
    return host.endswith(lowered) and host != lowered if lowered.startswith(".") else host == lowered


def _check_leaf(leaf: Certificate, valid_until: float) -> VerifiedLeaf:
    """X509-SVID sections 2 to 4: exactly one URI name, no authority, a key for key agreement only."""
    if leaf.basic is None or leaf.basic[0].ca or not leaf.basic[1]:
        raise AuthenticationError("a leaf needs critical basicConstraints CA:FALSE")
    usage = leaf.usage
    if (
        usage is None
        or not usage.key_agreement
        or usage.key_cert_sign
        or usage.crl_sign
        or usage.digital_signature
    ):
        raise AuthenticationError("a leaf's key is for key agreement only")
    if leaf.purposes is not None:
        raise AuthenticationError("no extended key usage of this profile")
    if len(leaf.uris) != 1 or leaf.other_names:
        raise AuthenticationError("a leaf has exactly one name, a URI")
    key = leaf.x25519
    if key is None:
        raise AuthenticationError("a leaf's key is X25519")
    try:
        name = spiffe.canonical(leaf.uris[0])
    except MalformedError as problem:
        raise AuthenticationError("a leaf's name is a canonical SPIFFE ID") from problem
    return VerifiedLeaf(name, key, valid_until)
