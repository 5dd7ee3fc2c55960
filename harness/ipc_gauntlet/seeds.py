"""One seed reproduces a run: every random choice is derived from it by name, never drawn from a shared stream.

Deriving by name means that a case run alone makes the same choices as in the whole run, whatever ran before it.
"""

import hashlib
import random


def derive_bytes(seed: int, *labels: str, length: int = 32) -> bytes:
    """Derive bytes from a seed and a path of labels.

    Args:
        seed: The run's seed.
        *labels: Names that say what the bytes are for; their order matters.
        length: How many bytes to return.

    Returns:
        The same bytes for the same arguments, on every platform and Python version.
    """
    context = "\x1f".join((str(seed), *labels)).encode()
    return hashlib.shake_256(b"ipc-gauntlet/1\x00" + context).digest(length)


def derive_random(seed: int, *labels: str) -> random.Random:
    """Return a random generator that depends on the seed and the labels only (see `derive_bytes`)."""
    return random.Random(derive_bytes(seed, *labels))  # noqa: S311 - reproducible choices, not secrets


def derive_int(seed: int, *labels: str) -> int:
    """Derive a non-negative 63-bit integer (see `derive_bytes`)."""
    return int.from_bytes(derive_bytes(seed, *labels, length=8)) >> 1
