"""The format of `fuzz_demo`."""


class Refused(Exception):
    """Not this format."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse(data: bytes) -> bytes:
    """Take a length and as many bytes."""
    if not data:
        raise Refused("empty")
    length = data[0]
    if length > 32:
        raise Refused("too long")
    if len(data) != length + 1:
        raise Refused("length")
    if length == 7 and data[1] == 0x78:
        return bytes([data[1 + data[2]]])
    return data[1:]
