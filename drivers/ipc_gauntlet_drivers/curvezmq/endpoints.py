"""A client's DEALER socket, a server's ROUTER socket, and the peers a ROUTER has heard of."""

from __future__ import annotations

import itertools
import os
import threading
from pathlib import Path
from typing import Any

import zmq
from zmq.utils import z85

from ipc_gauntlet.sdk import Connection, ConnectParams, End, Failed, Listener, ListenParams, Unsupported
from ipc_gauntlet_drivers.curvezmq.owner import FAREWELL_MS, Message, Owner, Told, describe_failure
from ipc_gauntlet_drivers.curvezmq.world import World

HELLO = b"ipc-gauntlet: hello"
# Later than any test. Not "never" (-1): libzmq then throws away what has arrived and is not read yet.
RECONNECT_MS = 60_000
# Watching must not change what is watched. A monitor that asks for this event keeps libzmq 4.3.5 from dropping an
# established connection of which a message cannot be decrypted: it stays open and is no longer read. A client closes its
# socket then, so it may ask; a ROUTER cannot close one connection, so it does not.
SERVER_EVENTS = zmq.EVENT_ALL & ~zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
ENDING_EVENTS = (zmq.EVENT_DISCONNECTED, zmq.EVENT_CLOSED, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)
_numbers = itertools.count(1)


class DealerConnection(Connection):
    """A client's connection: a DEALER socket that connects once.

    Args:
        params: How to connect.
        world: The context.
        server_key: The key of the server to reach; without one CURVE cannot begin.
    """

    def __init__(self, params: ConnectParams, world: World, server_key: bytes | None) -> None:
        super().__init__(params.conn)
        self._service = params.service
        self._endpoint = _endpoint(params.address)
        self._owner: Owner | None = None
        self._failure: tuple[str, str] | None = None
        self._greeted = False
        if server_key is not None:
            sock = world.socket(zmq.DEALER, params)
            sock.curve_serverkey = server_key
            sock.reconnect_ivl = RECONNECT_MS
            self._owner = Owner(sock)

    def run(self) -> End:
        """See `Connection.run`."""
        if self._owner is None:
            return End("error", "authentication", f"no known key for {self._service}")
        try:
            self._owner.serve(self._take, self._look, self._endpoint)
        except zmq.ZMQError as problem:
            return End("error", detail=str(problem), stage="transport")
        if self._failure is not None:
            return End("error", *self._failure)
        # DISCONNECTED is all that libzmq tells, whether the peer has closed or the stream was cut.
        return End("clean") if self._greeted else End("error", stage="transport")

    def send(self, payload: bytes) -> None:
        """See `Connection.send`."""
        if self._owner is not None:
            self._owner.send([payload])

    def finish(self) -> None:
        """See `Connection.finish`: the socket lingers to send what it has accepted."""
        if self._owner is not None:
            self._owner.linger = FAREWELL_MS

    def drop(self) -> None:
        """See `Connection.drop`."""
        if self._owner is not None:
            self._owner.stop()

    def _take(self, message: Message) -> None:
        self.delivered(b"".join(frame.bytes for frame in message))

    def _look(self, event: zmq.Event, value: int) -> Told:
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED and self._owner is not None:
            self._greeted = True
            self._owner.send_first([HELLO])
            self.established(peer=self._service)
        self._failure = describe_failure(event, value) or self._failure
        if event == zmq.EVENT_CONNECT_RETRIED:
            return Told.ENDED
        return Told.ENDING if event in ENDING_EVENTS else Told.NOTHING


class RouterListener(Listener):
    """A server: a ROUTER socket and the peers that have greeted it.

    Args:
        params: Where to listen.
        world: The context.
        known: Names of the clients that may come in, by key.
    """

    def __init__(self, params: ListenParams, world: World, known: dict[bytes, str]) -> None:
        self._names = {z85.encode(key).decode("ascii"): name for key, name in known.items()}
        self.peers: dict[bytes, Peer] = {}
        domain = f"{params.listener}-{next(_numbers)}"
        world.allow(domain, known)
        sock = world.socket(zmq.ROUTER, params)
        sock.curve_server = True
        sock.zap_domain = domain.encode()
        sock.router_mandatory = True
        try:
            address = _bind(sock, params)
        except zmq.ZMQError as problem:
            sock.close()
            raise Failed(message=str(problem)) from problem
        self.owner = Owner(sock, SERVER_EVENTS)
        super().__init__(params.listener, address)

    def run(self) -> None:
        """See `Listener.run`."""
        try:
            self.owner.serve(self._take, self._look)
        finally:
            for peer in self.peers.values():
                peer.over.set()

    def drop(self) -> None:
        """See `Listener.drop`: the one socket goes, and so do all its peers."""
        self.owner.stop()

    def _take(self, message: Message) -> None:
        routing_id, payload = message[0].bytes, b"".join(frame.bytes for frame in message[1:])
        peer = self.peers.get(routing_id)
        if peer is None:
            peer = self.peers[routing_id] = Peer(self, routing_id)
            self.accepted(peer)
            peer.established(peer=self._names.get(str(message[-1].get("User-Id"))))
            if payload == HELLO:
                return
        peer.delivered(payload)

    def _look(self, event: zmq.Event, value: int) -> Told:
        failure = describe_failure(event, value)
        if failure is not None:
            self.rejected(*failure)
        return Told.NOTHING


class Peer(Connection):
    """A client as the server sees it: a routing id."""

    def __init__(self, listener: RouterListener, routing_id: bytes) -> None:
        super().__init__()
        self._listener = listener
        self._routing_id = routing_id
        self.over = threading.Event()

    def run(self) -> End:
        """See `Connection.run`: the listener's thread does the work, and a ROUTER does not tell that a peer left."""
        self.over.wait()
        return End("local")

    def check_closable(self) -> None:
        """See `Connection.check_closable`."""
        if len(self._listener.peers) > 1:
            raise Unsupported("ending one of several peers: a ROUTER socket has no call for that")

    def send(self, payload: bytes) -> None:
        """See `Connection.send`."""
        self._listener.owner.send([self._routing_id, payload])

    def finish(self) -> None:
        """See `Connection.finish`."""
        self._listener.owner.linger = FAREWELL_MS

    def drop(self) -> None:
        """See `Connection.drop`: the whole socket, of which this is the only peer."""
        self._listener.owner.stop()
        self.over.set()


def _bind(sock: zmq.Socket[bytes], params: ListenParams) -> dict[str, object]:
    if params.transport == "tcp":
        port = sock.bind_to_random_port("tcp://127.0.0.1")
        return {"transport": "tcp", "host": "127.0.0.1", "port": port}
    path = os.fspath(Path(params.directory) / f"{os.getpid():x}-{next(_numbers)}.sock")
    sock.bind(f"ipc://{path}")
    return {"transport": "unix", "path": path}


def _endpoint(address: dict[str, Any]) -> str:
    if address["transport"] == "unix":
        return f"ipc://{address['path']}"
    return f"tcp://{address['host']}:{address['port']}"
