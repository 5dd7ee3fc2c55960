"""Noise_XX_25519_ChaChaPoly_SHA256 with `noiseprotocol`."""

from __future__ import annotations

import importlib.metadata
import socket
from collections import deque
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from noise.connection import Keypair, NoiseConnection
from noise.exceptions import NoiseHandshakeError, NoiseInvalidMessage, NoiseValueError

from ipc_gauntlet.sdk import (
    TRANSPORTS,
    BadParams,
    ConnectParams,
    Driver,
    End,
    Failed,
    Framing,
    Listener,
    ListenParams,
    SocketConnection,
    SocketListener,
    Unsupported,
    raw,
)

PROTOCOL = b"Noise_XX_25519_ChaChaPoly_SHA256"
KEY_BYTES = 32
MAX_NOISE_MESSAGE = 65535
MAX_MESSAGE = MAX_NOISE_MESSAGE - 16
_LENGTH_BYTES = 2
_CHUNK = 65536

# What the library lets out of `read_message` when a handshake message is not what it should be.
_HANDSHAKE_ERRORS = (InvalidTag, ValueError, NoiseInvalidMessage, NoiseHandshakeError, NoiseValueError)


@dataclass(frozen=True)
class Identity:
    """This side's private key, and the names of the peers it accepts by their public keys."""

    private: bytes
    known: dict[bytes, str]

    @classmethod
    def of(cls, params: ListenParams | ConnectParams) -> Identity:
        """Read them from the parameters of `listen` or `connect`.

        Raises:
            BadParams: A client was given two different names to accept.
            Failed: The key has the wrong length.
            Unsupported: There is no key: in XX both sides send one.
        """
        if params.credential is None:
            raise Unsupported("a side without a static key")
        entries = (params.trust or {}).get("keys") or []
        known = {raw(entry, "public"): str(entry["name"]) for entry in entries}
        wanted = params.peer
        if isinstance(params, ConnectParams):
            if params.service is None or params.peer not in (None, params.service):
                raise BadParams("a client accepts one name, the service's")
            wanted = params.service
        if wanted is not None:
            known = {key: name for key, name in known.items() if name == wanted}
        private = raw(params.credential, "private")
        if len(private) != KEY_BYTES:
            raise Failed("malformed", f"a private key has {KEY_BYTES} bytes")
        return cls(private, known)


class NoiseDriver(Driver):
    """See the package's docstring."""

    @property
    def statement(self) -> dict[str, Any]:
        """See `Driver.statement`."""
        library = importlib.metadata.version("noiseprotocol")
        cryptography = importlib.metadata.version("cryptography")
        return {
            "name": "noise-xx",
            "version": f"noiseprotocol {library}, cryptography {cryptography}",
            "profile": "channel",
            "roles": ["client", "server"],
            "transports": TRANSPORTS,
            "credentials": [{"kind": "raw-key"}],
            "features": ["push", "channel-binding"],
            "observes": ["established", "delivered", "rejected", "closed"],
            "limits": {"max_message": MAX_MESSAGE},
            "timeouts": {},
            "wire": {"protocol": f"{PROTOCOL.decode()}+u16", "framing": "u16be"},
            "parsers": [],
        }

    def listen(self, params: ListenParams) -> Listener:
        """See `Driver.listen`."""
        identity = Identity.of(params)
        return SocketListener(params, lambda sock: XxConnection(sock, identity))

    def connect(self, params: ConnectParams) -> XxConnection:
        """See `Driver.connect`."""
        return XxConnection(params.address, Identity.of(params), params.conn)


class XxConnection(SocketConnection):
    """One Noise session; the reading thread decrypts, `send` encrypts, and they share no state of the cipher."""

    def __init__(self, source: socket.socket | dict[str, Any], identity: Identity, conn: str = "") -> None:
        super().__init__(source, conn)
        self._identity = identity
        self._framing = Framing(_LENGTH_BYTES, MAX_NOISE_MESSAGE)
        self._arrived: deque[bytes] = deque()
        self._sock: socket.socket | None = None
        self._noise = NoiseConnection.from_name(PROTOCOL)
        self._noise.set_keypair_from_private_bytes(Keypair.STATIC, identity.private)

    def converse(self, sock: socket.socket) -> End:
        """See `SocketConnection.converse`."""
        try:
            peer = self._shake_hands(sock)
        except _HANDSHAKE_ERRORS as problem:
            reason = "integrity" if isinstance(problem, InvalidTag) else "malformed"
            return End("error", reason, repr(problem))
        with self.writing:
            self._sock = sock
        try:
            self.established(peer=peer, binding=self._noise.get_handshake_hash())
            return self._read_until_end(sock)
        finally:
            with self.writing:
                self._sock = None

    def send(self, payload: bytes) -> None:
        """See `Connection.send`."""
        if len(payload) > MAX_MESSAGE:  # before it is encrypted, which would use up a nonce
            raise Failed("limit", f"{len(payload)} bytes; a Noise message holds {MAX_MESSAGE}")
        with self.writing:
            if self._sock is None:
                raise Failed("peer-closed", "the connection is over")
            self._sock.sendall(self._framing.frame(self._noise.encrypt(payload)))

    def _shake_hands(self, sock: socket.socket) -> str:
        """Exchange the three messages of XX and return the peer's name."""
        noise = self._noise
        if self.is_client:
            noise.set_as_initiator()
        else:
            noise.set_as_responder()
        noise.start_handshake()
        state = (
            noise.noise_protocol.handshake_state
        )  # the library drops its own reference with the last message
        name = None
        writing = self.is_client
        while not noise.handshake_finished:
            if writing:
                sock.sendall(self._framing.frame(bytes(noise.write_message())))
            else:
                noise.read_message(self._next(sock))
                name = self._check_peer(state)
            writing = not writing
        if name is None:
            raise Failed("authentication", "the peer sent no static key")
        return name

    def _check_peer(self, state: Any) -> str | None:  # noqa: ANN401 - the library has no types
        """Return the peer's name as soon as its key is known: a client then has not yet sent its own."""
        key = getattr(state.rs, "public_bytes", None)
        if key is None:
            return None
        if key not in self._identity.known:
            raise Failed("authentication", "the peer's static key is not a known one")
        return self._identity.known[key]

    def _next(self, sock: socket.socket) -> bytes:
        message = self._receive(sock)
        if message is None:
            raise Failed("peer-closed", "the stream ended during the handshake")
        return message

    def _receive(self, sock: socket.socket) -> bytes | None:
        """Return the next Noise message, None at the end of the stream."""
        while not self._arrived:
            data = sock.recv(_CHUNK)
            if not data:
                return None
            self._arrived.extend(self._framing.feed(data))
        return self._arrived.popleft()

    def _read_until_end(self, sock: socket.socket) -> End:
        while (message := self._receive(sock)) is not None:
            try:
                self.delivered(self._noise.decrypt(message))
            except NoiseInvalidMessage as problem:
                return End("error", "integrity", str(problem))
        if self._framing.inside:
            return End("truncated", "truncated", "the stream ended inside a message")
        return End("clean")
