"""Who the peer is and what it wants: everything it is told before it starts."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from ipc_gauntlet.peer.noise import KeyPair

Entropy = Callable[[int], bytes]
"""Gives that many fresh bytes."""

PeerRole = Literal["initiator", "responder"]


@dataclass(frozen=True, slots=True)
class Identity:
    """What one side proves who it is with.

    Args:
        name: Its own name.
        other: The other side's name, as a pre-shared key was provisioned for.
        static: The key of its certificate.
        chain: Its certificates, DER, leaf first.
        psk_id: Identity of its pre-shared key.
        psk: The pre-shared key.
    """

    name: str = ""
    other: str = ""
    static: KeyPair | None = None
    chain: tuple[bytes, ...] = ()
    psk_id: str = ""
    psk: bytes = b""

    @classmethod
    def of(cls, *credentials: Mapping[str, object] | None) -> Identity:
        """Make one from credentials as the driver protocol has them, `x509` and `psk` together for suite 0x0021.

        Raises:
            ValueError: One is of a kind that SIPC/1 does not have.
        """
        found = cls()
        for credential in credentials:
            if credential is not None:
                found = found._with(credential)
        return found

    def _with(self, credential: Mapping[str, object]) -> Identity:
        kind = credential.get("kind")
        if kind == "psk":
            return Identity(
                self.name or str(credential["self"]),
                str(credential["other"]),
                self.static,
                self.chain,
                str(credential["id"]),
                _bytes(credential["key"]),
            )
        chain = credential.get("chain")
        if kind != "x509" or not isinstance(chain, list):
            raise ValueError(f"SIPC/1 has no credential of kind {kind!r}")
        key = load_der_private_key(_bytes(credential["private_key"]), None)
        if not isinstance(key, X25519PrivateKey):
            raise ValueError("a certificate of SIPC/1 is about an X25519 key")  # noqa: TRY004 - bytes have no type
        return Identity(
            str(credential["name"]),
            self.other,
            KeyPair.of(key.private_bytes_raw()),
            tuple(map(_bytes, chain)),
            self.psk_id,
            self.psk,
        )


@dataclass(frozen=True, slots=True)
class ReadyValues:
    """What READY announces (docs/sipc1.md, section 9)."""

    max_message: int = 1 << 20
    max_inflight: int = 64
    rekey_after_records: int = 1 << 20
    idle_ms: int = 60_000
    features: tuple[int, ...] = ()

    def fields(self) -> dict[int, object]:
        """The record's map."""
        return {
            0: self.max_message,
            1: self.max_inflight,
            2: self.rekey_after_records,
            3: self.idle_ms,
            4: list(self.features),
        }


@dataclass(frozen=True, slots=True)
class PeerConfig:
    """What a peer is configured with.

    Args:
        role: `initiator` or `responder`.
        identity: Who it is.
        service: The name to reach, or to be.
        suites: Numbers to offer, or to allow, in order of preference.
        lowest: Least version to offer or allow.
        highest: Highest version to offer or allow.
        chosen: The version an offer begins with.
        ready: What its READY announces.
        datagram: Whether records are those of profile D.
        epoch_bits: Profile D: an epoch is 2 to the power of this many records long.
    """

    role: PeerRole
    identity: Identity
    service: str
    suites: tuple[int, ...] = (0x0001,)
    lowest: int = 1
    highest: int = 1
    chosen: int = 1
    ready: ReadyValues = ReadyValues()
    datagram: bool = False
    epoch_bits: int = 20


def _bytes(text: object) -> bytes:
    return base64.b64decode(str(text), validate=True)
