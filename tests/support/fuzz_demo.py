"""A small format with a bug, as fuzz targets: used where a test needs something to find."""

from fuzz_demo_parser import Refused, parse

from ipc_gauntlet.fuzz import Target

TARGETS = (
    Target(
        name="demo.length",
        title="A length and as many bytes; a length of 7 with a first byte of 'x' is a bug.",
        layer="frame",
        parse=parse,
        rejects=(Refused,),
        measured=("fuzz_demo_parser",),
        seeds=lambda: (b"\x03abc", b"\x00"),
        reach=("fuzz_demo_parser:parse",),
    ),
)
