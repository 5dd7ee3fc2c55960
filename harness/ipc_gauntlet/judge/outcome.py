"""What one session came to: the value every check looks at.

An outcome holds what the wire and both drivers showed, and what the script sent. It is a plain value so that the
judge can be tested with outcomes written by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["c2s", "s2c"]
Role = Literal["client", "server"]
CLIENT: Role = "client"
SERVER: Role = "server"


def receiver(direction: Direction) -> Role:
    """The role that receives what travels in a direction."""
    return "server" if direction == "c2s" else "client"


def sender(direction: Direction) -> Role:
    """The role that sends what travels in a direction."""
    return "client" if direction == "c2s" else "server"


@dataclass(frozen=True, slots=True)
class Identity:
    """How one end saw an established session: everything both ends must agree on."""

    peer: str | None = None
    version: str | None = None
    suite: str | None = None
    binding: bytes | None = None
    credential: str | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session ended for the application of one end."""

    how: str
    reason: str = "unspecified"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class EndView:
    """What the driver of one end told about one session.

    Args:
        established: One entry for each time the end called the session authenticated.
        delivered: Payloads handed to the application, in order.
        endings: One entry for each time the end reported that the session was over.
        refusals: `(stage, reason)` of each reported refusal.
        executed: `(operation, payload)` of each executed operation of the test application.
        send_failures: Reason classes of sending calls that failed.
    """

    established: tuple[Identity, ...] = ()
    delivered: tuple[bytes, ...] = ()
    endings: tuple[Ending, ...] = ()
    refusals: tuple[tuple[str, str], ...] = ()
    executed: tuple[tuple[str, bytes], ...] = ()
    send_failures: tuple[str, ...] = ()

    @property
    def ending(self) -> Ending | None:
        """The first report that the session was over."""
        return self.endings[0] if self.endings else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One session's observations.

    Args:
        client: The client's view.
        server: The server's view.
        sent: For each direction the payloads whose sending was attempted, in order.
        stage: How far the session came: `transport`, `handshake`, `established`, `closing`.
        wire: For each direction the concatenated bytes the sender put on the wire.
    """

    client: EndView = EndView()
    server: EndView = EndView()
    sent: dict[Direction, tuple[bytes, ...]] = field(default_factory=lambda: {"c2s": (), "s2c": ()})
    stage: str = "transport"
    wire: dict[Direction, bytes] = field(default_factory=lambda: {"c2s": b"", "s2c": b""})

    def end(self, role: Role) -> EndView:
        """The view of one end."""
        return self.client if role == "client" else self.server

    def delivered(self, direction: Direction) -> tuple[bytes, ...]:
        """What arrived at the application in a direction."""
        return self.end(receiver(direction)).delivered
