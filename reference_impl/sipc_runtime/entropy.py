"""Secrets from the operating system."""

import os


class SystemEntropy:
    """The operating system's generator, as the core wants it (`sipc.entropy.Entropy`)."""

    __slots__ = ()

    def private_key(self) -> bytes:
        """Return 32 fresh random bytes."""
        return os.urandom(32)

    def random(self, n: int) -> bytes:
        """Return `n` fresh random bytes."""
        return os.urandom(n)


SYSTEM_ENTROPY = SystemEntropy()
"""The generator that everything uses unless it is given another."""
