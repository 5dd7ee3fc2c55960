"""Who the peer is: the judgement on what a handshake has proved.

Rule of this file: a name is believed only together with the key that the Noise handshake proved, and only if the
trust store vouches for both. Every way to fail raises.
"""

from __future__ import annotations

from dataclasses import dataclass

from sipc.entropy import Entropy
from sipc.errors import AuthenticationError, MalformedError
from sipc.handshake_config import InitiatorConfig, ResponderConfig
from sipc.handshake_payload import read_certificates, read_names
from sipc.identity import PSK_LENGTH, PeerIdentity, PskCredential


def certified_peer(
    config: InitiatorConfig | ResponderConfig, payload: bytes, proven: bytes | None, wall: float
) -> PeerIdentity:
    """Judge a peer that presented certificates.

    Args:
        config: This side's configuration.
        payload: The handshake payload with the certificates.
        proven: The static key that the handshake proved the peer to hold.
        wall: Unix seconds.

    Raises:
        AuthenticationError: The certificates are not good, or not for this key, or the key is this side's own.
        MalformedError: The payload carries no certificates.
    """
    if config.static is None or proven is None or proven == config.static.public:
        raise AuthenticationError("the peer proved this side's own key: a reflection")
    leaf = config.trust.validate_chain(read_certificates(payload), wall)
    if leaf.public_key != proven:
        raise AuthenticationError("the certificate is for another key than the peer proved")
    return PeerIdentity(leaf.name, "x509", leaf.valid_until)


@dataclass(frozen=True, slots=True)
class SharedKey:
    """The pre-shared key a responder runs a handshake with.

    Args:
        secret: The key, or fresh random bytes if there is none: the handshake then fails as with a wrong key.
        credential: The key's record; None if the peer cannot be accepted whatever it proves.
        refusal: Why it cannot.
    """

    secret: bytes
    credential: PskCredential | None
    refusal: AuthenticationError

    @classmethod
    def find(cls, config: ResponderConfig, identity: bytes, entropy: Entropy, wall: float) -> SharedKey:
        """Look up the key for an offered identity. Nothing about the outcome may show on the wire."""
        try:
            credential = config.trust.psk(identity.decode())
        except UnicodeDecodeError:
            credential = None
        if credential is None or credential.own != config.name:
            refusal = AuthenticationError("unknown pre-shared key identity")
        elif credential.expires is not None and wall > credential.expires:
            refusal = AuthenticationError("pre-shared key expired", reason="expired")
        else:
            return cls(credential.key, credential, AuthenticationError("wrong pre-shared key"))
        return cls(entropy.random(PSK_LENGTH), None, refusal)

    def accept(self) -> PskCredential:
        """Return the key's record, after the peer proved to hold the key.

        Raises:
            AuthenticationError: There is no acceptable key.
        """
        if self.credential is None:
            raise self.refusal
        return self.credential


def shared_key_peer(credential: PskCredential, payload: bytes) -> PeerIdentity:
    """Judge a peer that proved a pre-shared key: it must name the same ordered pair.

    Raises:
        AuthenticationError: It names another pair, for example because it is this side's own message.
    """
    try:
        names = read_names(payload)
    except MalformedError as problem:
        raise AuthenticationError(f"bad proof of a pre-shared key: {problem}") from problem
    if names != (credential.other, credential.own):
        raise AuthenticationError("the pre-shared key is not for this ordered pair of names")
    return PeerIdentity(credential.other, "psk", credential.expires)


def with_shared_key(peer: PeerIdentity, credential: PskCredential) -> PeerIdentity:
    """Narrow a certified peer to one that also proved a pre-shared key.

    Raises:
        AuthenticationError: Certificate and key are for different names.
    """
    if peer.name != credential.other:
        raise AuthenticationError("certificate and pre-shared key are for different names")
    ends = [end for end in (peer.valid_until, credential.expires) if end is not None]
    return PeerIdentity(peer.name, peer.kind, min(ends, default=None))
