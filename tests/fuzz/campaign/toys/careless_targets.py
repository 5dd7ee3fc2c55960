"""The target of the careless parser."""

import careless_parser

from ipc_gauntlet.fuzz import Target

TARGETS = (
    Target(
        name="careless",
        title="One byte and what it stands for.",
        layer="other",
        parse=careless_parser.parse,
        rejects=(careless_parser.Refused,),
        measured=("careless_parser",),
        seeds=lambda: (b"\x01", b"\x90"),
        longest=32,
    ),
)
