"""Targets of the small parser: one that is right in all, and some that a campaign must not believe."""

import small_parser

from ipc_gauntlet.fuzz import Target


def _target(name: str, **changes: object) -> Target:
    usual: dict[str, object] = {
        "title": "A message of a length, a kind and a body.",
        "layer": "other",
        "parse": small_parser.parse,
        "rejects": (small_parser.Refused,),
        "measured": ("small_parser",),
        "seeds": lambda: (b"\x02\x03ab", b"\x00\x00"),
        "longest": 64,
    }
    return Target(name=name, **{**usual, **changes})  # type: ignore[arg-type]


TARGETS = (
    _target("small.right", reach=("small_parser:read",)),
    _target("small.other"),
    _target("small.third"),
    _target("small.swallows", rejects=(Exception,)),
)
