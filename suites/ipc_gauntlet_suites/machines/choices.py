"""Choices from the run's seed alone, so that a case that is replayed makes the same schedules again.

Hypothesis' own generator mixes in constants that it finds in whatever modules happen to be loaded, which differ
between a whole run and one case, and reads every source file of a checkout for them.
"""

import random
from typing import TYPE_CHECKING, ClassVar

from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, PrimitiveProvider

if TYPE_CHECKING:
    from hypothesis.internal.conjecture.data import ConjectureData
    from hypothesis.internal.intervalsets import IntervalSet

_NAME = "ipc-gauntlet"
_WIDE = 1 << 64
_LONGEST = 16


class SeededChoices(PrimitiveProvider):
    """A back end of Hypothesis that draws from one seeded stream. Failures are still shrunk by Hypothesis itself."""

    lifetime = "test_function"
    seed: ClassVar[int] = 0

    def __init__(self, conjecturedata: "ConjectureData | None", /) -> None:
        super().__init__(conjecturedata)
        self._random = random.Random(self.seed)  # noqa: S311 - reproducible choices, not secrets

    def draw_boolean(self, p: float = 0.5) -> bool:
        """See `PrimitiveProvider`."""
        return self._random.random() < p

    def draw_integer(
        self,
        min_value: int | None = None,
        max_value: int | None = None,
        *,
        weights: dict[int, float] | None = None,
        shrink_towards: int = 0,
    ) -> int:
        """See `PrimitiveProvider`."""
        if weights:
            rest = self._random.random()
            for value, weight in weights.items():
                rest -= weight
                if rest < 0:
                    return value
        if min_value is None:
            min_value = (shrink_towards if max_value is None else max_value) - _WIDE
        return self._random.randint(min_value, min_value + _WIDE if max_value is None else max_value)

    def draw_float(
        self,
        *,
        min_value: float = -1e308,
        max_value: float = 1e308,
        allow_nan: bool = True,
        smallest_nonzero_magnitude: float,
    ) -> float:
        """See `PrimitiveProvider`."""
        drawn = self._random.uniform(max(min_value, -1e300), min(max_value, 1e300))
        return drawn if abs(drawn) >= smallest_nonzero_magnitude else max(min_value, 0.0)

    def draw_string(self, intervals: "IntervalSet", *, min_size: int = 0, max_size: int = _LONGEST) -> str:
        """See `PrimitiveProvider`."""
        return "".join(
            chr(intervals[self._random.randrange(len(intervals))])
            for _ in range(self._size(min_size, max_size))
        )

    def draw_bytes(self, min_size: int = 0, max_size: int = _LONGEST) -> bytes:
        """See `PrimitiveProvider`."""
        return self._random.randbytes(self._size(min_size, max_size))

    def _size(self, low: int, high: int) -> int:
        return self._random.randint(low, max(low, min(high, _LONGEST)))


def seeded_backend(seed: int) -> str:
    """Start over with this seed; returns the name to give to `hypothesis.settings(backend=...)`."""
    SeededChoices.seed = seed
    AVAILABLE_PROVIDERS[_NAME] = f"{__name__}.{SeededChoices.__name__}"
    return _NAME
