"""Parsers that do one thing wrong each."""

import enum
import re
import time

KEPT: list[bytes] = []
REMEMBERED: dict[bytes, int] = {}
KNOWN: dict[bytes, int] = {}
CRUEL = re.compile(rb"(a+)+b")


class Refused(Exception):
    """As specified."""


class Kind(enum.Enum):
    """Kinds of messages."""

    OPEN = 0x1234
    SHUT = 0xBEEF


TABLE = {b"alpha": 1, b"omega": 2}


def steps(data: bytes) -> int:
    """Each step needs a value that no luck finds: a word, a number, a key, an enumeration, a case, a prefix."""
    if data[:4] != b"MAGI":
        raise Refused("magic")
    if int.from_bytes(data[4:8], "little") != 0xDEADBEEF:
        raise Refused("number")
    if data[8:13] not in TABLE:
        raise Refused("key")
    try:
        kind = Kind(int.from_bytes(data[13:15], "big"))
    except ValueError:
        raise Refused("kind") from None
    match data[15:18].decode("latin-1"):
        case "yes" | "jes":
            pass
        case _:
            raise Refused("case")
    if not data[18:].startswith(b"tail:"):
        raise Refused("tail")
    raise ZeroDivisionError(kind.name)


def sums(data: bytes) -> int:
    """A checksum over what is before."""
    if len(data) < 6:
        raise Refused("short")
    if int.from_bytes(data[-4:], "big") != sum(byte * 1000003 for byte in data[:-4]) & 0xFFFFFFFF:
        raise Refused("sum")
    if data[0] == data[1]:
        raise LookupError("two alike")
    return len(data)


def numbers(data: bytes) -> tuple[int, ...]:
    """Decimal numbers with commas between; leading zeros are not refused, which makes some input not canonical."""
    if not data or not re.fullmatch(rb"[0-9]{1,6}(,[0-9]{1,6})*", data):
        raise Refused("syntax")
    return tuple(int(part) for part in data.split(b","))


def written(value: tuple[int, ...]) -> bytes:
    """The encoding."""
    return ",".join(map(str, value)).encode()


def leaks(data: bytes) -> None:
    """A refusal leaves something behind."""
    if data[:1] == b"k":
        KEPT.append(data)
    raise Refused("always")


def remembers(data: bytes) -> int:
    """A refusal is remembered by its input: the second time nothing is added."""
    if data[:1] == b"k":
        KNOWN[data] = 1  # of what is accepted something may be kept
        return len(data)
    REMEMBERED[data] = 1
    raise Refused("always")


def quits(data: bytes) -> None:
    """Exceptions of all kinds."""
    if data[:1] == b"q":
        raise SystemExit(3)
    if data[:1] == b"r":
        quits(data)
    raise Refused("always")


def spins(data: bytes) -> int:
    """Never ends."""
    count = 0
    while data[:1] == b"h":
        count = _turn(count)
    raise Refused("always")


def _turn(count: int) -> int:
    return (count + 1) % 7 if count else 1


def waits(data: bytes) -> None:
    """Waits for what never comes."""
    if data[:1] == b"h":
        _wait()
    raise Refused("always")


def _wait() -> None:
    time.sleep(3600)


def backtracks(data: bytes) -> None:
    """A regular expression that takes seconds, and lets nobody else run."""
    if data[:1] == b"h":
        CRUEL.match(b"a" * 24)
    raise Refused("always")


def grows(data: bytes) -> None:
    """Takes memory until there is none."""
    taken = []
    while data[:1] == b"m":
        taken.append(bytearray(1 << 20))
        for at in range(0, 1 << 20, 4096):
            taken[-1][at] = 1
        time.sleep(0.002)
    raise Refused("always")


def slowly(data: bytes) -> None:
    """Does nothing wrong, for as long as somebody wants."""
    if len(data) > 3 and data[2] == data[1]:
        raise Refused("alike")
    raise Refused("always")
