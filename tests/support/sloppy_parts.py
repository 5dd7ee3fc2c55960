"""Windows, lanes and timers that are right unless they are told which mistake to make."""

from collections.abc import Collection
from dataclasses import dataclass

WINDOW_MISTAKES = {
    "no-window": "everything authentic is taken",
    "off-by-one": "a number exactly the width behind is taken",
    "one-too-few": "the last number of the window is refused",
    "not-slid": "the window stays where it began",
    "32-bit": "numbers are compared by their lower half",
    "before-authentication": "a forged number moves the window",
    "forged-counts-as-seen": "a forged number within the window is taken for seen",
    "no-late-ones": "only growing numbers are taken",
}


class SloppyWindow:
    """The back end of `WindowMachine`; see `WindowBackend`.

    Args:
        mistakes: Names from `WINDOW_MISTAKES`.
        width: The width it tells; None if it keeps that to itself.
    """

    highest = -1
    real_width = 128

    def __init__(self, *mistakes: str, width: int | None = real_width) -> None:
        self._wrong: Collection[str] = mistakes
        self.width = width
        self._top = -1
        self._seen: set[int] = set()

    def offers(self, number: int) -> int | None:
        """See `WindowBackend`: every number there is."""
        return number if 0 <= number <= (1 << 64) - 2 else None

    def receive(self, number: int, *, authentic: bool) -> bool:
        """See `WindowBackend`."""
        wrong = self._wrong
        number = number & 0xFFFFFFFF if "32-bit" in wrong else number
        if "no-window" in wrong:
            return authentic
        if not self._acceptable(number):
            return False
        if authentic or ("forged-counts-as-seen" in wrong and number <= self._top):
            self._seen.add(number)
        if (authentic or "before-authentication" in wrong) and not ("not-slid" in wrong and self._top >= 0):
            self._top = max(self._top, number)
        return authentic

    def _acceptable(self, number: int) -> bool:
        limit = self.real_width + ("off-by-one" in self._wrong) - ("one-too-few" in self._wrong)
        if "no-late-ones" in self._wrong:
            limit = 0
        return number not in self._seen and number > self._top - limit

    def state(self) -> object:
        """See `WindowBackend`; a state that can be seen would make forged input too easy to find."""
        return None

    def close_all(self) -> None:
        """See `WindowBackend`."""


LANE_MISTAKES = {
    "no-lanes": "everything starts at once",
    "one-lane": "all lanes are one",
    "last-first": "the newest waiting item of a lane starts first",
    "lost": "an item that waits behind another is forgotten",
    "wakes-another": "the end of an item starts the next one of another lane as well",
}


class SloppyLanes:
    """The back end of `LanesMachine`; see `LanesBackend`.

    Args:
        mistakes: Names from `LANE_MISTAKES`.
    """

    def __init__(self, *mistakes: str) -> None:
        self._wrong: Collection[str] = mistakes
        self._lane_of: dict[int, str] = {}
        self._waiting: dict[str, list[int]] = {}
        self._running: dict[str, int] = {}
        self._started: list[int] = []

    def submit(self, lane: str, item: int) -> None:
        """See `LanesBackend`."""
        lane = "all" if "one-lane" in self._wrong else lane
        self._lane_of[item] = lane
        if "no-lanes" in self._wrong:
            self._started.append(item)
        elif "lost" not in self._wrong or lane not in self._running:
            self._waiting.setdefault(lane, []).append(item)
            self._next(lane)

    def finish(self, item: int) -> None:
        """See `LanesBackend`."""
        lane = self._lane_of[item]
        self._running.pop(lane, None)
        self._next(lane)
        if "wakes-another" in self._wrong:
            for other in [other for other in self._waiting if other != lane]:
                self._running.pop(other, None)
                self._next(other)

    def _next(self, lane: str) -> None:
        waiting = self._waiting.get(lane)
        if waiting and lane not in self._running:
            self._running[lane] = waiting.pop(-1 if "last-first" in self._wrong else 0)
            self._started.append(self._running[lane])

    def started(self, expected: int) -> list[int]:
        """See `LanesBackend`."""
        return list(self._started)

    def close_all(self) -> None:
        """See `LanesBackend`."""


TIMER_MISTAKES = {
    "early": "a timer fires a millisecond before its time",
    "late": "a timer fires a millisecond after its time",
    "rounds-down": "times are rounded down to tens of milliseconds",
    "fires-again": "a timer stays armed after it has fired",
    "stop-ignored": "a timer that was stopped fires all the same",
    "stops-another": "stopping a timer stops the one before it as well",
    "by-the-wall": "the wall clock decides",
    "one-at-a-time": "of several that are due only one fires",
}


@dataclass
class SloppyTimer:
    """A timer and when it fires."""

    due: int
    stopped: bool = False


class SloppyTimers:
    """The back end of `TimersMachine`; see `TimersBackend`.

    Args:
        mistakes: Names from `TIMER_MISTAKES`.
    """

    def __init__(self, *mistakes: str) -> None:
        self._wrong: Collection[str] = mistakes
        self._now = 0
        self._wall = 0
        self._timers: dict[int, SloppyTimer] = {}
        self._fired: list[int] = []

    def arm(self, timer: int, length_ms: int) -> None:
        """See `TimersBackend`."""
        due = self._time() + length_ms - ("early" in self._wrong) + ("late" in self._wrong)
        self._timers[timer] = SloppyTimer(due // 10 * 10 if "rounds-down" in self._wrong else due)
        self._fire()

    def stop(self, timer: int) -> bool:
        """See `TimersBackend`."""
        self._timers[timer].stopped = True
        if "stops-another" in self._wrong and timer - 1 in self._timers:
            self._timers[timer - 1].stopped = True
        return True

    def stop_all(self) -> None:
        """See `TimersBackend`."""
        for timer in self._timers.values():
            timer.stopped = True

    def advance(self, length_ms: int) -> None:
        """See `TimersBackend`."""
        self._now += length_ms
        self._fire()

    def step_wall(self, length_ms: int) -> bool:
        """See `TimersBackend`."""
        self._wall += length_ms
        self._fire()
        return True

    def _time(self) -> int:
        return self._now + (self._wall if "by-the-wall" in self._wrong else 0)

    def _fire(self) -> None:
        due = [name for name, timer in self._timers.items() if timer.due <= self._time()]
        for name in due[:1] if "one-at-a-time" in self._wrong else due:
            if not self._timers[name].stopped or "stop-ignored" in self._wrong:
                self._fired.append(name)
            if "fires-again" not in self._wrong:
                del self._timers[name]

    def fired(self, expected: int) -> list[int]:
        """See `TimersBackend`."""
        return list(self._fired)

    def close_all(self) -> None:
        """See `TimersBackend`."""
