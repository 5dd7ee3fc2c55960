"""Who we are, whom we trust, and whom we found: credentials, trust stores, peers.

Rule of this file: what is weak or inconsistent is refused when it is provisioned, not when it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.serialization import load_der_private_key

from sipc import spiffe
from sipc.certificates import Certificate, load
from sipc.crl import RevocationList
from sipc.errors import LocalError, SipcError
from sipc.x509 import MAX_CHAIN, VerifiedLeaf, validate

PSK_LENGTH = 32
PSK_ID_MAX = 64
Kind = Literal["x509", "psk"]


@dataclass(frozen=True, slots=True)
class PeerIdentity:
    """An authenticated peer.

    Args:
        name: Its canonical name.
        kind: How it proved that name; the same name under another kind is another principal.
        valid_until: Until when the proof holds, unix seconds; None for ever.
    """

    name: str
    kind: Kind
    valid_until: float | None = None


@dataclass(frozen=True, slots=True)
class X509Credential:
    """An X25519 key and the certificates that give it a name.

    Args:
        chain: DER certificates, leaf first, without the root.
        private_key: 32 bytes, raw.
        name: The leaf's name.
    """

    chain: tuple[bytes, ...]
    private_key: bytes = field(repr=False)
    name: str

    @classmethod
    def load(cls, chain: Sequence[bytes], pkcs8: bytes) -> X509Credential:
        """Make a credential from certificates and a PKCS#8 DER key.

        Raises:
            LocalError: The key does not belong to the leaf, or something cannot be used.
        """
        if not 1 <= len(chain) <= MAX_CHAIN:
            raise LocalError(f"a chain has 1 to {MAX_CHAIN} certificates")
        try:
            key = load_der_private_key(pkcs8, None)
            leaf = load(chain[0])
        except (ValueError, TypeError, UnsupportedAlgorithm, InternalError, SipcError) as problem:
            raise LocalError(f"unusable credential: {problem}") from problem
        if not isinstance(key, x25519.X25519PrivateKey):
            raise LocalError("the private key is not an X25519 key")
        if leaf.x25519 != key.public_key().public_bytes_raw():
            raise LocalError("the private key does not belong to the certificate", reason="authentication")
        if len(leaf.uris) != 1 or not spiffe.is_canonical(leaf.uris[0]):
            raise LocalError("the certificate has no single URI name, a canonical SPIFFE ID")
        return cls(tuple(chain), key.private_bytes_raw(), leaf.uris[0])


@dataclass(frozen=True, slots=True)
class PskCredential:
    """A pre-shared key for one ordered pair of names (RFC 9257 section 6).

    Args:
        identity: Under which the responder finds it; 1 to 64 bytes of UTF-8.
        key: 32 bytes of full entropy.
        own: This side's name.
        other: The peer's name.
        expires: Unix seconds after which it is refused; None for never.

    Raises:
        LocalError: The key is not 32 bytes or has no entropy, or both names are the same.
    """

    identity: str
    key: bytes = field(repr=False)
    own: str
    other: str
    expires: float | None = None

    def __post_init__(self) -> None:
        try:
            length = len(self.identity.encode())
        except UnicodeEncodeError:
            raise LocalError("a pre-shared key's identity is not text") from None
        if not 1 <= length <= PSK_ID_MAX:
            raise LocalError(f"a pre-shared key's identity has 1 to {PSK_ID_MAX} bytes")
        if len(self.key) != PSK_LENGTH:
            raise LocalError(f"a pre-shared key has {PSK_LENGTH} bytes")
        if len(set(self.key)) == 1 and self.key[0] == 0:
            raise LocalError("a pre-shared key of zeros is no secret")
        if self.own == self.other:
            raise LocalError("a pre-shared key joins two different names")


class TrustStore:
    """Whom to believe. Empty means nobody.

    Args:
        roots: DER certificates of trusted roots.
        crls: DER revocation lists.
        psks: Keys to accept as a responder; identities must differ.

    Raises:
        LocalError: Something in it cannot be used.
    """

    def __init__(
        self, roots: Sequence[bytes] = (), crls: Sequence[bytes] = (), psks: Sequence[PskCredential] = ()
    ) -> None:
        try:
            self._roots: tuple[Certificate, ...] = tuple(load(der) for der in roots)
        except SipcError as problem:
            raise LocalError(f"unusable root: {problem}") from problem
        self._lists = tuple(RevocationList.load(der) for der in crls)
        self._psks = {psk.identity: psk for psk in psks}
        if len(self._psks) != len(psks):
            raise LocalError("two pre-shared keys have the same identity")
        if len({psk.key for psk in psks}) != len(psks):
            raise LocalError("two pre-shared keys are the same")

    def psk(self, identity: str) -> PskCredential | None:
        """The key with an identity, None if there is none. Expiry is the caller's to judge."""
        return self._psks.get(identity)

    def validate_chain(self, chain: Sequence[bytes], wall: float) -> VerifiedLeaf:
        """Validate a certificate chain at a time in unix seconds (see `sipc.x509.validate`)."""
        return validate(chain, self._roots, self._lists, wall)
