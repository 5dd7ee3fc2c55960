"""Parameters of `configure`: what a test has an implementation do besides talking (driver protocol, section 7)."""

from typing import Annotated, Literal

import msgspec

from ipc_gauntlet.driver.identities import Trust
from ipc_gauntlet.driver.statement import Text
from ipc_gauntlet.driver.values import Base
from ipc_gauntlet.driver.vocabulary import CredentialKind

Counter = Annotated[int, msgspec.Meta(ge=0)]


class Action(Base, frozen=True, kw_only=True, tag_field="action"):
    """What all actions have in common."""


class Rekey(Action, frozen=True, kw_only=True, tag="rekey"):
    """Start sending under a new key."""

    conn: Text


class Revoke(Action, frozen=True, kw_only=True, tag="revoke"):
    """Refuse a name from now on and end its sessions, on a listener or on a connection (feature `revocation`)."""

    name: Text
    listener: str | None = None
    conn: str | None = None


class Policy(Action, frozen=True, kw_only=True, tag="policy"):
    """Give a listener a new policy for later handshakes; absent members stay as they are (feature `reload`)."""

    listener: Text
    suites: tuple[str, ...] | None = None
    versions: tuple[int, int] | None = None
    trust: Trust | None = None
    peer: str | None = None


class Grant(Action, frozen=True, kw_only=True, tag="grant"):
    """Give a principal a role on a listener (feature `authorization`)."""

    listener: Text
    name: Text
    role: Text
    credential: CredentialKind | None = None


class Withdraw(Action, frozen=True, kw_only=True, tag="withdraw"):
    """Take a role away again (feature `authorization`)."""

    listener: Text
    name: Text
    role: Text
    credential: CredentialKind | None = None


class Cancel(Action, frozen=True, kw_only=True, tag="cancel"):
    """Cancel the request that was sent with this tag (feature `cancel`)."""

    conn: Text
    tag: Text


class OpenGate(Action, frozen=True, kw_only=True, tag="open-gate"):
    """Let the `gated` operations of a listener go on (feature `gate`)."""

    listener: Text


class StepWall(Action, frozen=True, kw_only=True, tag="step-wall"):
    """Move wall time and nothing else, also backwards (feature `virtual-clock`)."""

    ms: int


class Arm(Action, frozen=True, kw_only=True, tag="arm"):
    """Have something go wrong, once, at a point that the statement lists in `faults` (feature `faults`)."""

    point: Text
    what: Literal["kill", "raise", "hang", "none"]


class SetCounter(Action, frozen=True, kw_only=True, tag="set-counter"):
    """Set the counter of records or of messages of one direction of a connection (feature `debug`)."""

    conn: Text
    direction: Literal["send", "receive"]
    value: Counter
    of: Literal["records", "messages"] = "records"


ACTIONS = Rekey | Revoke | Policy | Grant | Withdraw | Cancel | OpenGate | StepWall | Arm | SetCounter
"""Every action."""
