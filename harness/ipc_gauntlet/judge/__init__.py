"""The judge: from observations to verdicts. Pure functions over values; no I/O, no clock."""

from ipc_gauntlet.judge import checks
from ipc_gauntlet.judge.outcome import CLIENT, SERVER, Direction, EndView, Outcome, Role, receiver, sender
from ipc_gauntlet.judge.ruling import Check, Finding, require

__all__ = [
    "CLIENT",
    "SERVER",
    "Check",
    "Direction",
    "EndView",
    "Finding",
    "Outcome",
    "Role",
    "checks",
    "receiver",
    "require",
    "sender",
]
