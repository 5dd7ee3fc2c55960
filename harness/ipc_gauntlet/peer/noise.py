"""The Noise Protocol Framework, revision 34, as far as SIPC/1 needs it: 25519, SHA-256, two ciphers, three patterns.

Everything secret is open to the holder on purpose: a tester has to be able to use a key or a nonce wrongly.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

TAG = 16
KEY = 32
MAX_NONCE = (1 << 64) - 1
ZERO_KEY = bytes(KEY)

CipherName = Literal["ChaChaPoly", "AESGCM"]
PatternName = Literal["XX", "NNpsk0", "XXpsk3"]

PATTERNS: dict[PatternName, tuple[tuple[str, ...], ...]] = {
    "XX": (("e",), ("e", "ee", "s", "es"), ("s", "se")),
    "NNpsk0": (("psk", "e"), ("e", "ee")),
    "XXpsk3": (("e",), ("e", "ee", "s", "es"), ("s", "se", "psk")),
}
"""For each pattern the tokens of its messages, the initiator's first."""


class NoiseError(Exception):
    """A message that does not follow the pattern, or does not authenticate."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A Diffie-Hellman key pair.

    Args:
        public: The public key that is sent.
        private: Its private part; empty for a low-order public key, with which every result is zero.
    """

    public: bytes
    private: bytes = b""

    @classmethod
    def of(cls, private: bytes) -> KeyPair:
        """Make the pair that belongs to a private key."""
        return cls(X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw(), private)

    def exchange(self, public: bytes) -> bytes:
        """X25519 with the other side's public key; zeros when this pair, or the other's key, is of low order."""
        if not self.private:
            return ZERO_KEY
        try:
            return X25519PrivateKey.from_private_bytes(self.private).exchange(
                X25519PublicKey.from_public_bytes(public)
            )
        except ValueError:
            return ZERO_KEY


@dataclass(slots=True)
class CipherState:
    """Noise section 5.1, with its key and nonce open.

    Args:
        cipher: Which AEAD.
        key: 32 bytes; empty before there is one, then nothing is encrypted.
        n: The next nonce.
        sealed: Records sealed or opened under the present key.
    """

    cipher: CipherName
    key: bytes = b""
    n: int = 0
    sealed: int = 0

    def seal(self, plaintext: bytes, ad: bytes = b"", n: int | None = None) -> bytes:
        """Encrypt; with an explicit nonce the state's own one stays."""
        if not self.key:
            return plaintext
        sealed = self._aead(self.key).encrypt(self._nonce(self.n if n is None else n), plaintext, ad)
        if n is None:
            self.n += 1
        self.sealed += 1
        return sealed

    def open(self, ciphertext: bytes, ad: bytes = b"", n: int | None = None) -> bytes:
        """Decrypt; with an explicit nonce the state's own one stays.

        Raises:
            NoiseError: It does not authenticate.
        """
        if not self.key:
            return ciphertext
        try:
            plaintext = self._aead(self.key).decrypt(self._nonce(self.n if n is None else n), ciphertext, ad)
        except (InvalidTag, ValueError) as problem:
            raise NoiseError("it does not authenticate") from problem
        if n is None:
            self.n += 1
        self.sealed += 1
        return plaintext

    def rekey(self) -> None:
        """Noise `Rekey()`: a new key from the old one; the nonce goes on."""
        self.key = self.next_key(self.key)
        self.sealed = 0

    def next_key(self, key: bytes) -> bytes:
        """The key that follows another one."""
        return self._aead(key).encrypt(self._nonce(MAX_NONCE), ZERO_KEY, b"")[:KEY]

    def copy(self) -> CipherState:
        """A second state with the same key and nonce."""
        return CipherState(self.cipher, self.key, self.n, self.sealed)

    def _aead(self, key: bytes) -> ChaCha20Poly1305 | AESGCM:
        return ChaCha20Poly1305(key) if self.cipher == "ChaChaPoly" else AESGCM(key)

    def _nonce(self, n: int) -> bytes:
        return bytes(4) + n.to_bytes(8, "little" if self.cipher == "ChaChaPoly" else "big")


def hkdf(key: bytes, material: bytes, outputs: int) -> list[bytes]:
    """Noise `HKDF`: `outputs` values of 32 bytes."""
    secret = hmac.digest(key, material, "sha256")
    made = [b""]
    for number in range(1, outputs + 1):
        made.append(hmac.digest(secret, made[-1] + bytes([number]), "sha256"))
    return made[1:]


class SymmetricState:
    """Noise section 5.2, with `h` and `ck` open."""

    def __init__(self, protocol_name: str, cipher: CipherName) -> None:
        name = protocol_name.encode()
        self.h = name.ljust(32, b"\0") if len(name) <= 32 else hashlib.sha256(name).digest()
        self.ck = self.h
        self.cipher = CipherState(cipher)

    def mix_hash(self, data: bytes) -> None:
        """`MixHash`."""
        self.h = hashlib.sha256(self.h + data).digest()

    def mix_key(self, material: bytes) -> None:
        """`MixKey`."""
        self.ck, key = hkdf(self.ck, material, 2)
        self._new_key(key)

    def mix_key_and_hash(self, material: bytes) -> None:
        """`MixKeyAndHash`, for pre-shared keys."""
        self.ck, hashed, key = hkdf(self.ck, material, 3)
        self.mix_hash(hashed)
        self._new_key(key)

    def seal(self, plaintext: bytes) -> bytes:
        """`EncryptAndHash`."""
        sealed = self.cipher.seal(plaintext, self.h)
        self.mix_hash(sealed)
        return sealed

    def open(self, ciphertext: bytes) -> bytes:
        """`DecryptAndHash`.

        Raises:
            NoiseError: It does not authenticate.
        """
        plaintext = self.cipher.open(ciphertext, self.h)
        self.mix_hash(ciphertext)
        return plaintext

    def split(self) -> tuple[CipherState, CipherState]:
        """`Split`: the initiator's sending state and the responder's. May be asked for at any time."""
        first, second = hkdf(self.ck, b"", 2)
        return CipherState(self.cipher.cipher, first), CipherState(self.cipher.cipher, second)

    def _new_key(self, key: bytes) -> None:
        self.cipher = CipherState(self.cipher.cipher, key)


@dataclass(frozen=True, slots=True)
class Setup:
    """What a handshake starts with.

    Args:
        pattern: Which messages there are.
        cipher: Which AEAD.
        initiator: Whether this side sends the first message.
        prologue: What both sides must have seen alike.
        static: This side's static key, for the XX patterns.
        psk: The pre-shared key, for the psk patterns.
        ephemeral: Makes an ephemeral key pair.
        hash_name: What the transcript hash begins with; the protocol name by default.
        key_name: What the chaining key begins with; the protocol name by default.
    """

    pattern: PatternName
    cipher: CipherName
    initiator: bool
    prologue: bytes
    static: KeyPair | None
    psk: bytes
    ephemeral: Callable[[], KeyPair] = field(repr=False)
    hash_name: str = ""
    key_name: str = ""

    @property
    def name(self) -> str:
        """The Noise protocol name."""
        return f"Noise_{self.pattern}_25519_{self.cipher}_SHA256"


class Handshake:
    """Noise section 5.3 for the patterns of SIPC/1."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.symmetric = SymmetricState(setup.hash_name or setup.name, setup.cipher)
        self.symmetric.ck = SymmetricState(setup.key_name or setup.name, setup.cipher).ck
        self.symmetric.mix_hash(setup.prologue)
        self.remote_static = b""
        self.remote_ephemeral = b""
        self.step = 0
        self._ephemeral: KeyPair | None = None
        self._psk_mode = "psk" in setup.pattern

    @property
    def done(self) -> bool:
        """Whether every message has been written or read."""
        return self.step == len(PATTERNS[self.setup.pattern])

    def write(self, payload: bytes = b"") -> bytes:
        """Make the next message.

        Raises:
            NoiseError: There is none.
        """
        out = b""
        for token in self._tokens():
            if token == "e":  # noqa: S105 - a token of a Noise pattern
                self._ephemeral = self.setup.ephemeral()
                out += self._ephemeral.public
                self._mix_ephemeral(self._ephemeral.public)
            elif token == "s":  # noqa: S105 - a token of a Noise pattern
                out += self.symmetric.seal(self._own_static().public)
            else:
                self._mix(token)
        self.step += 1
        return out + self.symmetric.seal(payload)

    def read(self, message: bytes) -> bytes:
        """Take the next message and return its payload.

        Raises:
            NoiseError: It is too short, does not authenticate, or is not due.
        """
        rest = message
        for token in self._tokens():
            if token == "e":  # noqa: S105 - a token of a Noise pattern
                self.remote_ephemeral, rest = _take(rest, KEY)
                self._mix_ephemeral(self.remote_ephemeral)
            elif token == "s":  # noqa: S105 - a token of a Noise pattern
                sealed, rest = _take(rest, KEY + (TAG if self.symmetric.cipher.key else 0))
                self.remote_static = self.symmetric.open(sealed)
            else:
                self._mix(token)
        self.step += 1
        return self.symmetric.open(rest)

    def _tokens(self) -> tuple[str, ...]:
        if self.done:
            raise NoiseError("the handshake has no further message")
        return PATTERNS[self.setup.pattern][self.step]

    def _mix_ephemeral(self, public: bytes) -> None:
        self.symmetric.mix_hash(public)
        if self._psk_mode:
            self.symmetric.mix_key(public)

    def _mix(self, token: str) -> None:
        if token == "psk":  # noqa: S105 - a token of a Noise pattern
            self.symmetric.mix_key_and_hash(self.setup.psk)
            return
        # The first letter names the initiator's key, the second the responder's.
        own, other = (token[0], token[1]) if self.setup.initiator else (token[1], token[0])
        pair = self._own_static() if own == "s" else self._ephemeral
        public = self.remote_static if other == "s" else self.remote_ephemeral
        if pair is None or not public:
            raise NoiseError(f"no keys for {token}")
        self.symmetric.mix_key(pair.exchange(public))

    def _own_static(self) -> KeyPair:
        if self.setup.static is None:
            raise NoiseError("this side has no static key")
        return self.setup.static


def _take(data: bytes, count: int) -> tuple[bytes, bytes]:
    if len(data) < count:
        raise NoiseError("the message is too short")
    return data[:count], data[count:]
