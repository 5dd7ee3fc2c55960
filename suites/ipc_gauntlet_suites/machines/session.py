"""Two ends of one session, and an adversary who owns the path between them frame by frame.

Every frame waits until a rule lets it pass, loses it, repeats it, alters it, sends it back, or puts another in front
of it. `Way.intact` then says how much any receiver can honestly know, whatever came afterwards.
"""

from collections.abc import Collection
from typing import Protocol

from hypothesis import strategies as st

from ipc_gauntlet import Check, Direction, EndView, Finding, Outcome, Role, checks, receiver, sender
from ipc_gauntlet_suites.machines.path import Said, Way
from ipc_gauntlet_suites.machines.running import Machine, always, start, step

BOTH: tuple[Direction, ...] = ("c2s", "s2c")
DIRECTION = st.sampled_from(BOTH)
ROLE = st.sampled_from(["client", "server"])
SIZES = st.sampled_from([1, 40, 1500])
_SMALL = 24
PLACES = st.sampled_from(["first", "middle", "last"])

ORDER, ONCE, AGREEMENT, ENDING = "order", "once", "agreement", "ending"
EVERYTHING = frozenset((ORDER, ONCE, AGREEMENT, ENDING))
"""The groups of invariants: order and gaps, repetition and foreign bytes, who talks to whom, how it ends."""


class SessionBackend(Protocol):
    """A client, a server, and the path between them. Nothing passes by itself."""

    @property
    def speaks(self) -> Collection[Direction]:
        """The directions in which messages can be sent."""

    @property
    def names(self) -> dict[Role, str | None]:
        """Whom each end must find at the other end; None where it gets no name."""

    @property
    def tells(self) -> bool:
        """Whether both ends tell when they are established."""

    def connect(self) -> None:
        """Have the client connect."""

    def stirs(self) -> bool:
        """Wait until something new can be taken or seen; False if nothing comes."""

    def established(self, role: Role) -> bool:
        """Whether an end can be used."""

    def taken(self, direction: Direction) -> list[bytes]:
        """The frames that the sender has put on the path since this was last asked."""

    def put(self, direction: Direction, data: bytes) -> None:
        """Give bytes to the receiver and see what it does."""

    def cut(self) -> None:
        """End the stream toward both ends."""

    def send(self, direction: Direction, payload: bytes) -> bool:
        """Have one end send a message; False if it refused."""

    def rekey(self, role: Role) -> bool:
        """Have one end send under a new key from now on; False if it cannot."""

    def close(self, role: Role) -> None:
        """Have one end close in order. Does not wait for it."""

    def advance(self, seconds: float) -> bool:
        """Let time pass at both ends; False if time cannot be moved."""

    def elsewhere(self, direction: Direction) -> list[bytes]:
        """Frames of another session between the same two ends."""

    def view(self, role: Role) -> EndView:
        """What one end has told its application so far."""

    def settle(self) -> None:
        """Wait until both ends have noticed that the stream has ended."""

    def close_all(self) -> None:
        """Give everything back."""


class SessionMachine(Machine):
    """See the module.

    Args:
        backend: The two ends.
        judged: The groups of invariants that count.
    """

    def __init__(self, backend: SessionBackend, judged: Collection[str] = EVERYTHING) -> None:
        super().__init__()
        self.backend = backend
        self.judged = judged
        self.ways = {direction: Way(direction) for direction in BOTH}
        self.said = {direction: Said() for direction in BOTH}
        self._closed: set[Role] = set()
        self._cut = False
        self._generous = True
        self._count = 0

    # -- the two ends -----------------------------------------------------------------------------------------------

    @start(undisturbed=st.sampled_from([True, True, True, False]), generous=st.booleans())
    def connect(self, undisturbed: bool, generous: bool) -> None:
        """Connect; mostly the handshake passes, sometimes it waits frame by frame like everything else."""
        self._generous = generous
        self.backend.connect()
        self.did("connect" if undisturbed else "connect, and hold the handshake")
        self._absorb()
        while undisturbed and (self._pass_everything() or (not self._settled() and self.backend.stirs())):
            self._absorb()

    @step(direction=DIRECTION, size=SIZES, count=st.integers(1, 3))
    def send(self, direction: Direction, size: int, count: int) -> None:
        """One end sends messages."""
        for _ in range(count):
            self._send(direction, size)

    def _send(self, direction: Direction, size: int) -> bool:
        said = self.said[direction]
        if direction not in self.backend.speaks or said.refused or sender(direction) in self._closed:
            return False
        if self._cut or not self.backend.established(sender(direction)):
            return False
        self._count += 1
        payload = f"{direction}-{self._count}.".encode().ljust(size, b"x")
        self._absorb()
        said.payloads.append(payload)
        said.behind.append(len(self.ways[direction].sent))
        said.refused = not self.backend.send(direction, payload)
        refused = ", which is refused" if said.refused else ""
        self.did(f"{direction}: send message {self._count}, {len(payload)} bytes{refused}")
        self._absorb()
        return not said.refused

    @step(role=ROLE)
    def rekey(self, role: Role) -> None:
        """One end changes its sending key."""
        if self._able(role) and self.backend.rekey(role):
            self.did(f"{role}: rekey")
            self._absorb()

    @step(role=ROLE)
    def close(self, role: Role) -> None:
        """One end closes in order."""
        if self._able(role):
            self._closed.add(role)
            self.backend.close(role)
            self.did(f"{role}: close")
            self._absorb()

    @step(seconds=st.sampled_from([1, 61, 70]))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        if not self._cut and self.backend.advance(seconds):
            self.did(f"{seconds} s pass")
            self._absorb()

    # -- the path ---------------------------------------------------------------------------------------------------

    @step(direction=DIRECTION)
    def deliver(self, direction: Direction) -> None:
        """The next frame passes."""
        frame = self._victim(direction)
        if frame is not None:
            self._put(direction, frame, "one frame passes")

    @step(direction=DIRECTION)
    def flow(self, direction: Direction) -> None:
        """Everything that waits passes."""
        if self.ways[direction].waiting and not self._cut:
            self.did(f"{direction}: all that waits passes")
            self._pass_all(direction)

    @step(direction=DIRECTION)
    def drop(self, direction: Direction) -> None:
        """The next frame is lost."""
        if self._victim(direction) is not None:
            self.did(f"{direction}: one frame is lost")

    @step(direction=DIRECTION)
    def duplicate(self, direction: Direction) -> None:
        """The next frame passes twice."""
        frame = self._victim(direction)
        if frame is not None:
            self._put(direction, frame, "one frame passes")
            self._put(direction, frame, "the same frame again")

    @step(direction=DIRECTION, back=st.integers(1, 3))
    def repeat(self, direction: Direction, back: int) -> None:
        """A frame that has passed comes again."""
        way = self.ways[direction]
        if way.intact >= back and not self._cut:
            self._put(direction, way.sent[way.intact - back], f"a frame of {back} frames ago again")

    @step(direction=DIRECTION)
    def swap(self, direction: Direction) -> None:
        """The next two frames change places."""
        self._stock(direction, 2)
        waiting = self.ways[direction].waiting
        if len(waiting) > 1 and not self._cut:
            first, second = waiting.popleft(), waiting.popleft()
            self._put(direction, second, "the frame behind the next one passes")
            self._put(direction, first, "then the one before it")

    @step(direction=DIRECTION, place=PLACES)
    def flip(self, direction: Direction, place: str) -> None:
        """A bit of the next frame changes."""
        frame = self._victim(direction)
        if frame:
            index = {"first": 0, "middle": len(frame) // 2, "last": len(frame) - 1}[place]
            self._put(
                direction, _flipped(frame, index), f"one frame passes, a bit of its {place} byte changed"
            )

    @step(direction=DIRECTION)
    def reflect(self, direction: Direction) -> None:
        """The next frame goes back to its sender, and waits on."""
        self._stock(direction, 1)
        waiting = self.ways[direction].waiting
        if waiting and not self._cut:
            other: Direction = "s2c" if direction == "c2s" else "c2s"
            self._put(other, waiting[0], f"the next frame of {direction} comes back to its sender")

    @step(direction=DIRECTION, nth=st.integers(0, 3))
    def splice(self, direction: Direction, nth: int) -> None:
        """A frame of another session comes instead of nothing."""
        recorded = self.backend.elsewhere(direction)
        if nth < len(recorded) and not self._cut:
            self._put(direction, recorded[-1 - nth], f"frame {-1 - nth} of another session comes")

    @step(direction=DIRECTION)
    def hold(self, direction: Direction) -> None:
        """The next frame is kept back, others overtake it."""
        frame = self._victim(direction)
        if frame is not None:
            self.ways[direction].kept.append(frame)
            self.did(f"{direction}: one frame is kept back")

    @step(direction=DIRECTION)
    def let_go(self, direction: Direction) -> None:
        """A frame that was kept back passes now."""
        kept = self.ways[direction].kept
        if kept and not self._cut:
            self._put(direction, kept.popleft(), "a frame that was kept back passes")

    @step(really=st.sampled_from([False, False, True]))
    def cut(self, really: bool) -> None:
        """The stream ends for both."""
        if really:
            self._end_of_stream()

    # -- the invariants ---------------------------------------------------------------------------------------------

    @always
    def holds(self) -> None:
        """Judge what both ends have told so far."""
        outcome = self.outcome()
        for check in self._checks():
            self.require(check(outcome))

    def outcome(self) -> Outcome:
        """What has come of it so far."""
        sent = {direction: tuple(self.said[direction].payloads) for direction in BOTH}
        return Outcome(self.backend.view("client"), self.backend.view("server"), sent, "established")

    def finish(self) -> None:
        """Perhaps everything passes that can still pass; then the stream ends, and both ends notice."""
        for direction in BOTH if self._generous else ():
            self.flow(direction)
            while self.ways[direction].kept and not self._cut:
                self.let_go(direction)
        self._end_of_stream()
        self.holds()

    def release(self) -> None:
        """Close both ends."""
        self.backend.close_all()

    def _checks(self) -> list[Check]:
        found: list[Check] = []
        for direction in BOTH:
            if ORDER in self.judged:
                known = self.said[direction].within(self.ways[direction].intact)
                found.append(checks.delivered_prefix(direction, at_most=known))
            if ONCE in self.judged:
                found += [checks.delivered_at_most_once(direction), checks.delivered_only_sent(direction)]
            if ENDING in self.judged:
                found += [
                    _clean_only_if_complete(direction, self.said[direction]),
                    _ends_once(receiver(direction)),
                ]
        if AGREEMENT in self.judged:
            found += [checks.bindings_agree(), _same_session]
            found += [_established_before_delivery] if self.backend.tells else []
            found += [_meets(role, name) for role, name in self.backend.names.items() if name is not None]
        return found

    # -- moving frames ----------------------------------------------------------------------------------------------

    def _able(self, role: Role) -> bool:
        return not self._cut and role not in self._closed and self.backend.established(role)

    def _absorb(self) -> None:
        for direction in BOTH:
            self.ways[direction].came(self.backend.taken(direction))

    def _stock(self, direction: Direction, count: int) -> None:
        """Have something on the way, so that an attack meets something."""
        while len(self.ways[direction].waiting) < count and self._send(direction, _SMALL):
            continue

    def _victim(self, direction: Direction) -> bytes | None:
        """The next frame, of a message sent for it if need be."""
        self._stock(direction, 1)
        return None if self._cut else self._next(direction)

    def _next(self, direction: Direction) -> bytes | None:
        waiting = self.ways[direction].waiting
        return waiting.popleft() if waiting else None

    def _put(self, direction: Direction, data: bytes, what: str = "") -> None:
        if what:
            self.did(f"{direction}: {what}")
        self.ways[direction].passed(data)
        self.backend.put(direction, data)
        self._absorb()

    def _settled(self) -> bool:
        ends = self.backend.view("client"), self.backend.view("server")
        over = any(end.endings or end.refusals for end in ends)
        return over or (self.backend.established("client") and self.backend.established("server"))

    def _pass_everything(self) -> bool:
        busy = [direction for direction in BOTH if self.ways[direction].waiting]
        for direction in busy:
            self._pass_all(direction)
        return bool(busy)

    def _pass_all(self, direction: Direction) -> None:
        while (frame := self._next(direction)) is not None:
            self._put(direction, frame)

    def _end_of_stream(self) -> None:
        if self._cut:
            return
        self._cut = True
        self.did("the stream is cut")
        self.backend.cut()
        self.backend.settle()
        self._absorb()


def _flipped(frame: bytes, index: int) -> bytes:
    return frame[:index] + bytes([frame[index] ^ 1]) + frame[index + 1 :]


def _clean_only_if_complete(direction: Direction, said: Said) -> Check:
    """A clean end means that everything the peer was allowed to send has arrived."""
    role = receiver(direction)

    def check(outcome: Outcome) -> Finding | None:
        ending, got = outcome.end(role).ending, outcome.delivered(direction)
        if ending is None or ending.how != "clean" or set(said.accepted) <= set(got):
            return None
        missing = len(set(said.accepted) - set(got))
        expected = (
            f"the {role} to report a clean end only when all of {checks.show(said.accepted)} was delivered"
        )
        return Finding(expected, f"it reported a clean end, and {missing} are missing", "clean-end")

    return check


def _ends_once(role: Role) -> Check:
    """Each end is reported once."""

    def check(outcome: Outcome) -> Finding | None:
        told = len(outcome.end(role).endings)
        if told < 2:
            return None
        return Finding(f"the {role} to report the end once", f"it reported it {told} times", "ended-twice")

    return check


def _same_session(outcome: Outcome) -> Finding | None:
    """If both call the session established, they mean the same version and suite."""
    mine, theirs = outcome.client.established, outcome.server.established
    if not mine or not theirs:
        return None
    for what in ("version", "suite", "credential"):
        one, other = getattr(mine[0], what), getattr(theirs[0], what)
        if None not in (one, other) and one != other:
            return Finding(f"both ends to see the same {what}", f"{one} and {other}", "view-changed")
    return None


def _established_before_delivery(outcome: Outcome) -> Finding | None:
    """Nothing is delivered before both ends have called the session established."""
    for role in ("client", "server"):
        if outcome.end(role).delivered and not (outcome.client.established and outcome.server.established):
            return Finding(
                "nothing delivered before both are established", f"the {role} received data", "early"
            )
    return None


def _meets(role: Role, name: str) -> Check:
    """Who an end says it talks to is who is there."""

    def check(outcome: Outcome) -> Finding | None:
        views = outcome.end(role).established
        if not views or views[0].peer in (None, name):
            return None
        return Finding(f"the {role} to find {name}", f"it found {views[0].peer}", "other-peer")

    return check
