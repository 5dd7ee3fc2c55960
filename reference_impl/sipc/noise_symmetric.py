"""Noise revision 34, sections 4.3 and 5.2: key derivation and the SymmetricState object, with SHA-256."""

from __future__ import annotations

from hashlib import sha256

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sipc.noise import Cipher, CipherState

_SHA256 = SHA256()


def _hkdf(chaining_key: bytes, material: bytes, outputs: int) -> list[bytes]:
    """`HKDF`, which is that of RFC 5869 with the chaining key as salt and no info."""
    derived = HKDF(_SHA256, 32 * outputs, chaining_key, b"").derive(material)
    return [derived[start : start + 32] for start in range(0, len(derived), 32)]


class SymmetricState:
    """Chaining key, transcript hash and, once there is a key, its cipher (section 5.2)."""

    __slots__ = ("_chaining_key", "_cipher", "_cipher_state", "hash")

    def __init__(self, name: bytes, cipher: Cipher) -> None:
        self.hash = name.ljust(32, b"\0") if len(name) <= 32 else sha256(name).digest()
        self._chaining_key = self.hash
        self._cipher = cipher
        self._cipher_state: CipherState | None = None

    @property
    def has_key(self) -> bool:
        """Whether payloads and static keys are encrypted by now."""
        return self._cipher_state is not None

    def mix_key(self, material: bytes) -> None:
        """`MixKey`."""
        self._chaining_key, key = _hkdf(self._chaining_key, material, 2)
        self._cipher_state = CipherState(self._cipher, key)

    def mix_hash(self, data: bytes) -> None:
        """`MixHash`."""
        self.hash = sha256(self.hash + data).digest()

    def mix_key_and_hash(self, material: bytes) -> None:
        """`MixKeyAndHash`."""
        self._chaining_key, extra, key = _hkdf(self._chaining_key, material, 3)
        self.mix_hash(extra)
        self._cipher_state = CipherState(self._cipher, key)

    def encrypt_and_hash(self, plaintext: bytes) -> bytes:
        """`EncryptAndHash`."""
        cipher = self._cipher_state
        ciphertext = plaintext if cipher is None else cipher.encrypt(plaintext, self.hash)
        self.mix_hash(ciphertext)
        return ciphertext

    def decrypt_and_hash(self, ciphertext: bytes) -> bytes:
        """`DecryptAndHash`; raises IntegrityError."""
        cipher = self._cipher_state
        plaintext = ciphertext if cipher is None else cipher.decrypt(ciphertext, self.hash)
        self.mix_hash(ciphertext)
        return plaintext

    def split(self) -> tuple[CipherState, CipherState]:
        """`Split`: the initiator's sending and the responder's sending cipher."""
        first, second = _hkdf(self._chaining_key, b"", 2)
        return CipherState(self._cipher, first), CipherState(self._cipher, second)
