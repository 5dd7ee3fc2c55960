"""Initiators and responders for tests: fixed names, seeded keys, both ends joined in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

import pki
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import x25519

from sipc.framing import encode_frame
from sipc.handshake import Initiator, Responder
from sipc.handshake_config import InitiatorConfig, ResponderConfig
from sipc.identity import PskCredential, TrustStore, X509Credential
from sipc.negotiation import prologue
from sipc.noise_handshake import HandshakeState, KeyPair, Keys
from sipc.suites import SUITES, Suite

CLIENT, SERVER = "spiffe://test.example/client", "spiffe://test.example/server"
WALL = pki.WALL
PSK_ID = "psk-7"
SECRET = bytes(range(32))


class SeededEntropy:
    """A different but reproducible value at each call.

    Args:
        seed: Entropies of different seeds have nothing in common.
    """

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self.drawn = 0

    def private_key(self) -> bytes:
        """See `sipc.entropy.Entropy`."""
        return self.random(32)

    def random(self, n: int) -> bytes:
        """See `sipc.entropy.Entropy`."""
        self.drawn += 1
        data = b""
        while len(data) < n:
            data += sha256(f"{self._seed}/{self.drawn}/{len(data)}".encode()).digest()
        return data[:n]


def certified(
    name: str, key: int, *, edit: Callable[[pki.Spec], pki.Spec] = lambda spec: spec
) -> X509Credential:
    """A credential under the test root, over the key of 32 equal bytes."""
    private = bytes([key]) * 32
    public = x25519.X25519PrivateKey.from_private_bytes(private).public_key()
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(name)])
    spec = edit(pki.leaf("root", 1).but(key=public, serial=1000 + key).having(names))
    return X509Credential((spec.der(),), private, name)


ROOT = pki.Chain().root.der()
CLIENT_CERTIFICATE, SERVER_CERTIFICATE = certified(CLIENT, 0x11), certified(SERVER, 0x22)
CLIENT_PSK = PskCredential(PSK_ID, SECRET, CLIENT, SERVER)
SERVER_PSK = PskCredential(PSK_ID, SECRET, SERVER, CLIENT)


@dataclass(frozen=True)
class Pair:
    """A good configuration of both ends; `with_` makes the others."""

    client: InitiatorConfig
    server: ResponderConfig
    name: str = field(default="", compare=False)

    def with_client(self, **changes: object) -> "Pair":
        """A copy with another client."""
        return replace(self, client=replace(self.client, **changes))  # type: ignore[arg-type]

    def with_server(self, **changes: object) -> "Pair":
        """A copy with another server."""
        return replace(self, server=replace(self.server, **changes))  # type: ignore[arg-type]

    def initiator(self, seed: str = "client", wall: float = WALL) -> Initiator:
        """A fresh initiator."""
        return Initiator(self.client, SeededEntropy(seed), wall)

    def responder(self, seed: str = "server", wall: float = WALL) -> Responder:
        """A fresh responder."""
        return Responder(self.server, SeededEntropy(seed), wall)

    def meet(self, seed: str = "") -> tuple[Initiator, Responder]:
        """Run a handshake; raises what either end raises."""
        ends = self.initiator(f"client{seed}"), self.responder(f"server{seed}")
        exchange(*ends)
        return ends


def exchange(initiator: Initiator, responder: Responder) -> list[tuple[str, bytes]]:
    """Carry bytes to and fro until both are silent; return what was carried."""
    carried: list[tuple[str, bytes]] = []
    while True:
        before = len(carried)
        for direction, sender, receiver in (("c2s", initiator, responder), ("s2c", responder, initiator)):
            data = sender.data_to_send()
            if data:
                carried.append((direction, data))
                receiver.receive(data)
        if len(carried) == before:
            return carried


def x509_pair(*suites: Suite) -> Pair:
    """Both ends with certificates."""
    trust = TrustStore([ROOT])
    return Pair(
        InitiatorConfig(SERVER, CLIENT_CERTIFICATE, trust, suites),
        ResponderConfig(SERVER, SERVER_CERTIFICATE, trust, suites),
        "x509",
    )


def psk_pair(*suites: Suite) -> Pair:
    """Both ends with a pre-shared key."""
    return Pair(
        InitiatorConfig(SERVER, CLIENT_PSK, TrustStore(psks=[CLIENT_PSK]), suites),
        ResponderConfig(SERVER, SERVER_PSK, TrustStore(psks=[SERVER_PSK]), suites),
        "psk",
    )


def both_pair(*suites: Suite) -> Pair:
    """Both ends with certificates and a pre-shared key."""
    suites = suites or (SUITES[0x0021],)
    return Pair(
        InitiatorConfig(
            SERVER, CLIENT_CERTIFICATE, TrustStore([ROOT], psks=[CLIENT_PSK]), suites, psk=CLIENT_PSK
        ),
        ResponderConfig(SERVER, SERVER_CERTIFICATE, TrustStore([ROOT], psks=[SERVER_PSK]), suites),
        "x509+psk",
    )


PAIRS = (x509_pair(), psk_pair(), both_pair())


def flights(pair: Pair, seed: str = "") -> list[tuple[str, bytes]]:
    """The bytes of an undisturbed handshake."""
    return exchange(pair.initiator(f"client{seed}"), pair.responder(f"server{seed}"))


def frames(data: bytes) -> Sequence[tuple[bytes, bytes]]:
    """Cut bytes into handshake frames: negotiation data and Noise message."""
    cut = []
    while data:
        middle = 2 + int.from_bytes(data[:2])
        end = middle + 2 + int.from_bytes(data[middle : middle + 2])
        cut.append((data[2:middle], data[middle + 2 : end]))
        data = data[end:]
    return cut


class HandInitiator:
    """An initiator whose every byte the test decides: negotiation data, payloads, keys.

    Args:
        negotiation: Its offer.
        suite: The suite the Noise messages follow.
        static: Its static key pair.
        psk: Its pre-shared key.
        bound: The prologue; default: that of the offer as it is.
    """

    def __init__(
        self,
        negotiation: bytes,
        suite: Suite = SUITES[1],
        *,
        static: KeyPair | None = None,
        psk: bytes = SECRET,
        bound: bytes | None = None,
    ) -> None:
        self.negotiation = negotiation
        keys = Keys(SeededEntropy("by hand"), static or KeyPair(b"\x11" * 32), psk)
        bound = prologue(negotiation, 1) if bound is None else bound
        self.noise = HandshakeState(suite.protocol, initiator=True, prologue=bound, keys=keys)

    def first(self, payload: bytes = b"") -> bytes:
        """The first frame."""
        return encode_frame(self.negotiation, self.noise.write_message(payload))

    def last(self, answer: bytes, payload: bytes) -> bytes:
        """The frame with message 3, after the responder's frame with message 2."""
        ((_, message),) = frames(answer)
        self.noise.read_message(message)
        return encode_frame(b"", self.noise.write_message(payload))
