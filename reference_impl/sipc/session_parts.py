"""What a session starts from, and where it stands."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from sipc.events import Established
from sipc.noise import CipherState


class Phase(Enum):
    """Where a session stands."""

    CONFIRMING = "confirming"
    OPEN = "open"
    CLOSING = "closing"
    DRAINING = "draining"
    ENDING = "ending"
    CLOSED = "closed"


class Outcome(Protocol):
    """What a session needs of a finished handshake."""

    @property
    def send(self) -> CipherState:
        """Cipher of the records to the peer."""

    @property
    def receive(self) -> CipherState:
        """Cipher of the records from the peer."""


@dataclass(frozen=True, slots=True)
class Start:
    """How a session starts.

    Attributes:
        outcome: The two CipherStates.
        announces: Whether this side sends READY first (the initiator does).
        established: The event that tells the program.
        lifetime: Seconds after which the session must end.
        random: Draws bytes for references in errors.
        count: Told the name of what happened, for counters.
    """

    outcome: Outcome
    announces: bool
    established: Established
    lifetime: float
    random: Callable[[int], bytes]
    count: Callable[[str], None] = lambda name: None
