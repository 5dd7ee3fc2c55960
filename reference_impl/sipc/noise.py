"""Noise revision 34, section 5.1: ciphers and the CipherState object.

Rule of this file: one CipherState is one key in one direction. Its nonce only ever grows, 2^64-1 is never used for
data, and a failed `decrypt` changes nothing. It is the hot path of every record, so the AEAD object and its bound
methods are made once for each key.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from sipc.errors import IntegrityError, LimitError, LocalError

Buffer = bytes | bytearray | memoryview

KEY_LENGTH = 32
TAG_LENGTH = 16
RESERVED_NONCE = 2**64 - 1  # section 5.1: reserved for Rekey
MAX_MESSAGE = 65535  # section 3


class _Aead(Protocol):
    def encrypt(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None, /) -> bytes: ...

    def decrypt(self, nonce: Buffer, data: Buffer, associated_data: Buffer | None, /) -> bytes: ...


class Cipher(Enum):
    """The AEAD ciphers of section 12 by their Noise names; `nonce` is the layout of the 96-bit nonce."""

    CHACHAPOLY = ("ChaChaPoly", ChaCha20Poly1305, "<4xQ")
    AESGCM = ("AESGCM", AESGCM, ">4xQ")

    def __init__(self, label: str, aead: Callable[[bytes], _Aead], nonce: str) -> None:
        self.label = label
        self.aead = aead
        self.nonce: Callable[[int], bytes] = struct.Struct(nonce).pack


class CipherState:
    """One direction's key and nonce.

    Args:
        cipher: Which AEAD the key is for.
        key: 32 bytes.

    Attributes:
        nonce: Number of messages processed under all keys of this direction (`rekey` does not reset it).
    """

    __slots__ = ("_cipher", "_open", "_pack", "_seal", "nonce")

    def __init__(self, cipher: Cipher, key: bytes) -> None:
        self._cipher = cipher
        self._pack = cipher.nonce
        self.nonce = 0
        self._set_key(key)

    def encrypt(self, plaintext: Buffer, ad: Buffer | None = None) -> bytes:
        """Encrypt one message (`EncryptWithAd`).

        Raises:
            LocalError: All nonces are used up.
        """
        nonce = self.nonce
        if nonce >= RESERVED_NONCE:
            raise LocalError("all nonces of this key are used up", reason="limit")
        ciphertext = self._seal(self._pack(nonce), plaintext, ad)
        self.nonce = nonce + 1
        return ciphertext

    def decrypt(self, ciphertext: Buffer, ad: Buffer | None = None) -> bytes:
        """Decrypt one message (`DecryptWithAd`).

        Raises:
            IntegrityError: The message is not authentic; the state is unchanged.
            LimitError: All nonces are used up.
        """
        nonce = self.nonce
        if nonce >= RESERVED_NONCE:
            raise LimitError("all nonces of this key are used up")
        try:
            plaintext = self._open(self._pack(nonce), ciphertext, ad)
        except InvalidTag:
            raise IntegrityError("message authentication failed") from None
        self.nonce = nonce + 1
        return plaintext

    def rekey(self) -> None:
        """Replace the key by `REKEY(k)` (section 4.2); the nonce goes on."""
        self._set_key(self._seal(self._pack(RESERVED_NONCE), bytes(KEY_LENGTH), None)[:KEY_LENGTH])

    def _set_key(self, key: bytes) -> None:
        if len(key) != KEY_LENGTH:
            raise LocalError(f"a cipher key has {KEY_LENGTH} bytes, not {len(key)}")
        aead = self._cipher.aead(key)
        self._seal = aead.encrypt
        self._open = aead.decrypt
