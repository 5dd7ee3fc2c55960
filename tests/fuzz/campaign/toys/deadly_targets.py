"""Targets of the deadly parser: one for each way to go."""

from collections.abc import Callable

import deadly_parser

from ipc_gauntlet.fuzz import Target


def _only(first: int) -> Callable[[bytes], int]:
    def parse(data: bytes) -> int:
        if data[:1] in (b"\x01", b"\x02", b"\x03", b"\x04") and data[0] != first:
            raise deadly_parser.Refused("not here")
        return deadly_parser.parse(data)

    return parse


TARGETS = tuple(
    Target(
        name=f"deadly.{name}",
        title="One byte, and what it does to us.",
        layer="other",
        parse=_only(first),
        rejects=(deadly_parser.Refused,),
        measured=("deadly_parser",),
        seeds=lambda: (b"\x09\x09", b"\x90\x90"),
        longest=16,
    )
    for name, first in (("dies", 1), ("hangs", 2), ("eats", 3), ("sticks", 4))
)
