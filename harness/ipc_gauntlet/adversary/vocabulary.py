"""Words that the whole adversary uses, and the bounds within which it works."""

from dataclasses import dataclass
from typing import Literal

Direction = Literal["c2s", "s2c"]
"""`c2s`: from the client to the server. `s2c`: back."""

Side = Literal["client", "server"]
"""An end of a link. The client is the one that connected to the relay."""

Way = Literal["c2s", "s2c", "both"]
"""One direction or both of them."""

DIRECTIONS: tuple[Direction, Direction] = ("c2s", "s2c")
SENDER: dict[Direction, Side] = {"c2s": "client", "s2c": "server"}
RECEIVER: dict[Direction, Side] = {"c2s": "server", "s2c": "client"}
OPPOSITE: dict[Direction, Direction] = {"c2s": "s2c", "s2c": "c2s"}
FROM: dict[Side, Direction] = {"client": "c2s", "server": "s2c"}
TOWARD: dict[Side, Direction] = {"server": "c2s", "client": "s2c"}
OTHER: dict[Side, Side] = {"client": "server", "server": "client"}

KIB = 1024
MIB = 1024 * KIB


def directions(way: Way) -> tuple[Direction, ...]:
    """Return the directions that a way stands for."""
    return DIRECTIONS if way == "both" else (way,)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one relay.

    Args:
        frame: Longest frame in bytes; a direction that announces a longer one is not parsed any further.
        capture: Bytes kept for each link; later frames are numbered and acted upon, but not kept.
        buffered: Bytes that may wait for a receiver before its sender is not read from any more.
        quiescence_s: Silence, in seconds, that ends a frame where there is no framing.
        links: Connections that a relay accepts in its life.
    """

    frame: int = 16 * MIB
    capture: int = 8 * MIB
    buffered: int = 1 * MIB
    quiescence_s: float = 0.02
    links: int = 1024


DEFAULT_LIMITS = Limits()
