"""The pump of one link: carries bytes from two streams to the core, and the core's actions out.

Everything a case can ask or do about one connection is here. Decisions are in `core`.
"""

from collections.abc import Callable, Sequence

from ipc_gauntlet.adversary.actions import Abort, Action, Finish, Pause, Resume, Send, joined
from ipc_gauntlet.adversary.capture import Firing, TraceLine
from ipc_gauntlet.adversary.core import LinkCore
from ipc_gauntlet.adversary.faults import How, Recorded
from ipc_gauntlet.adversary.frames import Frame
from ipc_gauntlet.adversary.outlet import End, Outlet
from ipc_gauntlet.adversary.vocabulary import FROM, OTHER, Direction, Limits, Side, Way
from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.reactor import Reactor, TimerHandle
from ipc_gauntlet.transport import EndKind, Stream

_ENDS = {Finish: End.FINISH, Abort: End.ABORT}


class Link:
    """One client's connection through the adversary.

    Args:
        index: Its number within the relay.
        core: Decides.
        streams: The connections with the client and with the server; owned from now on.
        reactor: Drives the link.
        limits: How much may wait for a receiver.

    Attributes:
        moves: How often something came or was decided.
    """

    def __init__(
        self, index: int, core: LinkCore, streams: dict[Side, Stream], reactor: Reactor, limits: Limits
    ) -> None:
        self.index = index
        self.moves = 0
        self._core = core
        self._reactor = reactor
        self._limits = limits
        self._timer: TimerHandle | None = None
        self._timer_at = 0.0
        self._closed = False
        self._outlets: dict[Side, Outlet] = {}
        self._pauses: dict[Side, set[str]] = {"client": set(), "server": set()}
        for side, stream in streams.items():
            self._outlets[side] = self._connect(side, stream)
        self._run(core.open(reactor.now()))
        for side, stream in streams.items():
            if not self._pauses[side]:
                stream.resume()

    # -- looking ----------------------------------------------------------------------------------------------------

    @property
    def marked(self) -> bool:
        """Whether the phase boundary is set."""
        return self._core.marked

    @property
    def closed(self) -> bool:
        """Whether both connections are over, and everything that was to be written is."""
        return self._closed or all(outlet.stream.closed for outlet in self._outlets.values())

    @property
    def firings(self) -> list[Firing]:
        """What was really done to this link, in order."""
        return self._core.firings

    @property
    def remarks(self) -> list[str]:
        """What happened besides frames: ends, marks, stalls, a framer that lost sync, a capture that is full."""
        return self._core.capture.remarks()

    def frames(self, direction: Direction, *, original: bool = True) -> list[Frame]:
        """Return the frames of a direction.

        Args:
            direction: Which one.
            original: As they came from the sender; otherwise as they went to the receiver, injected ones included.
        """
        capture = self._core.capture
        return list((capture.received if original else capture.forwarded)[direction])

    def count(self, direction: Direction) -> int:
        """Return how many frames came from the sender of a direction so far."""
        return self._core.lanes[direction].numbering.total

    def bytes_seen(self, direction: Direction) -> int:
        """Return how many bytes came from the sender of a direction so far."""
        return self._core.lanes[direction].bytes_seen

    def recording(self, direction: Direction) -> list[bytes]:
        """Return everything that the sender of a direction sent, frame by frame, to be replayed elsewhere.

        Raises:
            HarnessError: When more came than is kept.
        """
        if not self._core.capture.complete:
            raise HarnessError(f"the capture of link {self.index} is not complete, raise Limits.capture")
        return [frame.data for frame in self._core.capture.received[direction]]

    def since_mark(self, direction: Direction) -> list[bytes]:
        """Return what the sender of a direction sent since the mark, frame by frame.

        Raises:
            HarnessError: When more came than is kept.
        """
        start = self._core.lanes[direction].numbering.marked_at
        return [] if start is None else self.recording(direction)[start:]

    def held(self, direction: Direction) -> list[bytes]:
        """Return the frames that `Hold` withholds at present."""
        return [one.later.data for one in self._core.lanes[direction].held]

    def ended(self, direction: Direction) -> EndKind | None:
        """Tell how the sender of a direction ended its stream; None while it has not."""
        return self._core.lanes[direction].ended

    def quiet_for(self) -> float:
        """Return for how many seconds no byte has come or gone."""
        return self._reactor.now() - self._core.last_moved

    def waiting(self) -> int:
        """Return how many bytes are still to be handed to either side: while they get fewer, the link is not idle."""
        waiting = 0
        for outlet in self._outlets.values():  # asked at every turn of a wait
            waiting += outlet.buffered
        return waiting

    def find(self, recorded: Recorded) -> bytes | None:
        """Return a captured frame by its selector; None if it has not come yet."""
        at = recorded.at
        frames: Sequence[Frame] = self._core.capture.received[at.direction]
        if at.since_mark:
            start = self._core.lanes[at.direction].numbering.marked_at
            frames = [] if start is None else [frame for frame in frames if frame.index >= start]
        matching = [frame.data for frame in frames if at.label in (None, frame.label)]
        return matching[at.nth] if at.nth < len(matching) else None

    def trace(self, around: int | None = None, context: int = 6) -> list[TraceLine]:
        """Return what happened, for people.

        Args:
            around: Number of a frame to show; preferred is one to which something was done. None shows the first thing
                that was done, or the end.
            context: How many lines to show before and after it.
        """
        timeline = self._core.capture.timeline
        touched = [
            number
            for number, entry in enumerate(timeline)
            if entry.frame is not None and (entry.done if around is None else entry.frame.index == around)
        ]
        preferred = [number for number in touched if timeline[number].done]
        centre = (preferred or touched or [len(timeline) - 1 - context])[0]
        return self._core.capture.lines(max(0, centre - context), centre + context + 1)

    # -- acting -----------------------------------------------------------------------------------------------------

    def mark(self) -> None:
        """Set the phase boundary from which selectors count by default.

        To have everything that belongs to the set-up before it, also what is sent late such as session tickets, let one
        message travel in each direction first. What is incomplete at the mark counts as behind it.
        """
        self._do(self._core.mark)

    def inject(self, direction: Direction, data: bytes) -> None:
        """Send bytes to the receiver of a direction, between two frames; nothing happens once it has ended."""
        self._do(lambda now: self._core.inject(direction, data, now))

    def cut(self, how: How = "fin") -> None:
        """End the connection toward both sides."""
        self._do(lambda now: self._core.cut(how, now))

    def stall(self, direction: Way = "both", *, reading: bool = True) -> None:
        """Stop forwarding; see `Stall`."""
        self._do(lambda now: self._core.stall(direction, now, reading=reading))

    def resume(self, direction: Way = "both") -> None:
        """Forward again after `stall` or `Stall`."""
        self._do(lambda now: self._core.resume(direction, now))

    def release(self) -> None:
        """Send what `Hold` withheld."""
        self._do(self._core.release)

    def detach_server(self, number: int) -> Stream:
        """Give the connection with the server away, to the link with this number; nothing moves here any more.

        Raises:
            HarnessError: When it was given away before.
        """
        if "server" not in self._outlets:
            raise HarnessError(f"link {self.index} has no connection with a server any more")
        stream = self._outlets.pop("server").stream
        stream.pause()
        self._run(self._core.detach(self._reactor.now()))
        self._core.capture.remark(f"link {number} has the server's side now", self._reactor.now())
        return stream

    def close(self) -> None:
        """Close both connections at once; what was captured stays. Idempotent."""
        self._closed = True
        for outlet in self._outlets.values():
            outlet.stream.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- pump -------------------------------------------------------------------------------------------------------

    def _connect(self, side: Side, stream: Stream) -> Outlet:
        direction = FROM[side]
        receive, now = self._core.receive, self._reactor.now
        outlet = Outlet(stream, self._reactor)
        outlet.on_progress = lambda: self._relieve(side)
        stream.on_bytes = lambda data: self._run(receive(direction, data, now()))
        stream.on_end = lambda kind: self._ended(side, kind)
        stream.on_broken = lambda: self._broken(side)
        return outlet

    def _broken(self, side: Side) -> None:
        self._run(self._core.broken(side, self._reactor.now()))
        if side in self._outlets:
            self._outlets[side].wake()

    def _ended(self, side: Side, kind: EndKind) -> None:
        now = self._reactor.now()
        error = self._outlets[side].stream.error
        if error:
            self._core.capture.remark(f"the {side}: {error}", now)
        self._run(self._core.end(FROM[side], kind, now))

    def _do(self, step: Callable[[float], list[Action]]) -> None:
        if not self._closed:
            self._run(step(self._reactor.now()))

    def _run(self, actions: list[Action]) -> None:
        self.moves += 1
        for action in joined(actions):
            if isinstance(action, Send):
                self._send(action)
            elif isinstance(action, Finish | Abort):
                self._outlets[action.side].end(_ENDS[type(action)])
            elif isinstance(action, Pause):
                self._pause(action.side, "stalled")
            elif isinstance(action, Resume):
                self._go_on(action.side, "stalled")
            else:
                for outlet in self._outlets.values():
                    outlet.end(End.CLOSE)
        self._set_timer()

    def _send(self, action: Send) -> None:
        outlet = self._outlets[action.side]
        outlet.send(action.data, paced=action.paced)
        if outlet.buffered > self._limits.buffered:
            self._pause(OTHER[action.side], "pressure")

    def _relieve(self, side: Side) -> None:
        """Read again from the one who writes to a side, once the side has caught up."""
        outlet = self._outlets.get(side)
        if outlet is not None and outlet.buffered <= self._limits.buffered // 2:
            self._go_on(OTHER[side], "pressure")

    def _pause(self, side: Side, reason: str) -> None:
        self._pauses[side].add(reason)
        if side in self._outlets:
            self._outlets[side].stream.pause()

    def _go_on(self, side: Side, reason: str) -> None:
        pauses = self._pauses[side]
        if reason in pauses:
            pauses.discard(reason)
            if not pauses and side in self._outlets:
                self._outlets[side].stream.resume()

    def _set_timer(self) -> None:
        due = self._core.deadline()
        if due is None or self._closed or (self._timer is not None and self._timer_at <= due):
            return  # a timer that fires too early finds nothing to do, and is set again
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = self._reactor.call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._run(self._core.tick(self._reactor.now()))
