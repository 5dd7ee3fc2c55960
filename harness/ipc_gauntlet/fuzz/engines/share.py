"""How often each way of making inputs is used: the more it brought lately, the more often; never not at all."""

from __future__ import annotations

_LEAST = 0.1
_HALVED_AFTER = 1 << 14
_DOUBT = 64


class Share:
    """Counts what each way cost and brought. Without a clock, so that a run can be repeated.

    Args:
        names: Of the ways; at least one.
    """

    def __init__(self, *names: str) -> None:
        self._names = names
        self._tried = dict.fromkeys(names, 0.0)
        self._brought = dict.fromkeys(names, 0.0)
        self._bounds: list[float] = []
        self._weigh()

    def choose(self, drawn: float) -> str:
        """A way.

        Args:
            drawn: From 0 to 1, evenly distributed.
        """
        for name, bound in zip(self._names, self._bounds, strict=True):
            if drawn < bound:
                return name
        return self._names[-1]

    def tell(self, name: str, tried: int, brought: int) -> None:
        """What a way did.

        Args:
            name: The way.
            tried: Executions.
            brought: How many of them showed something new.
        """
        self._tried[name] += tried
        self._brought[name] += brought
        if sum(self._tried.values()) > _HALVED_AFTER:
            # What was good at the beginning need not be good for ever.
            for counts in (self._tried, self._brought):
                for known in counts:
                    counts[known] /= 2
        self._weigh()

    def _weigh(self) -> None:
        rates = [(self._brought[name] + 1) / (self._tried[name] + _DOUBT) for name in self._names]
        total = sum(rates)
        free = 1 - _LEAST * len(rates)
        bound = 0.0
        self._bounds = []
        for rate in rates:
            bound += _LEAST + free * rate / total
            self._bounds.append(bound)
