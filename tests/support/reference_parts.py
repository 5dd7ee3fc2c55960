"""Windows, lanes and timers of the reference as back ends of their machines."""

from parties import WALL
from sipc_pair import Pair, settings

from sipc.events import RequestFailed, RequestReceived
from sipc.exchange import Answer
from sipc.ordering import Lanes
from sipc.replay_window import MAX_NUMBER, WINDOW, ReplayWindow
from sipc.rpc import Call
from sipc_runtime.clock import VirtualClock


class ReferenceWindow:
    """The back end of `WindowMachine`; see `WindowBackend`."""

    width = WINDOW
    highest = -1

    def __init__(self, window: ReplayWindow | None = None) -> None:
        self.window = window or ReplayWindow()

    def offers(self, number: int) -> int | None:
        """See `WindowBackend`: every number there is."""
        return number if 0 <= number <= MAX_NUMBER else None

    def receive(self, number: int, *, authentic: bool) -> bool:
        """See `WindowBackend`: the window is asked first, and told only of what is authentic."""
        if not self.window.accepts(number) or not authentic:
            return False
        self.window.mark(number)
        return True

    def state(self) -> object:
        """See `WindowBackend`."""
        return self.window.highest, tuple(self.window._words)

    def close_all(self) -> None:
        """See `WindowBackend`."""


class ReferenceLanes:
    """The back end of `LanesMachine`; see `LanesBackend`."""

    def __init__(self, lanes: "Lanes[int] | None" = None) -> None:
        self._lanes: Lanes[int] = lanes or Lanes()
        self._lane_of: dict[int, str] = {}
        self._started: list[int] = []

    def submit(self, lane: str, item: int) -> None:
        """See `LanesBackend`."""
        self._lane_of[item] = lane
        if self._lanes.submit(lane, item):
            self._started.append(item)

    def finish(self, item: int) -> None:
        """See `LanesBackend`."""
        following = self._lanes.done(self._lane_of[item])
        if following is not None:
            self._started.append(following)

    def started(self, expected: int) -> list[int]:
        """See `LanesBackend`."""
        return list(self._started)

    def close_all(self) -> None:
        """See `LanesBackend`."""


class RequestTimers:
    """The back end of `TimersMachine` that takes the deadlines of requests for timers; see `TimersBackend`.

    A client asks, a server is silent until it is told to answer, and one virtual clock drives the client.
    """

    def __init__(self) -> None:
        self._clock = VirtualClock(monotonic=1000.0, wall=WALL)
        self._pair = Pair(client=settings(idle=86_000.0, lifetime=86_000.0, rekey=3600.0)).established()
        self._mids: dict[int, int] = {}
        self._alarm_at: float | None = None
        self._settle()

    def arm(self, timer: int, length_ms: int) -> None:
        """See `TimersBackend`."""
        client = self._pair.client.connection
        self._mids[timer] = client.request(Call("test.silent", budget_ms=length_ms), self._clock.monotonic())
        self._settle()

    def stop(self, timer: int) -> bool:
        """See `TimersBackend`: the answer comes."""
        received = {
            event.mid for event in self._pair.server.of(RequestReceived) if isinstance(event, RequestReceived)
        }
        assert self._mids[timer] in received
        self._pair.server.connection.respond(self._mids[timer], Answer())
        self._settle()
        return True

    def stop_all(self) -> None:
        """See `TimersBackend`."""
        for timer in self._mids:
            self.stop(timer)

    def advance(self, length_ms: int) -> None:
        """See `TimersBackend`."""
        self._clock.advance(length_ms / 1000)
        self._settle()

    def step_wall(self, length_ms: int) -> bool:
        """See `TimersBackend`."""
        self._clock.step_wall(length_ms / 1000)
        return True

    def fired(self, expected: int) -> list[int]:
        """See `TimersBackend`."""
        timers = {mid: timer for timer, mid in self._mids.items()}
        failed = [event for event in self._pair.client.of(RequestFailed) if isinstance(event, RequestFailed)]
        return [timers[event.mid] for event in failed]

    def close_all(self) -> None:
        """See `TimersBackend`."""

    def _settle(self) -> None:
        self._pair.client.now = self._clock.monotonic()
        self._pair.pump()
        due = self._pair.client.connection.next_timer()
        if due is not None and due != self._alarm_at:
            self._alarm_at = due
            self._clock.call_at(due, self._ring)

    def _ring(self) -> None:
        self._alarm_at = None
        self._pair.client.connection.handle_timer(self._clock.monotonic())
        self._settle()


class ClockTimers:
    """The back end of `TimersMachine` for the alarms of the runtime's clock; see `TimersBackend`."""

    def __init__(self) -> None:
        self._clock = VirtualClock()
        self._alarms = {}
        self._fired: list[int] = []

    def arm(self, timer: int, length_ms: int) -> None:
        """See `TimersBackend`."""
        due = self._clock.monotonic() + length_ms / 1000
        self._alarms[timer] = self._clock.call_at(due, lambda: self._fired.append(timer))

    def stop(self, timer: int) -> bool:
        """See `TimersBackend`."""
        self._alarms[timer].cancel()
        return True

    def stop_all(self) -> None:
        """See `TimersBackend`."""
        for timer in self._alarms:
            self.stop(timer)

    def advance(self, length_ms: int) -> None:
        """See `TimersBackend`."""
        self._clock.advance(length_ms / 1000)

    def step_wall(self, length_ms: int) -> bool:
        """See `TimersBackend`."""
        self._clock.step_wall(length_ms / 1000)
        return True

    def fired(self, expected: int) -> list[int]:
        """See `TimersBackend`."""
        return list(self._fired)

    def close_all(self) -> None:
        """See `TimersBackend`."""
