"""Who the targets' parties are: the identities of the golden sessions, whose private keys everybody knows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ipc_gauntlet.peer import Identity
from ipc_gauntlet.peer.noise import KeyPair
from sipc.handshake_config import InitiatorConfig, ResponderConfig
from sipc.identity import PskCredential, TrustStore, X509Credential
from sipc.suites import SUITES, Mode

START = 1000.0
"""Monotonic time at which every connection begins."""
ISSUER = "issuer.sipc.test"
"""Who issues tokens."""


@cache
def golden() -> dict[str, Any]:
    """The golden sessions (docs/sipc1.md, section 21)."""
    text = (files("ipc_gauntlet_corpora") / "vectors" / "sipc1.json").read_bytes()
    found: dict[str, Any] = json.loads(text)
    return found


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that a handshake needs.

    Attributes:
        wall: Unix seconds at which the certificates are valid.
        root: Certificate of the trusted root.
        authority: Its key.
        initiator: Certificate of the initiator.
        responder: Certificate of the responder.
        initiator_key: Its X25519 key.
        responder_key: Its X25519 key.
        psk: The pre-shared key.
    """

    wall: float
    root: bytes
    authority: Ed25519PrivateKey
    initiator: bytes
    responder: bytes
    initiator_key: bytes
    responder_key: bytes
    psk: bytes


@cache
def material() -> Material:
    """From the golden sessions."""
    text = golden()
    keys = {name: bytes.fromhex(value) for name, value in text["keys"].items()}
    return Material(
        wall=float(text["wall"]),
        root=bytes.fromhex(text["root_der"]),
        authority=Ed25519PrivateKey.from_private_bytes(keys["ca_ed25519_seed"]),
        initiator=bytes.fromhex(text["leaf_i_der"]),
        responder=bytes.fromhex(text["leaf_r_der"]),
        initiator_key=keys["init_static"],
        responder_key=keys["resp_static"],
        psk=keys["psk"],
    )


@cache
def names() -> tuple[str, str, str, str]:
    """Initiator, responder, service, identity of the pre-shared key."""
    text = golden()["names"]
    return text["initiator"], text["responder"], text["service"], text["psk_id"]


class Entropy:
    """The same values every time, different ones at each call.

    Args:
        seed: Where they come from.
    """

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._drawn = 0

    def private_key(self) -> bytes:
        """See `sipc.entropy.Entropy`."""
        return self.random(32)

    def random(self, n: int) -> bytes:
        """See `sipc.entropy.Entropy`."""
        self._drawn += 1
        return sha256(f"{self._seed}/{self._drawn}".encode()).digest().ljust(n, b"r")[:n]


@cache
def configs(suite: int, *, datagram: bool = False) -> tuple[InitiatorConfig, ResponderConfig]:
    """Both sides of the reference, for one suite first and all others of its mode behind it."""
    made, (one, other, service, psk_id) = material(), names()
    first = SUITES[suite]
    suites = (first, *(more for more in SUITES.values() if more.mode is first.mode and more is not first))
    ours, theirs = PskCredential(psk_id, made.psk, one, other), PskCredential(psk_id, made.psk, other, one)
    if first.mode is Mode.PSK:
        return (
            InitiatorConfig(service, ours, TrustStore(psks=[ours]), suites, peer=other, datagram=datagram),
            ResponderConfig(service, theirs, TrustStore(psks=[theirs]), suites, datagram=datagram),
        )
    both = first.mode is Mode.X509_PSK
    client = X509Credential((made.initiator,), made.initiator_key, one)
    server = X509Credential((made.responder,), made.responder_key, other)
    return (
        InitiatorConfig(
            service,
            client,
            TrustStore([made.root], psks=[ours] if both else []),
            suites,
            psk=ours if both else None,
            peer=other,
            datagram=datagram,
        ),
        ResponderConfig(
            service, server, TrustStore([made.root], psks=[theirs] if both else []), suites, datagram=datagram
        ),
    )


@cache
def identity(*, initiator: bool) -> Identity:
    """The harness's peer in one of the two roles, with every kind of credential."""
    made, (one, other, _, psk_id) = material(), names()
    key, chain = (made.initiator_key, made.initiator) if initiator else (made.responder_key, made.responder)
    own, theirs = (one, other) if initiator else (other, one)
    return Identity(own, theirs, KeyPair.of(key), (chain,), psk_id, made.psk)


@cache
def signing_key(label: str) -> Ed25519PrivateKey:
    """A fixed signing key."""
    return Ed25519PrivateKey.from_private_bytes(sha256(label.encode()).digest())
