"""Noise revision 34, sections 5.2 to 7: the handshake of the patterns XX, NNpsk0 and XXpsk3.

Rule of this file: it is Noise and nothing else. What a payload means, which static key is acceptable and what the
prologue says is decided above. Hash is SHA-256 and Diffie-Hellman is X25519 throughout, so that no static key and no
PSK is ever used with two hash functions (section 14).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from sipc.entropy import Entropy
from sipc.errors import HandshakeError, IntegrityError, LocalError, MalformedError, require
from sipc.noise import MAX_MESSAGE, TAG_LENGTH, Buffer, Cipher, CipherState
from sipc.noise_symmetric import SymmetricState

DH_LENGTH = 32
PSK_LENGTH = 32

_ZEROS = bytes(DH_LENGTH)


class Pattern(Enum):
    """Handshake patterns (sections 7.5 and 9.4): messages alternate, the initiator writes the first."""

    XX = (("e",), ("e", "ee", "s", "es"), ("s", "se"))
    NNPSK0 = (("psk", "e"), ("e", "ee"))
    XXPSK3 = (("e",), ("e", "ee", "s", "es"), ("s", "se", "psk"))

    def __init__(self, *messages: tuple[str, ...]) -> None:
        self.messages = messages
        self.uses_static = any("s" in tokens for tokens in messages)
        self.psks = sum(tokens.count("psk") for tokens in messages)


_PATTERN_NAMES = {Pattern.XX: "XX", Pattern.NNPSK0: "NNpsk0", Pattern.XXPSK3: "XXpsk3"}


@dataclass(frozen=True, slots=True)
class NoiseProtocol:
    """A pattern with a cipher; 25519 and SHA256 are fixed."""

    pattern: Pattern
    cipher: Cipher

    @property
    def name(self) -> str:
        """The Noise protocol name (section 8)."""
        return f"Noise_{_PATTERN_NAMES[self.pattern]}_25519_{self.cipher.label}_SHA256"


class KeyPair:
    """An X25519 private key, loaded once, with its public key.

    Args:
        private: 32 bytes.

    Raises:
        LocalError: Wrong length.
    """

    __slots__ = ("_exchange", "public")

    def __init__(self, private: bytes) -> None:
        if len(private) != DH_LENGTH:
            raise LocalError(f"an X25519 private key has {DH_LENGTH} bytes, not {len(private)}")
        key = X25519PrivateKey.from_private_bytes(private)
        self._exchange = key.exchange
        self.public = key.public_key().public_bytes_raw()

    def dh(self, public: bytes) -> bytes:
        """Return the shared secret with `public` (section 4.1).

        Raises:
            HandshakeError: The result would be all zeros: a low-order point (RFC 7748, section 6.1).
        """
        try:
            secret = self._exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError:
            secret = _ZEROS
        if secret == _ZEROS:
            raise HandshakeError("the peer's public key is a low-order point")
        return secret


def _cut(data: bytes, length: int) -> tuple[bytes, bytes]:
    if len(data) < length:
        raise MalformedError("a Noise message is too short", stage="handshake")
    return data[:length], data[length:]


@dataclass(frozen=True, slots=True)
class Keys:
    """What a party brings into a handshake.

    Args:
        entropy: Source of the ephemeral key.
        static: The static key pair, for patterns that send one.
        psk: The 32-byte pre-shared key, for patterns that use one.
    """

    entropy: Entropy
    static: KeyPair | None = None
    psk: bytes | None = None


class HandshakeState:
    """One party's side of one handshake (section 5.3).

    Any exception ends it: every later call raises LocalError.

    Args:
        protocol: Pattern and cipher.
        initiator: Whether this side writes the first message.
        prologue: Public data both sides must agree on.
        keys: The keys the pattern needs.

    Raises:
        LocalError: A key the pattern needs is missing or has the wrong length.
    """

    __slots__ = (
        "_ephemeral",
        "_initiator",
        "_keys",
        "_pattern",
        "_position",
        "_remote_ephemeral",
        "_symmetric",
        "_usable",
        "remote_static",
    )

    def __init__(self, protocol: NoiseProtocol, *, initiator: bool, prologue: bytes, keys: Keys) -> None:
        pattern = protocol.pattern
        if pattern.uses_static and keys.static is None:
            raise LocalError(f"{protocol.name} needs a static key")
        if pattern.psks and len(keys.psk or b"") != PSK_LENGTH:
            raise LocalError(f"{protocol.name} needs a PSK of {PSK_LENGTH} bytes")
        self._pattern = pattern
        self._initiator = initiator
        self._keys = keys
        self._position = 0
        self._usable = True
        self._ephemeral: KeyPair | None = None
        self._remote_ephemeral: bytes | None = None
        self.remote_static: bytes | None = None
        self._symmetric = SymmetricState(protocol.name.encode(), protocol.cipher)
        self._symmetric.mix_hash(prologue)

    @property
    def finished(self) -> bool:
        """Whether all messages of the pattern have been processed."""
        return self._position == len(self._pattern.messages)

    @property
    def my_turn(self) -> bool:
        """Whether this side writes the next message."""
        return self._usable and not self.finished and (self._position % 2 == 0) is self._initiator

    @property
    def handshake_hash(self) -> bytes:
        """The transcript hash; after the last message it identifies the session (section 11.2)."""
        return self._symmetric.hash

    def write_message(self, payload: bytes = b"") -> bytes:
        """`WriteMessage`: return the next message, carrying `payload`.

        Raises:
            LocalError: It is not this side's turn, or the message would be longer than 65535 bytes.
            HandshakeError: The peer's key is a low-order point; nothing may be sent.
        """
        tokens = self._begin(writing=True)
        parts = [self._WRITE[token](self) for token in tokens]
        parts.append(self._symmetric.encrypt_and_hash(payload))
        message = b"".join(parts)
        if len(message) > MAX_MESSAGE:
            raise LocalError(f"a Noise message of {len(message)} bytes is longer than {MAX_MESSAGE}")
        return self._done(message)

    def read_message(self, message: Buffer) -> bytes:
        """`ReadMessage`: process the peer's next message and return its payload.

        Raises:
            LocalError: It is not the peer's turn.
            MalformedError: The message has an impossible length.
            IntegrityError: A field is not authentic.
            HandshakeError: The peer's key is a low-order point.
        """
        tokens = self._begin(writing=False)
        rest = bytes(message)
        if len(rest) > MAX_MESSAGE:
            raise MalformedError("a Noise message is longer than 65535 bytes", stage="handshake")
        for token in tokens:
            rest = self._READ[token](self, rest)
        try:
            payload = self._symmetric.decrypt_and_hash(rest)
        except IntegrityError:
            raise IntegrityError("a handshake payload is not authentic", stage="handshake") from None
        return self._done(payload)

    def split(self) -> tuple[CipherState, CipherState]:
        """Return this side's sending and receiving cipher; only once, after the last message.

        Raises:
            LocalError: The handshake is not finished, or was split before.
        """
        if not (self.finished and self._usable):
            raise LocalError("the Noise handshake is not finished, or was split before")
        self._usable = False
        first, second = self._symmetric.split()
        return (first, second) if self._initiator else (second, first)

    # A message begins by making the state unusable and ends by making it usable again: whatever fails in between
    # leaves it unusable for good.

    def _begin(self, *, writing: bool) -> tuple[str, ...]:
        if not self._usable or self.finished or self.my_turn is not writing:
            raise LocalError("this Noise handshake is over, has failed, or waits for the other side")
        self._usable = False
        return self._pattern.messages[self._position]

    def _done(self, result: bytes) -> bytes:
        self._position += 1
        self._usable = True
        return result

    def _write_e(self) -> bytes:
        self._ephemeral = KeyPair(self._keys.entropy.private_key())
        self._mix_ephemeral(self._ephemeral.public)
        return self._ephemeral.public

    def _read_e(self, rest: bytes) -> bytes:
        self._remote_ephemeral, rest = _cut(rest, DH_LENGTH)
        self._mix_ephemeral(self._remote_ephemeral)
        return rest

    def _mix_ephemeral(self, public: bytes) -> None:
        self._symmetric.mix_hash(public)
        if self._pattern.psks:  # section 9.2
            self._symmetric.mix_key(public)

    def _write_s(self) -> bytes:
        return self._symmetric.encrypt_and_hash(require(self._keys.static, "static key").public)

    def _read_s(self, rest: bytes) -> bytes:
        field, rest = _cut(rest, DH_LENGTH + TAG_LENGTH if self._symmetric.has_key else DH_LENGTH)
        try:
            self.remote_static = self._symmetric.decrypt_and_hash(field)
        except IntegrityError:
            raise IntegrityError("the peer's static key is not authentic", stage="handshake") from None
        return rest

    def _psk(self, rest: bytes = b"") -> bytes:
        self._symmetric.mix_key_and_hash(self._keys.psk or b"")
        return rest

    def _dh(self, own: KeyPair | None, remote: bytes | None, rest: bytes) -> bytes:
        self._symmetric.mix_key(require(own, "own key").dh(require(remote, "the peer's key")))
        return rest

    def _ee(self, rest: bytes = b"") -> bytes:
        return self._dh(self._ephemeral, self._remote_ephemeral, rest)

    def _es(self, rest: bytes = b"") -> bytes:
        if self._initiator:
            return self._dh(self._ephemeral, self.remote_static, rest)
        return self._dh(self._keys.static, self._remote_ephemeral, rest)

    def _se(self, rest: bytes = b"") -> bytes:
        if self._initiator:
            return self._dh(self._keys.static, self._remote_ephemeral, rest)
        return self._dh(self._ephemeral, self.remote_static, rest)

    # What each token of a pattern does when writing and when reading (section 5.3).
    _WRITE: ClassVar[dict[str, Callable[[HandshakeState], bytes]]] = {
        "e": _write_e, "s": _write_s, "ee": _ee, "es": _es, "se": _se, "psk": _psk,
    }  # fmt: skip
    _READ: ClassVar[dict[str, Callable[[HandshakeState, bytes], bytes]]] = {
        "e": _read_e, "s": _read_s, "ee": _ee, "es": _es, "se": _se, "psk": _psk,
    }  # fmt: skip
