"""A toy protocol that is careful unless it is told which mistake to make.

A frame is: session (1 byte), direction (1), number (4), tag (1: checksum of all of it), payload. It protects nothing
against somebody who can compute the checksum; for the machines, whose adversary only moves and changes bytes, that is
enough.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from ipc_gauntlet import Direction, EndView, Role, receiver, sender
from ipc_gauntlet.judge.outcome import Ending, Identity

HELLO, DATA, BYE = b"h", b"d", b"b"

MISTAKES = {
    "gap": "numbers need only grow",
    "duplicate": "a frame that came before is delivered again",
    "reorder": "any number that did not come yet is taken",
    "unchecked": "the checksum is not looked at",
    "own-frames": "the direction is not looked at",
    "other-session": "the session is not looked at",
    "early": "data is delivered before the greeting has come",
    "eof-is-clean": "the end of the stream counts as a regular end",
    "uncounted-close": "a close is believed whatever came before it, and later frames are still taken",
    "ends-twice": "the end of the stream is reported after a close again",
    "own-binding": "each end makes its own channel binding",
    "own-name": "an end reports its own name as the peer's",
    "goes-on": "after a bad frame the next good one is taken",
}


def tagged(body: bytes) -> bytes:
    """A frame with its checksum."""
    return body[:6] + bytes([sum(body) & 0xFF]) + body[6:]


@dataclass
class Side:
    """One end.

    Args:
        role: Which one.
        mistakes: What it does wrong.
        session: Number of the session.
    """

    role: Role
    mistakes: Collection[str]
    session: int
    out: list[bytes] = field(default_factory=list)
    greeted: bool = False
    over: bool = False
    next_out: int = 0
    due: int = 0
    seen: set[int] = field(default_factory=set)
    established: list[Identity] = field(default_factory=list)
    delivered: list[bytes] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)

    def say(self, kind: bytes, payload: bytes = b"") -> None:
        """Put a frame on the path."""
        way = b">" if self.role == "client" else b"<"
        self.out.append(tagged(bytes([self.session]) + way + self.next_out.to_bytes(4) + kind + payload))
        self.next_out += 1

    def hear(self, frame: bytes) -> None:
        """Take a frame."""
        if self.over:
            return
        problem = self._problem(frame)
        if problem:
            if "goes-on" not in self.mistakes:
                self.end("error")
            return
        number = int.from_bytes(frame[2:6])
        self.seen.add(number)
        self.due = max(self.due, number + 1)
        kind, payload = frame[7:8], frame[8:]
        if kind == HELLO:
            self._greet(payload)
        elif kind == DATA:
            self.delivered.append(payload)
        elif "uncounted-close" in self.mistakes or self.due == len(self.seen):
            self.end("clean")

    def _problem(self, frame: bytes) -> str:
        wrong = self.mistakes
        way = b"<" if self.role == "client" else b">"
        if "unchecked" not in wrong and tagged(frame[:6] + frame[7:]) != frame:
            return "altered"
        if frame[1:2] != way and "own-frames" not in wrong:
            return "reflected"
        if frame[0] != self.session and "other-session" not in wrong:
            return "another session"
        if not self.greeted and frame[7:8] != HELLO and "early" not in wrong:
            return "early"
        return "" if self._in_order(int.from_bytes(frame[2:6])) else "out of order"

    def _in_order(self, number: int) -> bool:
        if number == self.due:
            return True
        if number in self.seen:
            return "duplicate" in self.mistakes
        if number > self.due:
            return bool({"gap", "reorder", "uncounted-close", "early", "goes-on"} & set(self.mistakes))
        return "reorder" in self.mistakes

    def _greet(self, name: bytes) -> None:
        other = b"server" if self.role == "client" else b"client"
        if name != other:
            self.end("error")
            return
        if self.greeted:
            return
        self.greeted = True
        if self.role == "server":
            self.say(HELLO, b"server")
        binding = self.role.encode() if "own-binding" in self.mistakes else b"binding"
        peer = self.role if "own-name" in self.mistakes else name.decode("latin-1")
        self.established.append(Identity(peer, "1", "none", binding))

    def end(self, how: str) -> None:
        """Report the end."""
        if not self.over or "ends-twice" in self.mistakes:
            self.endings.append(Ending(how))
        self.over = True


class SloppySession:
    """The back end of `SessionMachine` for the toy; see `SessionBackend`.

    Args:
        mistakes: Names from `MISTAKES`.
        session: Number of the session.
    """

    tells = True
    speaks: Collection[Direction] = ("c2s", "s2c")

    def __init__(self, *mistakes: str, session: int = 1) -> None:
        self._mistakes = mistakes
        self._session = session
        self.names: dict[Role, str | None] = {"client": "server", "server": "client"}
        self.ends: dict[Role, Side] = {
            "client": Side("client", mistakes, session),
            "server": Side("server", mistakes, session),
        }

    def connect(self) -> None:
        """See `SessionBackend`."""
        self.ends["client"].say(HELLO, b"client")

    def stirs(self) -> bool:
        """See `SessionBackend`; in memory everything happens at once."""
        return False

    def established(self, role: Role) -> bool:
        """See `SessionBackend`."""
        return bool(self.ends[role].established)

    def taken(self, direction: Direction) -> list[bytes]:
        """See `SessionBackend`."""
        end = self.ends[sender(direction)]
        out, end.out = end.out, []
        return out

    def put(self, direction: Direction, data: bytes) -> None:
        """See `SessionBackend`."""
        self.ends[receiver(direction)].hear(data)

    def cut(self) -> None:
        """See `SessionBackend`."""
        for end in self.ends.values():
            end.end("clean" if "eof-is-clean" in self._mistakes else "truncated")

    def send(self, direction: Direction, payload: bytes) -> bool:
        """See `SessionBackend`."""
        end = self.ends[sender(direction)]
        if not end.over:
            end.say(DATA, payload)
        return not end.over

    def rekey(self, role: Role) -> bool:
        """See `SessionBackend`; the toy has no keys."""
        return False

    def close(self, role: Role) -> None:
        """See `SessionBackend`."""
        if not self.ends[role].over:
            self.ends[role].say(BYE)

    def advance(self, seconds: float) -> bool:
        """See `SessionBackend`; the toy has no timers."""
        return False

    def elsewhere(self, direction: Direction) -> list[bytes]:
        """See `SessionBackend`."""
        role = sender(direction)
        other = Side(role, (), self._session + 1)
        other.say(HELLO, role.encode())
        for number in range(3):
            other.say(DATA, f"from elsewhere {number}".encode())
        return other.out

    def view(self, role: Role) -> EndView:
        """See `SessionBackend`."""
        end = self.ends[role]
        return EndView(tuple(end.established), tuple(end.delivered), tuple(end.endings))

    def settle(self) -> None:
        """See `SessionBackend`."""

    def close_all(self) -> None:
        """See `SessionBackend`."""
