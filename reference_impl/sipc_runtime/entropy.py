"""Secrets from the operating system."""

import os

from sipc.errors import LocalError
from sipc_runtime.faults import FAULTS


class SystemEntropy:
    """The operating system's generator, as the core wants it (`sipc.entropy.Entropy`)."""

    __slots__ = ()

    def private_key(self) -> bytes:
        """Return 32 fresh random bytes."""
        return self.random(32)

    def random(self, n: int) -> bytes:
        """Return `n` fresh random bytes.

        Raises:
            LocalError: There are none.
        """
        data = b"" if FAULTS.armed and FAULTS.hit("entropy") else os.urandom(n)
        if len(data) != n:
            raise LocalError("the operating system gives no random bytes")
        return data


SYSTEM_ENTROPY = SystemEntropy()
"""The generator that everything uses unless it is given another."""
