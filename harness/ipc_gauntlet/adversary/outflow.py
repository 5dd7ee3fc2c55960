"""What leaves a link: bytes and ends toward both sides, and the record of what was done.

Rule of this file: everything a receiver sees is captured, and a firing is recorded only for what really left. No I/O; the
actions that come out are carried out by `link`.
"""

from ipc_gauntlet.adversary import faults as f
from ipc_gauntlet.adversary.actions import Abort, Action, Close, Finish, Pause, Resume, Send
from ipc_gauntlet.adversary.capture import Capture, Firing
from ipc_gauntlet.adversary.frames import INJECTED, Frame
from ipc_gauntlet.adversary.lane import Lane, Mode, Waiting
from ipc_gauntlet.adversary.operators import Effect
from ipc_gauntlet.adversary.segments import Pieces
from ipc_gauntlet.adversary.vocabulary import OPPOSITE, Direction, Side, directions

FINAL_MODES = (Mode.CUT, Mode.DETACHED, Mode.DEAF)
"""Nothing brings a lane back from these."""


class Outflow:
    """Output of one link.

    Args:
        index: The link's number within its relay.
        lanes: Its directions.
        capture: Where everything is recorded.
        now: Time at which the link is opened, in seconds.
    """

    def __init__(self, index: int, lanes: dict[Direction, Lane], capture: Capture, now: float) -> None:
        self.lanes = lanes
        self.capture = capture
        self.firings: list[Firing] = []
        self.last_moved = now
        self._index = index
        self._gone: set[Side] = set()  # sides whose connection was dropped by us, or given to another link
        self._closed = False
        self._actions: list[Action] = []

    def actions(self) -> list[Action]:
        """Take the actions that have come together."""
        actions, self._actions = self._actions, []
        return actions

    # -- bytes ------------------------------------------------------------------------------------------------------

    def forward(self, lane: Lane, frame: Frame, data: bytes, now: float) -> None:
        """Send a frame on, changed or as it came."""
        if data is frame.data:
            self.capture.passed(frame)
        else:
            self.capture.altered(_variant(frame, data))
        self._send(lane, data, now)

    def can_make(self, lane: Lane) -> bool:
        """Whether bytes of ours would reach the receiver of a lane."""
        return lane.mode not in FINAL_MODES and not lane.output_ended and lane.receiver not in self._gone

    def make(self, lane: Lane, data: bytes, done: str, now: float, label: str = "injected") -> bool:
        """Send bytes that are no frame of the sender; tells whether they went on their way."""
        if not data:
            return False
        if not self.can_make(lane):
            self.capture.remark(f"{lane.direction}: not {done}, the direction has ended", now)
            return False
        self.capture.made(Frame(lane.direction, INJECTED, None, label, data, now, len(data)), done)
        self._send(lane, data, now)
        return True

    def write(self, lane: Lane, pieces: Pieces, now: float) -> None:
        """Send what a segmenter has made of a lane's bytes."""
        self._actions.extend(Send(lane.receiver, data, pieces.paced) for data in pieces.data)
        if pieces.detail and lane.segmented_by is not None:
            self.fire(lane.segmented_by, lane.direction, None, Effect(pieces.detail), now)
            lane.segmented_by = None

    def let_go(self, lane: Lane, one: Waiting, now: float, remark: str = "") -> None:
        """Send what waited; a frame that nothing has overtaken arrives where it always would have."""
        later = one.later
        if later.moved and not one.overtaken:
            self.forward(lane, one.frame, later.data, now)
            self.capture.remark(
                f"{lane.direction} #{one.frame.index} was not {later.what}: the stream ended", now
            )
            return
        if self.make(lane, later.data, f"#{one.frame.index} {later.what}{remark}", now, one.frame.label):
            self.fire(one.fault, lane.direction, one.frame, Effect(f"{later.what}{remark}"), now)

    def _send(self, lane: Lane, data: bytes, now: float) -> None:
        self.last_moved = now
        if lane.segmenter is None:
            self._actions.append(Send(lane.receiver, data))
        else:
            self.write(lane, lane.segmenter.push(data, now), now)

    # -- ends -------------------------------------------------------------------------------------------------------

    def pass_end(self, lane: Lane, now: float) -> None:
        """Show the receiver how the sender ended, after everything that still waited."""
        if lane.mode is not Mode.OPEN:
            self.capture.remark(f"the end of {lane.direction} is {lane.mode.value}", now)
            return
        waiting, lane.waiting = lane.waiting, []
        for one in waiting:
            self.let_go(lane, one, now, f", at the end of the stream ({one.overtaken} of {one.later.frames})")
        if lane.held:
            self.capture.remark(f"{lane.direction}: {len(lane.held)} frame(s) still withheld at the end", now)
        self._end_output(lane, "fin" if lane.ended == "fin" else "reset", now)

    def cut_at(self, lane: Lane, cut: f.Cut, now: float) -> None:
        """Cut where a fault says."""
        self.cut(lane, cut.how, now, show=cut.toward != "sender")
        if cut.toward != "receiver":
            self.cut(self.lanes[OPPOSITE[lane.direction]], cut.how, now, show=True)

    def cut(self, lane: Lane, how: f.How, now: float, *, show: bool) -> None:
        """Forward nothing any more in a direction.

        Args:
            lane: The direction.
            how: The end to show.
            now: The time.
            show: Whether the receiver sees an end, or silence.
        """
        if lane.mode not in FINAL_MODES:
            self.discard(lane, Mode.CUT)
        if show:
            self._end_output(lane, how, now)
        self.close_if_over()

    def discard(self, lane: Lane, mode: Mode) -> None:
        """Put a lane into a final mode; what its sender says from now on is captured and goes nowhere."""
        if lane.mode is Mode.BLOCKED:
            self._actions.append(Resume(lane.sender))
        lane.mode = mode
        lane.waiting.clear()
        for arrival in lane.backlog:
            arrival.entry.add(mode.value)
        lane.backlog.clear()

    def give_up(self, side: Side) -> None:
        """Forget a side: its connection is not this link's any more."""
        self._gone.add(side)

    def close_if_over(self) -> None:
        """Ask for the end of both connections once nothing can move any more."""
        if not self._closed and all(self._is_over(lane) for lane in self.lanes.values()):
            self._closed = True
            self._actions.append(Close())

    def _end_output(self, lane: Lane, how: f.How, now: float) -> None:
        if lane.output_ended or lane.receiver in self._gone:
            return
        if lane.segmenter is not None:
            self.write(lane, lane.segmenter.drain(), now)
        lane.output_ended = True
        if how == "fin":
            self._actions.append(Finish(lane.receiver))
        else:
            self._gone.add(lane.receiver)
            self._actions.append(Abort(lane.receiver))

    def _is_over(self, lane: Lane) -> bool:
        """Whether nothing will come from the sender, or nothing can reach the receiver."""
        quiet = lane.ended is not None or lane.sender in self._gone
        return (quiet and lane.mode is not Mode.BLOCKED) or lane.mode is Mode.DEAF

    # -- stalls -----------------------------------------------------------------------------------------------------

    def stall(self, number: int, fault: f.Stall, now: float, frame: Frame | None = None) -> None:
        """Stop forwarding in the directions of a fault."""
        for direction in directions(fault.direction):
            lane = self.lanes[direction]
            if lane.mode is not Mode.OPEN:
                continue
            lane.mode = Mode.SWALLOWING if fault.reading else Mode.BLOCKED
            if not fault.reading:
                self._actions.append(Pause(lane.sender))
            how = "everything is swallowed" if fault.reading else "reading has stopped"
            self.fire(number, direction, frame, Effect(f"stalled, {how}"), now)
            self.capture.remark(f"{direction} stalled, {how}", now)

    def unblock(self, lane: Lane, now: float) -> None:
        """Open a stalled lane again; what was kept is the caller's to process."""
        if lane.mode is Mode.BLOCKED:
            self._actions.append(Resume(lane.sender))
        lane.mode = Mode.OPEN
        self.capture.remark(f"{lane.direction} goes on", now)

    # -- record -----------------------------------------------------------------------------------------------------

    def fire(
        self, number: int, direction: Direction | None, frame: Frame | None, effect: Effect, now: float
    ) -> Firing:
        """Record that a fault did something."""
        index, label = (None, "") if frame is None else (frame.index, frame.label)
        change = (effect.offset, effect.old, effect.new)
        firing = Firing(number, self._index, direction, index, label, effect.detail, now, *change)
        self.firings.append(firing)
        return firing


def _variant(frame: Frame, data: bytes) -> Frame:
    """Return a frame with other bytes; its header and lengths are those of the original."""
    kept = (frame.direction, frame.index, frame.since_mark, frame.label)
    return Frame(*kept, data, frame.at, len(data), frame.header, frame.lengths)
