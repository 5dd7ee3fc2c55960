"""What a benchmarked stack has to offer: the same small service over each."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

SERVICE = "server.bench.example"
"""Name the server proves; the client of a stack that knows names insists on it."""
CLIENT = "client.bench.example"
"""Name the client proves."""


class Channel(Protocol):
    """The client's end of one authenticated connection."""

    def echo(self, payload: bytes) -> bytes:
        """Send a payload and return the server's answer."""
        ...

    def push(self, payload: bytes) -> None:
        """Send a payload that is not answered."""
        ...

    def flush(self) -> None:
        """Return when the server has taken everything that was pushed."""
        ...

    def close(self) -> None:
        """End the connection in the regular way."""
        ...


class Stack(Protocol):
    """One implementation of the service; client and server run in processes of their own."""

    name: str

    def prepare(self, folder: Path) -> None:
        """Write the keys that both ends read into a folder; called once, before anything is measured."""
        ...

    def serve(self, folder: Path, ready: Callable[[], None]) -> None:
        """Listen inside the folder, call `ready`, and serve until the process is ended."""
        ...

    def connect(self, folder: Path) -> Channel:
        """Open a connection, authenticated in both directions."""
        ...
