"""Every state of SIPC/1 times every message: what has to follow, derived from the rules of docs/sipc1.md.

States are those of the side that *receives*, the implementation under test; section 1, rule 2: what is not listed as
legal in a state is fatal. So the rules below list what is not, and everything else is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ipc_gauntlet.peer.config import PeerRole

State = Literal[
    "OFFERED", "RETRIED", "LISTENING", "RETRYING", "ANSWERED", "CONFIRMING", "OPEN", "CLOSING", "ENDING"
]
"""Section 8, and of a session: CONFIRMING (handshake done, no READY heard), OPEN, CLOSING (it sent CLOSE and waits for
the other), ENDING (it heard CLOSE)."""

MessageKind = Literal[
    "OFFER",
    "ACCEPT",
    "RETRY",
    "CHOICE",
    "REJECT",
    "MESSAGE3",
    "READY",
    "MSG",
    "PING",
    "PONG",
    "REKEY",
    "CLOSE",
    "ERROR",
    "UNKNOWN_FATAL",
    "UNKNOWN_IGNORABLE",
    "GARBAGE",
]

Effect = Literal["goes-on", "ends", "ignored", "fatal"]
"""`goes-on`: the next step is possible. `ends`: legal, and the last one. `ignored`: nothing follows. `fatal`: the
attempt fails, or the session ends, without anything delivered."""

STATES: dict[PeerRole, tuple[State, ...]] = {
    "initiator": ("OFFERED", "RETRIED", "CONFIRMING", "OPEN", "CLOSING", "ENDING"),
    "responder": ("LISTENING", "RETRYING", "ANSWERED", "CONFIRMING", "OPEN", "CLOSING", "ENDING"),
}
MESSAGES: tuple[MessageKind, ...] = MessageKind.__args__  # type: ignore[attr-defined]
HANDSHAKE_STATES: tuple[State, ...] = ("OFFERED", "RETRIED", "LISTENING", "RETRYING", "ANSWERED")
BOTH: tuple[PeerRole, ...] = ("initiator", "responder")


@dataclass(frozen=True, slots=True)
class Rule:
    """What is not fatal.

    Args:
        roles: Of the receiver.
        states: Of the receiver.
        messages: What arrives.
        effect: What has to follow.
        section: Where docs/sipc1.md says so.
    """

    roles: tuple[PeerRole, ...]
    states: tuple[State, ...]
    messages: tuple[MessageKind, ...]
    effect: Effect
    section: str


RULES: tuple[Rule, ...] = (
    Rule(("initiator",), ("OFFERED",), ("ACCEPT", "RETRY"), "goes-on", "8, table of the initiator"),
    Rule(("initiator",), ("OFFERED",), ("REJECT",), "ends", "8, table of the initiator"),
    Rule(("initiator",), ("RETRIED",), ("ACCEPT",), "goes-on", "8, table of the initiator"),
    Rule(("responder",), ("LISTENING",), ("OFFER",), "goes-on", "8, table of the responder"),
    Rule(("responder",), ("RETRYING",), ("CHOICE",), "goes-on", "8, table of the responder"),
    Rule(("responder",), ("ANSWERED",), ("MESSAGE3",), "goes-on", "8, table of the responder"),
    Rule(BOTH, ("CONFIRMING",), ("READY",), "goes-on", "10: READY is the first record of each direction"),
    Rule(BOTH, ("OPEN", "CLOSING"), ("MSG", "PING", "REKEY"), "goes-on", "10: then other records are legal"),
    Rule(BOTH, ("OPEN", "CLOSING"), ("UNKNOWN_IGNORABLE",), "ignored", "9: 0x80 to 0xFF, ignored whole"),
    Rule(BOTH, ("OPEN", "CLOSING"), ("CLOSE", "ERROR"), "ends", "12"),
    Rule(BOTH, ("ENDING",), MESSAGES, "ignored", "12: bytes behind a CLOSE are ignored"),
)

FATAL_BY_DEFAULT = "1, rule 2: what is not listed as legal in a state is fatal"


@dataclass(frozen=True, slots=True)
class Transition:
    """One cell of the table.

    Args:
        role: Of the receiver.
        state: Of the receiver.
        message: What arrives.
        effect: What has to follow.
        section: Where docs/sipc1.md says so.
    """

    role: PeerRole
    state: State
    message: MessageKind
    effect: Effect
    section: str

    @property
    def id(self) -> str:
        """For the id of a case: `answered-ready`."""
        return f"{self.state}-{self.message}".lower().replace("_", "-")


def transition(role: PeerRole, state: State, message: MessageKind) -> Transition:
    """Look one cell up."""
    for rule in RULES:
        if role in rule.roles and state in rule.states and message in rule.messages:
            return Transition(role, state, message, rule.effect, rule.section)
    return Transition(role, state, message, "fatal", FATAL_BY_DEFAULT)


def transitions(role: PeerRole | None = None, mode: str = "x509") -> Iterator[Transition]:
    """The whole table, or a role's part of it.

    Args:
        role: Of the receiver; both by default.
        mode: Under `psk` there is no third message, and so no state ANSWERED.
    """
    for one in BOTH if role is None else (role,):
        for state in STATES[one]:
            if state == "ANSWERED" and mode == "psk":
                continue
            for message in MESSAGES:
                yield transition(one, state, message)
