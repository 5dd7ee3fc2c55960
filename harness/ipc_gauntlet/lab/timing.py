"""Bounds for cases that measure real time.

Lower bounds are sound (the start is stamped before the stimulus, the end when the event is seen), so a premature
timer is never a false alarm. Upper bounds are generous and grow with the noise measured on this machine.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

RESOLUTION_S = 0.020 if sys.platform == "win32" else 0.002
SAMPLES = 200
AGAIN = 20
SLEEP_S = 0.001


@dataclass(frozen=True, slots=True)
class Noise:
    """What waiting costs on this machine.

    Args:
        overshoot_s: High quantile of how much later than asked a short sleep returned, in seconds.
        scale: Factor for slow machines, from `IPC_GAUNTLET_TIME_SCALE`.
    """

    overshoot_s: float
    scale: float = 1.0

    def upper(self, timeout_s: float) -> float:
        """The latest moment at which a time-out of `timeout_s` seconds may be noticed; never below 2 s."""
        return (3 * timeout_s + 20 * self.overshoot_s + 2.0) * self.scale

    def lower(self, timeout_s: float) -> float:
        """The earliest moment at which it may be noticed."""
        return timeout_s - RESOLUTION_S

    def drowns(self, timeout_s: float) -> bool:
        """Whether the noise is too large to say anything about such a time-out."""
        return self.overshoot_s > timeout_s / 2


def measure_noise(scale: float = 1.0, samples: int = SAMPLES) -> Noise:
    """Sleep briefly many times and take the second-worst overshoot."""
    late: list[float] = []
    for _ in range(samples):
        start = time.monotonic()
        time.sleep(SLEEP_S)
        late.append(time.monotonic() - start - SLEEP_S)
    return Noise(max(0.0, sorted(late)[-2]), scale)
