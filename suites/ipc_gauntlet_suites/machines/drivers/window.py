"""`WindowMachine` on a pair of drivers in datagram mode: the relay loses what the client sends, and the machine puts
records in, in whatever order.

Records with odd numbers are kept for another purpose: one that is new and well within any window follows each record
whose fate is in question, so that its arrival says that the other one has been dealt with.
"""

import base64
from bisect import bisect_left

from ipc_gauntlet import Drop, Inconclusive, Lab, Selector, checks
from ipc_gauntlet_suites.machines.drivers.judging import judge_schedules
from ipc_gauntlet_suites.machines.running import Budget
from ipc_gauntlet_suites.machines.window import LEAST_WIDTH, WindowMachine
from ipc_gauntlet_suites.scripts import numbered, open_or_stop

BUDGET = Budget(examples=6, steps=12, wall_s=12.0)
DATAGRAM = {"mode": "datagram"}

_LOSE_ALL = Drop(at=Selector(direction="c2s", nth=0), count=1 << 30)
_SOON_S = 2.0
_ALONE_S = 0.3
_HOPELESS_S = 0.03
# TransportFrame := u16 length | u64 n | Noise message (SIPC/1, profile D)
_NUMBER = slice(2, 10)
# Where there are records: dense at first, then behind gaps that are made by setting the counter.
_FIRST = 80
_LEFT_BEHIND = 14
_ISLANDS = ((121, 18), (1013, 26))


class DriverWindow:
    """See `ipc_gauntlet_suites.machines.window.WindowBackend`.

    Args:
        lab: The case's lab.
    """

    width: int | None = None

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._session = lab.session(options=DATAGRAM, faults=(_LOSE_ALL,))
        open_or_stop(self._session)
        self._frames: dict[int, bytes] = {}
        self._payloads: dict[int, bytes] = {}
        self._make(_FIRST)
        for start, count in _ISLANDS if lab.has("debug") else ():
            self._session.configure("client", "set-counter", direction="send", value=start)
            self._make(count)
        # The first record that arrives leaves some behind that may come later.
        self.highest = self._top = (min(self._frames) | 1) + _LEFT_BEHIND
        self._numbers = sorted(one for one in self._frames if one % 2 == 0 and one > self.highest)
        self._markers = {one for one in self._frames if one % 2 and one != self.highest}
        self._put(self._frames[self.highest])
        if not self._lab.wait(lambda: self._delivered(self._payloads[self.highest]) > 0, _SOON_S):
            raise Inconclusive("a record behind a gap was not taken")

    def offers(self, number: int) -> int | None:
        """See `WindowBackend`."""
        index = bisect_left(self._numbers, number)
        near = self._numbers[max(0, index - 1) : index + 1]
        return min(near, key=lambda one: abs(one - number))

    def receive(self, number: int, *, authentic: bool) -> bool:
        """See `WindowBackend`."""
        frame, payload = self._frames[number], self._payloads[number]
        before = self._delivered(payload)
        self._put(frame if authentic else frame[:-1] + bytes([frame[-1] ^ 1]))
        lowest = self._top - LEAST_WIDTH
        marker = max((one for one in self._markers if lowest < one < self._top), default=None)
        if authentic and number > self._top:
            self._lab.wait(lambda: self._delivered(payload) > before, _SOON_S)
        elif marker is None:
            hopeless = before > 0 or not authentic
            self._lab.wait(lambda: self._delivered(payload) > before, _HOPELESS_S if hopeless else _ALONE_S)
        else:
            self._markers.discard(marker)
            self._put(self._frames[marker])
            self._lab.wait(lambda: self._delivered(self._payloads[marker]) > 0, _SOON_S)
        taken = self._delivered(payload) > before
        if taken:
            self._top = max(self._top, number)
        return taken

    def state(self) -> object:
        """See `WindowBackend`; a receiver's state is its own."""
        return None

    def close_all(self) -> None:
        """See `WindowBackend`."""
        self._session.close()

    def _make(self, count: int) -> None:
        """Have the client send; the relay keeps the frames."""
        link = self._session.the_link()
        known = link.count("c2s")
        payloads = [self._lab.payload("record") for _ in range(count)]
        for payload in payloads:
            self._session.submit("client", "send", payload=base64.b64encode(payload).decode("ascii"))
        if not self._lab.wait(lambda: link.count("c2s") >= known + count, _SOON_S):
            raise Inconclusive(f"the client sent {link.count('c2s') - known} of {count} records")
        for payload, frame in zip(payloads, link.since_mark("c2s")[-count:], strict=True):
            number = int.from_bytes(frame[_NUMBER])
            self._frames[number], self._payloads[number] = frame, payload

    def _put(self, frame: bytes) -> None:
        self._session.the_link().inject("c2s", frame)

    def _delivered(self, payload: bytes) -> int:
        return self._session.view("server").delivered.count(payload)


def window_schedules(lab: Lab, budget: Budget = BUDGET) -> None:
    """Try schedules of records that arrive in any order.

    Args:
        lab: The case's lab.
        budget: How much to try.
    """
    lab.control(numbered("c2s", 2), checks.delivered_all("c2s"), options=DATAGRAM)
    judge_schedules(lab, lambda: WindowMachine(DriverWindow(lab)), budget)
