"""The adversary on the byte path: records, changes, withholds, repeats and invents what two ends say to each other."""

from ipc_gauntlet.adversary.capture import BY_HAND, Firing, TraceLine
from ipc_gauntlet.adversary.faults import (
    Cut,
    Delay,
    Drop,
    Duplicate,
    Edit,
    Fault,
    Flip,
    Hold,
    Inject,
    InjectOnOpen,
    Rechunk,
    Recorded,
    Redirect,
    Reflect,
    Replace,
    Selector,
    Stall,
    Swap,
    Takeover,
)
from ipc_gauntlet.adversary.frames import Frame, reframe
from ipc_gauntlet.adversary.framing import body_offset, framer_names
from ipc_gauntlet.adversary.link import Link
from ipc_gauntlet.adversary.rawpeer import RawPeer
from ipc_gauntlet.adversary.relay import Relay
from ipc_gauntlet.adversary.schedule import describe_fault, schedule_from_json, schedule_to_json
from ipc_gauntlet.adversary.vocabulary import Direction, Limits, Side, Way

__all__ = [
    "BY_HAND",
    "Cut",
    "Delay",
    "Direction",
    "Drop",
    "Duplicate",
    "Edit",
    "Fault",
    "Firing",
    "Flip",
    "Frame",
    "Hold",
    "Inject",
    "InjectOnOpen",
    "Limits",
    "Link",
    "RawPeer",
    "Rechunk",
    "Recorded",
    "Redirect",
    "Reflect",
    "Relay",
    "Replace",
    "Selector",
    "Side",
    "Stall",
    "Swap",
    "Takeover",
    "TraceLine",
    "Way",
    "body_offset",
    "describe_fault",
    "framer_names",
    "reframe",
    "schedule_from_json",
    "schedule_to_json",
]
