"""What a peer does by itself: answers as docs/sipc1.md wants it, quirks apart, until it is told to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ipc_gauntlet.peer.conversation import BODY, MID, REQUEST
from ipc_gauntlet.peer.heard import Heard, HeardFrame, HeardMessage, HeardRecord, Outgoing
from ipc_gauntlet.peer.hearing import Ear
from ipc_gauntlet.peer.noise import NoiseError
from ipc_gauntlet.peer.peer import Peer
from ipc_gauntlet.peer.records import RecordType

Served = Callable[[dict[int, Any]], tuple[int, Any] | None]
"""Takes a request's map and returns status and body, or None for no answer."""


def echo(fields: dict[int, Any]) -> tuple[int, Any] | None:
    """Answer a request with its own body."""
    return 0, fields.get(BODY)


class Autopilot:
    """Runs a peer.

    Args:
        peer: What it runs.
        serve: What requests are answered with.
    """

    def __init__(self, peer: Peer, serve: Served = echo) -> None:
        self.peer = peer
        self.serve = serve
        self.engaged = True
        self._ear = Ear(peer)
        self._unanswered: list[Heard] = []
        self._stopped = peer.quirks.timing.stop_after == "nothing"

    @property
    def waiting(self) -> bytes:
        """Bytes that came and are no whole frame yet."""
        return self._ear.waiting

    def begin(self) -> list[Outgoing]:
        """What comes first: an initiator's OFFER."""
        return self._until_stop([self.peer.offer()] if self.peer.initiator and not self._stopped else [])

    def receive(self, data: bytes) -> list[Heard | Outgoing]:
        """Take bytes: what was heard in them and what is to be sent, in order."""
        happened: list[Heard | Outgoing] = []
        heard = self._ear.next(data)
        while heard is not None:
            happened += heard
            if self.engaged:
                for one in heard:
                    happened += self.react(one)
            else:
                self._unanswered += heard
            heard = self._ear.next()
        return happened

    def engage(self) -> list[Outgoing]:
        """Answer from now on; what was heard meanwhile and has not been answered by hand is answered now."""
        self.engaged = True
        waiting, self._unanswered = self._unanswered, []
        return [made for one in waiting for made in self.react(one)]

    def disengage(self) -> None:
        """Answer nothing from now on."""
        self.engaged = False

    def answered(self) -> None:
        """Say that what was heard so far was answered by hand."""
        self._unanswered.clear()

    def react(self, heard: Heard) -> list[Outgoing]:
        """What is to be answered to something that was heard."""
        if self._stopped:
            return []
        try:
            if isinstance(heard, HeardFrame):
                return self._until_stop(self._to_frame(heard))
            if isinstance(heard, HeardRecord):
                return self._until_stop(self._to_record(heard))
            if isinstance(heard, HeardMessage):
                return self._until_stop(self._to_message(heard))
        except NoiseError as problem:
            self.peer.note(f"{heard.label}: {problem}")
        return []

    def _to_frame(self, heard: HeardFrame) -> list[Outgoing]:
        peer = self.peer
        if heard.label == "offer" and not peer.initiator:
            return self._to_offer()
        if heard.label == "choice" and not peer.initiator:
            return [peer.accept(), *self._eager()]
        if heard.label == "retry" and peer.initiator:
            return [peer.choice()]
        if heard.label == "accept" and peer.initiator:
            third = [] if peer.negotiating.done else [peer.message3()]
            return [*third, *self._ready()]
        return []

    def _to_offer(self) -> list[Outgoing]:
        peer, quirk = self.peer, self.peer.quirks.negotiation
        if quirk.reject is not None:
            return [peer.reject(*quirk.reject)]
        if quirk.retry is not None:
            return [peer.retry(*quirk.retry) for _ in range(quirk.retries)]
        if quirk.accept_as is not None:
            return [peer.accept(), *self._eager()]
        state = peer.negotiating
        selected = state.selection()
        if isinstance(selected, int):
            return [peer.reject(selected)]
        if selected == (state.version, state.suite):
            return [peer.accept(), *self._eager()]
        return [peer.retry(*selected) for _ in range(quirk.retries)]

    def _eager(self) -> list[Outgoing]:
        return self._ready() if self.peer.quirks.record.eager_ready else []

    def _ready(self) -> list[Outgoing]:
        return [] if self.peer.quirks.record.skip_ready or self.peer.ready_sent else [self.peer.ready()]

    def _to_record(self, heard: HeardRecord) -> list[Outgoing]:
        peer, timing = self.peer, self.peer.quirks.timing
        if heard.type == RecordType.READY and not peer.initiator:
            return self._ready()
        if heard.type == RecordType.PING and timing.pings and not peer.close_sent:
            return [peer.pong(heard.payload)]
        if heard.type == RecordType.CLOSE and timing.closes and not peer.close_sent:
            return [peer.close()]
        return []

    def _to_message(self, heard: HeardMessage) -> list[Outgoing]:
        peer = self.peer
        if heard.kind != REQUEST or not peer.quirks.timing.requests or peer.close_sent:
            return []
        answer = self.serve(heard.fields)
        return [] if answer is None else peer.response(heard.fields[MID], *answer)

    def _until_stop(self, made: list[Outgoing]) -> list[Outgoing]:
        """Cut off what comes behind the frame after which nothing more is to be sent."""
        last = self.peer.quirks.timing.stop_after
        for number, one in enumerate(made):
            if one.label == last:
                self._stopped = True
                return made[: number + 1]
        return made
