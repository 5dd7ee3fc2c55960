"""One input for each planted bug, to know its signature. No engine sees them."""

import zlib

from benchmarks.planted import parser


def frame(kind: int, sequence: int, flags: int = 0, body: bytes = b"") -> bytes:
    """A valid frame of session 1."""
    head = (
        parser.MAGIC
        + bytes((parser.VERSION, kind, flags))
        + (1).to_bytes(4, "big")
        + sequence.to_bytes(4, "big")
    )
    text = head + len(body).to_bytes(2, "big") + body
    return text + zlib.crc32(text).to_bytes(4, "big")


INPUTS = (
    frame(parser.DEBUG, 0),
    frame(parser.HELLO, 0, body=b"\x80\x00\x06\x80\x00\x03\x01\x00\x09"),
    b"".join(
        (
            frame(parser.HELLO, 0),
            frame(parser.ACCEPT, 1),
            frame(parser.DATA, 2),
            frame(parser.DATA, 3),
            frame(parser.DATA, 4, parser.REKEY),
        )
    ),
)
"""In the order in which the parser's documentation names them."""
