"""Servers that the case plays itself, one after the other behind one address: what a client sends when one of them fails."""

from typing import Any

from ipc_gauntlet import Call, Inconclusive, Lab, Session, WirePeer

RETRY = {"attempts": 6, "base_ms": 1, "cap_ms": 5}
_KIND, MID, IDEM = 1, 2, 6
_REQUEST = 0


class Servers:
    """A client under test, and the servers to which its connections lead in turn.

    Args:
        lab: The case's lab.
        count: How many servers; the client gets no further connection than that.
    """

    def __init__(self, lab: Lab, count: int = 2) -> None:
        self.lab = lab
        self.peers = [lab.wire_server() for _ in range(count)]
        self.session: Session = lab.session(upstream=self.peers[0].address)
        self._current = 0
        for peer in self.peers:
            # Later connections are not told of: what is known of the first one stands for them.
            peer.conn = self.session.conn
        if not self.session.connect() or not self._established():
            raise Inconclusive("the client under test made no session")
        lab.stage("established")

    @property
    def peer(self) -> WirePeer:
        """The server to which the client is connected."""
        return self.peers[self._current]

    def request(self, call: Call, nth: int = 0) -> dict[int, Any] | None:
        """Wait for a request at the present server; None if the client gave up before it came.

        Args:
            call: The driver's call that makes the client send it.
            nth: Which one on this connection.
        """
        self.lab.wait(lambda: len(self._requests(self.peer)) > nth or call.done)
        found = self._requests(self.peer)
        return found[nth] if len(found) > nth else None

    def fail(self, how: str) -> None:
        """Have the present server fail; from now on connections lead to the next one."""
        failed = self.peer
        if self._current + 1 < len(self.peers) and self.session.relay is not None:
            self.session.relay.upstream = dict(self.peers[self._current + 1].address)
        if how == "reset":
            failed.abort()
        elif how == "end-of-stream":
            failed.hang_up()
        elif how == "half-closed":
            failed.finish()
        elif how == "close":
            failed.close_record()
            failed.hang_up()
        else:
            failed.error(1)
            failed.hang_up()

    def next_request(self, call: Call) -> dict[int, Any] | None:
        """Wait for the client to come to the next server with a request; None if its caller has been told an outcome."""
        relay = self.session.relay
        before = self._current + 1
        self.lab.wait(lambda: call.done or (relay is not None and len(relay.links) > before))
        if relay is None or len(relay.links) <= before or before >= len(self.peers):
            return None
        self._current = before
        return self.request(call) if self._established() else None

    def seen(self) -> list[dict[int, Any]]:
        """Every request that came, at whichever server."""
        return [fields for peer in self.peers for fields in self._requests(peer)]

    def _established(self) -> bool:
        done = self.peer.handshake()
        self.peer.by_hand()
        return done

    @staticmethod
    def _requests(peer: WirePeer) -> list[dict[int, Any]]:
        return [one.fields for one in peer.messages if one.fields.get(_KIND) == _REQUEST]
