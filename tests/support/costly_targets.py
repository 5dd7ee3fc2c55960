"""Parsers that are slow, greedy or forgetful on purpose, and honest ones, to be written into a folder by `flawed_targets`."""

from __future__ import annotations

PARSERS = '''
import functools

class Refused(Exception):
    pass

def checked(data):
    if not data or data[0] > 0xF0:
        raise Refused("first")
    return data

def linear(data):
    return [byte + 1 for byte in checked(data)]

def sorting(data):
    items = list(checked(data))
    width = 1
    while width < len(items):
        merged = []
        for begin in range(0, len(items), 2 * width):
            merged += sorted(items[begin:begin + 2 * width])
        items = merged
        width *= 2
    return items

def pairs(data):
    """Quadratic in lines."""
    found = 0
    for byte in checked(data):
        for other in data:
            found += byte == other
    return found

def slices(data):
    """Quadratic in copies, linear in lines."""
    rest = checked(data)
    while rest:
        rest = rest[1:]
    return None

def prefixes(data):
    """Quadratic in memory."""
    return [data[:end] for end in range(len(checked(data)))]

def reserving(data):
    """Believes a length."""
    size = int.from_bytes(checked(data)[1:4], "big")
    buffer = bytearray(size)
    return bytes(buffer[:1])

def counting(data):
    """Believes a number of rounds."""
    rounds = int.from_bytes(checked(data)[1:4], "big")
    total = 0
    while rounds > 0:
        total += rounds
        rounds -= 1
    return total

log = []

def remembering(data):
    log.append(bytes(data))
    return checked(data)

@functools.lru_cache(maxsize=300)
def cached(data):
    return data * 2

def caching(data):
    cached(data)
    return checked(data)
'''

NAMES = (
    "linear",
    "sorting",
    "pairs",
    "slices",
    "prefixes",
    "reserving",
    "counting",
    "remembering",
    "caching",
)

TARGETS = f"""
import flawed_parsers
from ipc_gauntlet.fuzz import Target

TARGETS = [
    Target(name="t." + name, title=name, layer="other", parse=getattr(flawed_parsers, name),
           rejects=(flawed_parsers.Refused,), measured=("flawed_parsers",),
           seeds=lambda: (b"\\x01\\x02\\x03", b"\\xf1\\x00", b"\\x01\\x30\\x00\\x00"))
    for name in {NAMES!r}
]
"""
