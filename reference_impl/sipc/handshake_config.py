"""What the two sides of a handshake are configured with.

Rule of this file: whatever cannot lead to an authenticated session is refused here, before a byte is sent; there is
no default for whom to trust or whom to reach. A configuration serves any number of connections, so what does not
change between them is prepared once.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property

from sipc.errors import LocalError, require
from sipc.framing import pad
from sipc.handshake_payload import encode_certificates
from sipc.identity import PskCredential, TrustStore, X509Credential
from sipc.negotiation import MAX_SERVICE, MAX_SUITES, Offer, Policy
from sipc.noise_handshake import KeyPair
from sipc.suites import DEFAULT_VERSIONS, Mode, Suite, suites_of

Credential = X509Credential | PskCredential


class _Prepared:
    """What both roles derive from a credential."""

    credential: Credential | None

    @cached_property
    def static(self) -> KeyPair | None:
        """The static key pair, for suites that use one."""
        own = self.credential
        return KeyPair(own.private_key) if isinstance(own, X509Credential) else None

    @property
    def name(self) -> str:
        """The name this side proves."""
        own = self.credential
        return own.name if isinstance(own, X509Credential) else require(own, "credential").own

    @cached_property
    def certificates(self) -> bytes:
        """The payload that carries the certificate chain."""
        own = self.credential
        chain = own.chain if isinstance(own, X509Credential) else None
        return pad(encode_certificates(require(chain, "certificates")))


@dataclass(frozen=True)
class InitiatorConfig(_Prepared):
    """Configuration of the side that connects.

    Args:
        service: Name of the service to reach, as its responder is configured with it.
        credential: Own identity.
        trust: Whom to believe. A pre-shared key must also be in here: removing it withdraws the trust.
        suites: Allowed suites in order of preference, all of one mode; default: all of the credential's mode.
        versions: Lowest and highest acceptable protocol version.
        psk: Beside a certificate, to prove both (suites of mode `x509+psk`).
        peer: The name the responder must prove; default: the same as `service`.
        grease: Numbers to add to the offer that mean nothing, so that responders stay used to ignoring them.
        datagram: Records are those of profile D.

    Raises:
        LocalError: No session could come of it.
    """

    service: str
    credential: Credential | None = field(repr=False)
    trust: TrustStore = field(repr=False)
    suites: tuple[Suite, ...] = ()
    versions: tuple[int, int] = DEFAULT_VERSIONS
    psk: PskCredential | None = field(default=None, repr=False)
    peer: str | None = None
    grease: tuple[int, ...] = ()
    datagram: bool = False

    def __post_init__(self) -> None:
        _check(self.service, self.credential)
        mode = self.mode
        for suite in self.policy.suites:
            if suite.mode is not mode:
                raise LocalError(f"{suite.name} cannot be used with credentials of mode {mode}")
        if len(self.policy.suites) + len(self.grease) > MAX_SUITES or not all(
            0 <= n <= 0xFFFF for n in self.grease
        ):
            raise LocalError(f"an offer holds up to {MAX_SUITES} suites, numbers below 65536")
        if self.shared_key is not None:
            self._check_shared_key(self.shared_key)

    def _check_shared_key(self, key: PskCredential) -> None:
        if key.other != self.expected_peer:
            raise LocalError("the pre-shared key is not for the intended peer", reason="authentication")
        if isinstance(self.credential, X509Credential) and key.own != self.credential.name:
            raise LocalError(
                "certificate and pre-shared key are for different names", reason="authentication"
            )
        trusted = self.trust.psk(key.identity)
        if trusted is None or trusted.key != key.key:
            raise LocalError("the pre-shared key is not in the trust store", reason="authentication")

    @property
    def mode(self) -> Mode:
        """How both sides are going to authenticate."""
        if isinstance(self.credential, X509Credential):
            return Mode.X509 if self.psk is None else Mode.X509_PSK
        if self.psk is not None:
            raise LocalError("a pre-shared key beside another, or beside nothing, has no use")
        return Mode.PSK

    @property
    def shared_key(self) -> PskCredential | None:
        """The pre-shared key, in whichever role."""
        return self.credential if isinstance(self.credential, PskCredential) else self.psk

    @property
    def expected_peer(self) -> str:
        """The name the responder must prove."""
        return self.service if self.peer is None else self.peer

    @cached_property
    def policy(self) -> Policy:
        """The floor."""
        return Policy(self.versions, self.suites or suites_of(self.mode))

    @cached_property
    def offer(self) -> Offer:
        """The offer; the same for every connection, so that no failure ever weakens the next attempt."""
        key = self.shared_key
        return Offer(
            versions=self.versions,
            chosen=self.policy.highest,
            suites=(*(suite.id for suite in self.policy.suites), *self.grease),
            psk_id=b"" if key is None else key.identity.encode(),
            service=self.service.encode(),
        )

    @cached_property
    def encoded_offer(self) -> bytes:
        """The offer as it is sent."""
        return self.offer.encode()


@dataclass(frozen=True)
class ResponderConfig(_Prepared):
    """Configuration of the side that accepts.

    Args:
        service: Name of the service; an offer for any other is refused.
        credential: Own identity. A pre-shared key here only says so and gives this side its name; the keys that
            are accepted are those of `trust`.
        trust: Whom to believe.
        suites: Allowed suites in order of preference; default: all of the credential's mode.
        versions: Lowest and highest acceptable protocol version.
        peers: Names of the acceptable peers; default: every one that `trust` vouches for.
        datagram: Records are those of profile D.
        revoked: Principals (kind and name) that are shut out; asked at the moment of judgement, so it may change.

    Raises:
        LocalError: No session could come of it.
    """

    service: str
    credential: Credential | None = field(repr=False)
    trust: TrustStore = field(repr=False)
    suites: tuple[Suite, ...] = ()
    versions: tuple[int, int] = DEFAULT_VERSIONS
    peers: frozenset[str] | None = None
    datagram: bool = False
    revoked: Collection[tuple[str, str]] = ()

    def __post_init__(self) -> None:
        _check(self.service, self.credential)
        if self.static is None and any(suite.mode is not Mode.PSK for suite in self.policy.suites):
            raise LocalError("a suite with certificates needs a certificate")

    @cached_property
    def policy(self) -> Policy:
        """The floor."""
        mode = Mode.X509 if isinstance(self.credential, X509Credential) else Mode.PSK
        return Policy(self.versions, self.suites or suites_of(mode))


def _check(service: str, credential: Credential | None) -> None:
    if credential is None:
        raise LocalError("no credential: this side cannot prove who it is", reason="authentication")
    try:
        length = len(service.encode())
    except UnicodeEncodeError:
        length = 0
    if not 1 <= length <= MAX_SERVICE:
        raise LocalError(f"a service name has 1 to {MAX_SERVICE} bytes of UTF-8")
