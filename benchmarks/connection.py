"""multiprocessing.connection with an authentication key: authenticated at the start, everything after in clear."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from benchmarks.framed import MessageChannel, serve_messages
from benchmarks.stack import Channel

KEY = b"benchmark authentication key: no secret"


class _Messages:
    """The byte-message half of a connection, under the names used here."""

    def __init__(self, connection: "Connection[Any, Any]") -> None:
        self.send = connection.send_bytes
        self.receive = connection.recv_bytes
        self.close = connection.close


class MultiprocessingConnection:
    """The floor: no encryption, so its ratio says what protecting the bytes costs."""

    name = "multiprocessing"

    def prepare(self, folder: Path) -> None:
        """There is nothing to make: the key is a constant."""

    def serve(self, folder: Path, ready: Callable[[], None]) -> None:
        """Serve one connection after the other."""
        with Listener(str(folder / "s"), "AF_UNIX", authkey=KEY) as listener:
            ready()
            while True:
                try:
                    connection = listener.accept()
                except (EOFError, multiprocessing.AuthenticationError, ConnectionError):
                    continue
                serve_messages(_Messages(connection))

    def connect(self, folder: Path) -> Channel:
        """Connect and answer the challenge."""
        return MessageChannel(_Messages(Client(str(folder / "s"), "AF_UNIX", authkey=KEY)))
