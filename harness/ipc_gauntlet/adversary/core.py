"""The state machine of one link: bytes and ends from both sides go in, actions come out.

Rule of this file: no I/O, no clock, no state outside of the link. Time comes in as an argument, and the same inputs
always give the same actions. `link` carries the actions out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ipc_gauntlet.adversary import faults as f
from ipc_gauntlet.adversary import operators
from ipc_gauntlet.adversary.actions import Action
from ipc_gauntlet.adversary.capture import BY_HAND, Capture, Entry, Firing
from ipc_gauntlet.adversary.framing import Piece, new_framer
from ipc_gauntlet.adversary.framing.reader import PARTIAL
from ipc_gauntlet.adversary.lane import Armed, Arrival, Lane, Mode, Waiting
from ipc_gauntlet.adversary.operators import Effect, Later, Plan, Resolve
from ipc_gauntlet.adversary.outflow import FINAL_MODES, Outflow
from ipc_gauntlet.adversary.segments import new_segmenter
from ipc_gauntlet.adversary.vocabulary import (
    DEFAULT_LIMITS,
    DIRECTIONS,
    OPPOSITE,
    TOWARD,
    Direction,
    Limits,
    Side,
    Way,
    directions,
)
from ipc_gauntlet.transport import EndKind


def _unknown(_: f.Recorded) -> bytes | None:
    return None


@dataclass(frozen=True, slots=True)
class CoreSetup:
    """What a link is told at its start.

    Args:
        index: Its number within the relay.
        framer: Name of the framer.
        faults: The faults that concern this link, each with its position in the schedule.
        limits: Bounds.
        resolve: Finds frames that other links have captured.
    """

    index: int = 0
    framer: str = "opaque"
    faults: Sequence[tuple[int, f.Fault]] = field(default_factory=tuple)
    limits: Limits = DEFAULT_LIMITS
    resolve: Resolve = _unknown


class LinkCore:
    """Everything a link decides.

    Every method that returns actions expects them to be carried out in their order.

    Args:
        setup: The link's number, framing and faults.
        now: Time at which the link is opened, in seconds.

    Raises:
        HarnessError: When there is no framer of this name.
    """

    def __init__(self, setup: CoreSetup, now: float) -> None:
        framer = new_framer(setup.framer)
        self.lanes: dict[Direction, Lane] = {d: Lane(d, framer, setup.limits) for d in DIRECTIONS}
        self.capture = Capture(now, setup.limits.capture)
        self.marked = False
        self._out = Outflow(setup.index, self.lanes, self.capture, now)
        self._setup = setup
        for number, fault in setup.faults:
            self._arm(number, fault)

    @property
    def firings(self) -> list[Firing]:
        """What was really done, in order."""
        return self._out.firings

    @property
    def last_moved(self) -> float:
        """When a byte last came or went."""
        return self._out.last_moved

    # -- what happens to the link -----------------------------------------------------------------------------------

    def open(self, now: float) -> list[Action]:
        """Start; injects what is to go in front of everything, and sets up re-chunking and early stalls."""
        for number, fault in self._setup.faults:
            match fault:
                case f.InjectOnOpen():
                    self._inject_on_open(number, fault, now)
                case f.Rechunk():
                    for direction in directions(fault.direction):
                        lane = self.lanes[direction]
                        lane.segmenter = new_segmenter(fault, direction, self._setup.limits)
                        lane.segmented_by = number
                case f.Stall(after=None):
                    self._out.stall(number, fault, now)
                case _:
                    continue  # waits for a frame, or is the relay's
        return self._out.actions()

    def receive(self, direction: Direction, data: bytes, now: float) -> list[Action]:
        """Take bytes that the sender of a direction sent."""
        lane = self.lanes[direction]
        lane.bytes_seen += len(data)
        self._out.last_moved = now
        self._pieces(lane, lane.reader.feed(data, now), now)
        return self._out.actions()

    def end(self, direction: Direction, kind: EndKind, now: float) -> list[Action]:
        """Learn that the sender of a direction sends nothing any more."""
        lane = self.lanes[direction]
        if lane.ended is None:
            lane.ended = kind
            self._out.last_moved = now
            self._pieces(lane, lane.reader.flush(), now)
            self.capture.remark(f"the {lane.sender} ended its stream ({kind})", now)
            if lane.mode is not Mode.BLOCKED:
                self._out.pass_end(lane, now)
            self._out.close_if_over()
        return self._out.actions()

    def broken(self, side: Side, now: float) -> list[Action]:
        """Learn that a side takes nothing any more. What it still has to say is forwarded."""
        lane = self.lanes[TOWARD[side]]
        if lane.mode not in FINAL_MODES:
            self._out.discard(lane, Mode.DEAF)
            self.capture.remark(f"the {side} takes nothing any more", now)
            self._out.close_if_over()
        return self._out.actions()

    def tick(self, now: float) -> list[Action]:
        """Do what time has made due."""
        for lane in self.lanes.values():
            self._pieces(lane, lane.reader.tick(now), now)
            if lane.segmenter is not None:
                self._out.write(lane, lane.segmenter.tick(now), now)
        return self._out.actions()

    def deadline(self) -> float | None:
        """When `tick` has something to do; None while nothing waits for time."""
        one, other = (self.lanes[direction].deadline() for direction in DIRECTIONS)
        if one is None or other is None:
            return other if one is None else one
        return min(one, other)

    # -- what a case does by hand -----------------------------------------------------------------------------------

    def mark(self, now: float) -> list[Action]:
        """Set the phase boundary: what was received so far is before it."""
        for lane in self.lanes.values():
            self._pieces(lane, lane.reader.flush_chunk(), now)
            lane.numbering.mark()
        self.marked = True
        self.capture.remark("mark", now)
        return self._out.actions()

    def inject(self, direction: Direction, data: bytes, now: float) -> list[Action]:
        """Send bytes that nobody sent; in a direction that has ended nothing happens, and no firing tells of it."""
        if self._out.make(self.lanes[direction], data, "injected by hand", now):
            effect = Effect(f"injected {len(data)} bytes", 0, b"", data)
            self._out.fire(BY_HAND, direction, None, effect, now)
        return self._out.actions()

    def cut(self, how: f.How, now: float) -> list[Action]:
        """End the link toward both sides."""
        for lane in self.lanes.values():
            self._out.cut(lane, how, now, show=True)
        self._out.fire(BY_HAND, None, None, Effect(f"cut ({how})"), now)
        self.capture.remark(f"cut by hand ({how})", now)
        return self._out.actions()

    def stall(self, way: Way, now: float, *, reading: bool) -> list[Action]:
        """Stop forwarding until `resume`; see `Stall`."""
        self._out.stall(BY_HAND, f.Stall(way, reading=reading), now)
        return self._out.actions()

    def resume(self, way: Way, now: float) -> list[Action]:
        """Forward again, first what was kept; an end that came meanwhile is shown."""
        for direction in directions(way):
            if self.lanes[direction].stalled:
                self._resume(self.lanes[direction], now)
        self._out.close_if_over()
        return self._out.actions()

    def release(self, now: float) -> list[Action]:
        """Send the frames that `Hold` withheld, in the order in which they were withheld."""
        for lane in self.lanes.values():
            held, lane.held = lane.held, []
            for one in held:
                if self._out.make(lane, one.later.data, f"#{one.frame.index} released", now, one.frame.label):
                    effect = Effect(f"released after {one.overtaken} later frames")
                    self._out.fire(one.fault, lane.direction, one.frame, effect, now)
        return self._out.actions()

    def detach(self, now: float) -> list[Action]:
        """Let nothing move any more: another link takes over the server's side."""
        for lane in self.lanes.values():
            self._out.discard(lane, Mode.DETACHED)
        self._out.give_up("server")
        self.capture.remark("another link took over the server's side", now)
        return self._out.actions()

    def set_up(self, number: int, detail: str, now: float) -> None:
        """Record that the relay made this link as a fault says."""
        self._out.fire(number, None, None, Effect(detail), now)
        self.capture.remark(detail, now)

    def _resume(self, lane: Lane, now: float) -> None:
        self._out.unblock(lane, now)
        while lane.backlog and lane.open:
            self._process(lane, lane.backlog.popleft(), now)
        if lane.ended is not None and lane.open:
            self._out.pass_end(lane, now)

    # -- frames -----------------------------------------------------------------------------------------------------

    def _pieces(self, lane: Lane, pieces: list[Piece], now: float) -> None:
        for piece in pieces:
            frame, position = lane.numbered(piece, now)
            arrival = Arrival(frame, position, self.capture.arrived(frame))
            if lane.mode is Mode.BLOCKED:
                lane.backlog.append(arrival)
            else:
                self._process(lane, arrival, now)
        if lane.reader.lost is not None:
            self.capture.remark(f"framer lost sync in {lane.direction}: {lane.reader.lost}", now)
            lane.reader.lost = None

    def _process(self, lane: Lane, arrival: Arrival, now: float) -> None:
        frame, position, entry = arrival
        if not lane.open:
            entry.add(lane.mode.value)
            return
        faults = lane.matching(frame, position) if lane.armed else []
        if frame.label == PARTIAL and faults:
            entry.add("incomplete, so no fault acts on it")
            faults = []
        if not faults and not lane.waiting and not lane.held:
            self._out.forward(lane, frame, frame.data, now)
            return
        plan = Plan(frame, frame.data)
        for armed in faults:
            self._act(lane, armed, plan, entry, now)
        for text in plan.notes:
            entry.add(text)
        self._carry_out(lane, plan, now)
        for armed in faults:
            if isinstance(armed.fault, f.Stall):
                self._out.stall(armed.number, armed.fault, now, frame)

    def _act(self, lane: Lane, armed: Armed, plan: Plan, entry: Entry, now: float) -> None:
        fault = armed.fault
        if isinstance(fault, f.Stall):
            return  # takes effect behind the frame
        if isinstance(fault, f.Reflect) and not self._out.can_make(self.lanes[OPPOSITE[lane.direction]]):
            plan.notes.append("not reflected: the opposite direction has ended")
            return
        effect = operators.apply(fault, plan, self._setup.resolve)
        if effect is not None:
            entry.add(self._out.fire(armed.number, lane.direction, plan.frame, effect, now).change())
        if plan.later is not None:
            lane.waiting.append(Waiting(armed.number, plan.later, plan.frame))
            plan.notes.append(f"to be {plan.later.what}")
            plan.later = None
        if plan.held is not None:
            lane.held.append(Waiting(armed.number, Later(0, plan.held, moved=True, what=""), plan.frame))
            plan.held = None

    def _carry_out(self, lane: Lane, plan: Plan, now: float) -> None:
        number = plan.frame.index
        for data in plan.before:
            self._out.make(lane, data, f"injected before #{number}", now)
        if plan.data is not None:
            data = plan.data if plan.cut is None else plan.data[: plan.passing]
            if data:
                self._out.forward(lane, plan.frame, data, now)
        for data in plan.after:
            self._out.make(lane, data, f"sent behind #{number}", now)
        for data in plan.back:
            self._out.make(
                self.lanes[OPPOSITE[lane.direction]], data, f"reflected #{number}", now, "reflected"
            )
        if plan.cut is not None:
            self._out.cut_at(lane, plan.cut, now)
            return
        self._overtake(lane, plan, now)

    def _overtake(self, lane: Lane, plan: Plan, now: float) -> None:
        """Let go what this frame was the last one to overtake."""
        for one in (*lane.waiting, *lane.held):
            if one.frame is not plan.frame:
                one.overtaken += 1
        due = [one for one in lane.waiting if one.overtaken >= one.later.frames]
        for one in due:
            lane.waiting.remove(one)
            self._out.let_go(lane, one, now)

    # -- setting up -------------------------------------------------------------------------------------------------

    def _inject_on_open(self, number: int, fault: f.InjectOnOpen, now: float) -> None:
        data = fault.data if isinstance(fault.data, bytes) else self._setup.resolve(fault.data)
        if data and self._out.make(self.lanes[fault.direction], data, "injected in front of everything", now):
            effect = Effect(f"injected {len(data)} bytes on open", 0, b"", data)
            self._out.fire(number, fault.direction, None, effect, now)

    def _arm(self, number: int, fault: f.Fault) -> None:
        if isinstance(fault, f.Stall):
            if fault.after is not None:
                self.lanes[fault.after.direction].armed.append(Armed(number, fault, fault.after))
        elif isinstance(fault, f.FrameFault):
            self.lanes[fault.at.direction].armed.append(Armed(number, fault, fault.at))
