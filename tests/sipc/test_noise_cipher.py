"""The CipherState object: Noise revision 34, section 5.1."""

import pytest

from sipc.errors import IntegrityError, LimitError, LocalError
from sipc.noise import RESERVED_NONCE, Cipher, CipherState

CIPHERS = pytest.mark.parametrize("cipher", list(Cipher), ids=lambda cipher: cipher.label)


def pair(cipher: Cipher) -> tuple[CipherState, CipherState]:
    return CipherState(cipher, bytes(range(32))), CipherState(cipher, bytes(range(32)))


@CIPHERS
def test_a_failed_decrypt_changes_nothing(cipher: Cipher) -> None:
    """A forged message neither moves the nonce nor stops the genuine one from being accepted."""
    sender, receiver = pair(cipher)
    sealed = sender.encrypt(b"hello", b"ad")
    for forged in (sealed[:-1], sealed + b"\0", bytes([sealed[0] ^ 1]) + sealed[1:], sealed[-16:], b""):
        with pytest.raises(IntegrityError):
            receiver.decrypt(forged, b"ad")
    with pytest.raises(IntegrityError):
        receiver.decrypt(sealed, b"AD")
    assert receiver.nonce == 0
    assert receiver.decrypt(sealed, b"ad") == b"hello"
    assert receiver.nonce == 1


@CIPHERS
def test_every_shortened_tag_is_refused(cipher: Cipher) -> None:
    """A message of which 1 to 16 tag bytes are missing is never authentic."""
    sender, receiver = pair(cipher)
    sealed = sender.encrypt(b"")
    assert len(sealed) == 16
    for kept in range(16):
        with pytest.raises(IntegrityError):
            receiver.decrypt(sealed[:kept])
    assert receiver.decrypt(sealed) == b""


@CIPHERS
def test_the_last_nonce_is_reserved(cipher: Cipher) -> None:
    """Neither side ever processes a message under the nonce that Rekey uses."""
    sender, receiver = pair(cipher)
    sender.nonce = receiver.nonce = RESERVED_NONCE - 1
    sealed = sender.encrypt(b"last")
    assert receiver.decrypt(sealed) == b"last"
    with pytest.raises(LocalError):
        sender.encrypt(b"one too many")
    with pytest.raises(LimitError):
        receiver.decrypt(sealed)
    assert sender.nonce == receiver.nonce == RESERVED_NONCE


@CIPHERS
def test_rekey_changes_the_key_and_keeps_the_nonce(cipher: Cipher) -> None:
    """After Rekey the counter goes on, and the old key opens nothing any more."""
    sender, receiver = pair(cipher)
    receiver.decrypt(sender.encrypt(b"before"))
    sender.rekey()
    assert sender.nonce == 1
    sealed = sender.encrypt(b"after")
    with pytest.raises(IntegrityError):
        receiver.decrypt(sealed)
    receiver.rekey()
    assert receiver.decrypt(sealed) == b"after"


@CIPHERS
@pytest.mark.parametrize("length", [0, 16, 24, 31, 33, 64])
def test_only_32_byte_keys_are_accepted(cipher: Cipher, length: int) -> None:
    """A shorter AES key would be a different cipher, so it is refused."""
    with pytest.raises(LocalError):
        CipherState(cipher, bytes(length))
