"""A parser with a bug that bytes find at once."""


class Refused(Exception):
    """What it says to bad input."""


def parse(data: bytes) -> int:
    """Read one message."""
    if not data:
        raise Refused("empty")
    if data[0] == 7:
        return 100 // (data[1] - data[1])
    if data[0] > 128:
        raise Refused("large")
    return data[0]
