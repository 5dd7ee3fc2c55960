"""A parser to fuzz: a length, a kind, a body. It has checks enough for canaries, and is right."""


class Refused(Exception):
    """What it says to bad input."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse(data: bytes) -> tuple[int, bytes]:
    """Read one message."""
    if len(data) < 2:
        raise Refused("short")
    length, kind = data[0], data[1]
    if kind > 3:
        raise Refused("kind")
    body = data[2:]
    if length != len(body):
        raise Refused("length")
    return read(kind, body)


def read(kind: int, body: bytes) -> tuple[int, bytes]:
    """Read the body of a message."""
    if kind == 0 and body:
        raise Refused("empty")
    if kind == 1 and body[:1] != b"x":
        raise Refused("sign")
    if kind == 2 and sum(body) % 7 == 3:
        raise Refused("sum")
    return kind, body
