"""What one end said in a session, kept and played again to somebody else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ipc_gauntlet.adversary import RawPeer
from ipc_gauntlet.errors import Inconclusive
from ipc_gauntlet.judge.outcome import Direction
from ipc_gauntlet.lab.access import Access
from ipc_gauntlet.lab.served import Served
from ipc_gauntlet.lab.session import Session


@dataclass(frozen=True, slots=True)
class Recording:
    """What one end wrote in a session, frame by frame.

    Args:
        frames: All frames, in order.
        handshake: How many of them came before the session's mark.
    """

    frames: tuple[bytes, ...]
    handshake: int

    @property
    def records(self) -> tuple[bytes, ...]:
        """The frames after the mark."""
        return self.frames[self.handshake :]


class Playing(Access):
    """The part of a lab that records sessions and plays the recordings."""

    def recording(self, session: Session, direction: Direction = "c2s") -> Recording:
        """What one end of a session wrote so far.

        Raises:
            Inconclusive: It wrote nothing, or never connected.
        """
        link = session.the_link()
        frames = tuple(link.recording(direction))
        if not frames:
            raise Inconclusive(f"nothing was written {direction}, so there is nothing to play")
        return Recording(frames, len(frames) - len(link.since_mark(direction)))

    def play(self, served: Served, frames: Iterable[bytes], *, paced: bool = True) -> RawPeer:
        """Connect to an endpoint and say what was recorded; returns when nothing moves any more.

        Args:
            served: The endpoint; also one that was reopened after a restart.
            frames: What to say.
            paced: Whether to give the endpoint the chance to answer each frame before the next one.

        Returns:
            The connection, with what was heard.
        """
        raw = RawPeer.dial(self.reactor, served.address)
        self.own(raw.close)
        count = 0
        for frame in frames:
            heard = raw.bytes_seen
            raw.write(frame)
            count += 1
            if paced:
                self._await(raw, lambda h=heard: raw.bytes_seen > h or raw.ended is not None)  # type: ignore[misc]
            if raw.ended is not None:
                break
        self._await(raw, lambda: raw.ended is not None)
        self.did(f"played {count} recorded frames on a new connection")
        return raw

    def _await(self, raw: RawPeer, until: Callable[[], bool]) -> None:
        self.settle(until, activity=lambda: (self.told(), raw.bytes_seen, raw.buffered))
