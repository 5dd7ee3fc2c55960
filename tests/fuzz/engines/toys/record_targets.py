"""The reference's records, for a parser in C beside them."""

from __future__ import annotations

from ipc_gauntlet.fuzz import Target
from sipc import records
from sipc.errors import MalformedError, ProtocolError
from sipc_driver.parsers import PARSERS

TARGETS = (
    Target(
        name="toy.record",
        title="Records.",
        layer="record",
        parse=records.parse_plaintext,
        rejects=(MalformedError, ProtocolError),
        measured=("sipc.records",),
        seeds=lambda: (b"\0\7\2\3HELLO", b"\0\3\1\0A"),
        reference_parser="record",
        told=PARSERS["record"],
        longest=256,
    ),
)
