"""A parser that dies, hangs and eats, each for a byte of its own."""

import os
import re
import time


class Refused(Exception):
    """What it says to bad input."""


_kept: list[bytearray] = []
_SLOW = re.compile(rb"(a+)+$")


def parse(data: bytes) -> int:
    """Read one message."""
    if len(data) < 2:
        raise Refused("short")
    if data[0] == 1:
        os.abort()
    if data[0] == 2:
        while True:
            time.sleep(0)
    if data[0] == 3:
        while True:
            _kept.append(bytearray(1 << 22))
    if data[0] == 4:
        # Keeps the interpreter to itself, and any watch within this process out.
        _SLOW.match(b"a" * 64 + b"b")
    if data[0] > 100:
        raise Refused("large")
    return data[0]
