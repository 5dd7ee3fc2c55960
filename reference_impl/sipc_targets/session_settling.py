"""Requests of a session, and what became of them: each has exactly one outcome before the last event (section 14)."""

from __future__ import annotations

from sipc.events import Event, RequestEnded, RequestFailed, RequestReceived, ResponseReceived
from sipc_targets.violations import Unsettled


class Settling:
    """Follows requests in both directions."""

    def __init__(self) -> None:
        self._ours: dict[int, int] = {}
        self._theirs: dict[int, int] = {}

    def asked(self, mid: int) -> None:
        """This side's program sent a request."""
        self._ours.setdefault(mid, 0)

    def answering(self, mid: int) -> None:
        """This side's program answers a request."""
        self._theirs[mid] = self._theirs.get(mid, 0) + 1

    def too_late(self, mid: int) -> None:
        """Nobody waited for that answer any more: something else was its outcome.

        Raises:
            Unsettled: Nothing was.
        """
        self._theirs[mid] -= 1
        if not self._theirs[mid]:
            raise Unsettled(
                f"request {mid} of the peer cannot be answered, and nobody was told that it ended"
            )

    def note(self, event: Event) -> None:
        """Something was told.

        Raises:
            Unsettled: It is an outcome for what has one, or for what nobody asked.
        """
        if isinstance(event, RequestReceived):
            self._theirs[event.mid] = 0
        elif isinstance(event, RequestEnded):
            self._settle(self._theirs, event.mid, "the peer's request")
        elif isinstance(event, (ResponseReceived, RequestFailed)):
            # `request` may tell of the end before it gives the number back.
            self._settle(self._ours, event.mid, "our request")

    def _settle(self, requests: dict[int, int], mid: int, what: str) -> None:
        requests[mid] = requests.get(mid, 0) + 1
        if requests[mid] > 1:
            raise Unsettled(f"{what} {mid} has a second outcome")

    def check(self) -> None:
        """The session has ended.

        Raises:
            Unsettled: A request has no outcome.
        """
        for what, requests in (("our request", self._ours), ("the peer's request", self._theirs)):
            for mid, outcomes in requests.items():
                if outcomes != 1:
                    raise Unsettled(f"{what} {mid} has {outcomes} outcomes")
