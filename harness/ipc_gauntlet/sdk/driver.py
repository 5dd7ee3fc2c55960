"""The base class of drivers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from ipc_gauntlet.sdk.endpoints import Connection, Listener
from ipc_gauntlet.sdk.errors import NoSuchMethod, Unsupported
from ipc_gauntlet.sdk.params import ConnectParams, ListenParams
from ipc_gauntlet.sdk.wire import JsonObject


class Driver(ABC):
    """What one stack can do. Hand an instance to `run`.

    Transports and credential kinds that `statement` does not declare, and options not in `options`, are refused as
    unsupported before the methods below are called.
    """

    #: Options of section 5 the stack really has, for example `{"suites", "timeouts.handshake_ms"}`.
    options: ClassVar[frozenset[str]] = frozenset()

    @property
    @abstractmethod
    def statement(self) -> JsonObject:
        """The implementation statement (section 3); `protocol` and `language` are filled in."""

    @abstractmethod
    def listen(self, params: ListenParams) -> Listener:
        """Open a server endpoint that is bound when this returns; the SDK then runs it.

        Raises:
            Failed, OSError: It cannot be opened.
            Unsupported: The stack cannot express what was asked.
        """

    @abstractmethod
    def connect(self, params: ConnectParams) -> Connection:
        """Make a client connection without any waiting: dialling belongs into its `run`.

        Raises:
            Failed: The stack refuses the configuration.
            Unsupported: The stack cannot express what was asked.
        """

    def reset(self) -> None:  # noqa: B027 - most drivers keep nothing but connections
        """Forget everything else there is, after all connections and listeners have gone; must be cheap."""

    def inspect(self, what: str) -> object:
        """Answer one member of `inspect` other than `resources`.

        Raises:
            Unsupported: There is nothing of that name (the default).
        """
        raise Unsupported(f"inspect {what!r}")

    def configure(self, action: str, params: JsonObject) -> None:
        """Serve `configure` (section 7); `params` is the whole request.

        Raises:
            Unsupported: There is no such action (the default).
        """
        raise Unsupported(f"configure {action!r}: {sorted(params)}")

    def advance_clock(self, ms: int) -> None:
        """Advance the virtual clock by milliseconds (feature `virtual-clock`).

        Raises:
            Unsupported: There is none (the default).
        """
        raise Unsupported(f"a virtual clock, to advance by {ms} ms")

    def parse(self, parser: str, data: bytes) -> JsonObject:
        """Run a named parser (feature `parse`).

        Raises:
            NoSuchMethod: There is none (the default).
        """
        raise NoSuchMethod(f"parse, for {len(data)} bytes with {parser!r}")
