"""Where keys and random bytes come from: always from outside.

The core draws nothing itself, so that a handshake can be replayed byte for byte. A program passes an `Entropy` on
top of its operating system's generator; tests and the golden sessions pass a `ScriptedEntropy`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from sipc.errors import LocalError


class Entropy(Protocol):
    """A source of secrets. An implementation that cannot deliver must raise, never return less."""

    def private_key(self) -> bytes:
        """Return 32 fresh random bytes to be used as an X25519 private key."""
        ...

    def random(self, n: int) -> bytes:
        """Return `n` fresh random bytes."""
        ...


class ScriptedEntropy:
    """Replays given values; for tests and golden sessions only.

    Args:
        private_keys: What `private_key` returns, in order.
        stream: Where `random` takes its bytes from, in order.

    Raises:
        LocalError: A value was asked for after the script's end.
    """

    __slots__ = ("_keys", "_stream")

    def __init__(self, private_keys: Iterable[bytes], stream: bytes = b"") -> None:
        self._keys = iter(tuple(private_keys))
        self._stream = stream

    def private_key(self) -> bytes:
        """See `Entropy.private_key`."""
        key = next(self._keys, None)
        if key is None:
            raise LocalError("the entropy script has no private key left")
        return key

    def random(self, n: int) -> bytes:
        """See `Entropy.random`."""
        if n > len(self._stream):
            raise LocalError(f"the entropy script has only {len(self._stream)} of {n} bytes left")
        taken, self._stream = self._stream[:n], self._stream[n:]
        return taken
