"""What a program decides about its connections."""

from dataclasses import dataclass, field

from sipc.control import Ready
from sipc.timers import Timeouts

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits and times of one connection.

    Attributes:
        timeouts: Length of every timer.
        max_message: Longest message taken from a peer, in bytes.
        max_inflight: How many requests of a peer are worked on at once.
        rekey_after_records: Records under one sending key.
        rekey_after_octets: Bytes under one sending key.
        datagram: Profile D: records may be lost and arrive in any order.
        epoch_bits: Profile D: how many records share a key, as a power of two.
        verifies: The program verifies signed messages; otherwise they are refused.
    """

    timeouts: Timeouts = field(default_factory=Timeouts)
    max_message: int = 1 << 20
    max_inflight: int = 64
    rekey_after_records: int = 1 << 20
    rekey_after_octets: int = 1 << 30
    datagram: bool = False
    epoch_bits: int = 20
    verifies: bool = False

    def ready(self) -> Ready:
        """What these settings announce to a peer."""
        return Ready(
            max_message=self.max_message,
            max_inflight=self.max_inflight,
            rekey_after_records=self.rekey_after_records,
            idle_ms=max(1, min(_DAY_MS, int(self.timeouts.idle * 1000))),
        )
