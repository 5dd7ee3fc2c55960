"""How often each way of making inputs is used: the more it brought lately, the more often; never not at all."""

from __future__ import annotations

_LEAST = 0.1
_HALVED_AFTER = 1 << 14
_DOUBT = 64
_PART = 1.0
_BUDGET_HALVED_AFTER = 1 << 12


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

    def tell(self, name: str, tried: float, brought: int) -> None:
        """What a way did.

        Args:
            name: The way.
            tried: What that cost, in executions.
            brought: How many inputs showed something new.
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


class Budget:
    """Whether to spend executions on something: a part of all, and as long as it brings more than the rest did lately."""

    def __init__(self) -> None:
        self._spent = 0.0
        self._brought = 0.0
        self._others_spent = 0.0
        self._others_brought = 0.0

    def allows(self) -> bool:
        """Whether to go on."""
        if self._spent < _PART * self._others_spent:
            return True
        own = (self._brought + 1) / (self._spent + _DOUBT)
        return own > (self._others_brought + 1) / (self._others_spent + _DOUBT)

    def tell(self, spent: float, brought: int, *, others: bool) -> None:
        """What was spent.

        Args:
            spent: What that cost, in executions of an input of a usual length.
            brought: How many inputs showed something new.
            others: On something else.
        """
        if others:
            self._others_spent += spent
            self._others_brought += brought
        else:
            self._spent += spent
            self._brought += brought
        if self._spent + self._others_spent > _BUDGET_HALVED_AFTER:
            self._spent, self._others_spent = self._spent / 2, self._others_spent / 2
            self._brought, self._others_brought = self._brought / 2, self._others_brought / 2
