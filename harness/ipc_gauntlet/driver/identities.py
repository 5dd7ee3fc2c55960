"""Who a side is, whom it trusts, and the options of an endpoint (driver protocol, section 5)."""

from typing import Literal

from ipc_gauntlet.driver.statement import Text, Timeouts
from ipc_gauntlet.driver.values import Base, Key32
from ipc_gauntlet.driver.vocabulary import Operation


class X509Credential(Base, frozen=True, kw_only=True, tag_field="kind", tag="x509"):
    """A certificate chain in DER, leaf first, and the leaf's private key as PKCS #8 DER."""

    name: Text
    chain: tuple[bytes, ...]
    private_key: bytes


class PskCredential(Base, frozen=True, kw_only=True, tag_field="kind", tag="psk"):
    """A pre-shared key: its id, the names of the side that holds this object and of the other side, and its end."""

    id: Text
    key: Key32
    self: Text
    other: Text
    expires_s: int | None = None


class RawKeyCredential(Base, frozen=True, kw_only=True, tag_field="kind", tag="raw-key"):
    """An X25519 key pair with a name."""

    name: Text
    public: Key32
    private: Key32


Credential = X509Credential | PskCredential | RawKeyCredential


class X509Trust(Base, frozen=True, kw_only=True, tag_field="kind", tag="x509"):
    """Trusted root certificates and revocation lists, DER."""

    roots: tuple[bytes, ...]
    crls: tuple[bytes, ...] = ()


class PskTrust(Base, frozen=True, kw_only=True, tag_field="kind", tag="psk"):
    """The pre-shared keys a side may use, each as a credential object."""

    keys: tuple[PskCredential, ...]


class RawPublicKey(Base, frozen=True, kw_only=True):
    """A peer's public key with its name."""

    name: Text
    public: Key32


class RawKeyTrust(Base, frozen=True, kw_only=True, tag_field="kind", tag="raw-key"):
    """The public keys of the peers to accept."""

    keys: tuple[RawPublicKey, ...]


Trust = X509Trust | PskTrust | RawKeyTrust


class Signer(RawPublicKey, frozen=True, kw_only=True):
    """Whose signed messages to believe, and which connected peers may pass them on; without `via` the signer alone."""

    via: tuple[Text, ...] | None = None


class Options(Base, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Optional settings; a driver answers -32001 to one that it does not support.

    Feature by feature: `clock` (virtual-clock), `store` (durable), `store_capacity` (idempotency), `roles` (authorization: the role that an operation
    needs), `signers` (claims), `issuers` and `require_token` (tokens), `mode` and
    `epoch_bits` (datagram).
    """

    timeouts: Timeouts | None = None
    suites: tuple[str, ...] | None = None
    versions: tuple[int, int] | None = None
    store: str | None = None
    clock: Literal["system", "virtual"] | None = None
    roles: dict[str, str] | None = None
    signers: tuple[Signer, ...] | None = None
    issuers: tuple[RawPublicKey, ...] | None = None
    require_token: tuple[Operation, ...] | None = None
    mode: Literal["stream", "datagram"] | None = None
    epoch_bits: int | None = None
    store_capacity: int | None = None
