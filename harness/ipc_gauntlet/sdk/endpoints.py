"""Connections and listeners: what a driver fills in, and the bookkeeping that is the same for all."""

from __future__ import annotations

import sys
import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, final

from ipc_gauntlet.sdk.errors import Failed, Unsupported, reason_of
from ipc_gauntlet.sdk.params import RequestParams

if TYPE_CHECKING:
    from ipc_gauntlet.sdk.epoch import Epoch

#: How long closing waits for a connection's own thread; a thread that is stuck longer shows in the resources.
JOIN_S = 1.0


@dataclass(frozen=True)
class End:
    """How a connection ended, in the terms of what the stack told its user (driver protocol, section 6).

    Args:
        how: `clean` is what this stack tells at a regular end by the peer.
        reason: Reason class, `unspecified` where the stack cannot tell.
        detail: The stack's own words.
        stage: Where it failed, if it failed before `established`.
    """

    how: Literal["clean", "truncated", "error", "local"]
    reason: str = "unspecified"
    detail: str = ""
    stage: str = "handshake"


class Connection(ABC):
    """One connection of the stack, client or server side.

    Attributes the SDK keeps for itself have two underscores, so that a subclass cannot collide with them.

    The SDK runs `run` in a thread of its own, so a slow handshake keeps nobody waiting, and calls `send` and
    `finish` from other threads, never two of them at a time.

    Args:
        conn: The id the harness gave it; leave it out for a connection that was accepted.
    """

    def __init__(self, conn: str = "") -> None:
        self.id = conn
        self.listener_id: str | None = None
        self.__epoch: Epoch | None = None
        self.__thread: threading.Thread | None = None
        self.__lock = threading.Lock()
        self.__usable = False
        self.__closing = False
        self.__told = False
        self.__decided = threading.Event()

    # -- for the driver to fill in ----------------------------------------------------------------------------------

    @abstractmethod
    def run(self) -> End:
        """Live: shake hands, call `established`, call `delivered` for each message, until the end.

        Release everything before returning. An `OSError` or `Failed` that escapes is an end of kind `error`.
        """

    @abstractmethod
    def send(self, payload: bytes) -> None:
        """Hand one message to the stack's sending call; return when that call has returned.

        Raises:
            Failed: The call failed.
        """

    @abstractmethod
    def drop(self) -> None:
        """Drop the transport at once, from whatever thread: `run` and `send` must then end soon. Idempotent."""

    def finish(self) -> None:  # noqa: B027 - a stack without a farewell needs none
        """End the stream as the stack's documentation recommends, in bounded time; `drop` is called afterwards."""

    def check_closable(self) -> None:  # noqa: B027 - nearly every stack can end a single connection
        """Refuse to close where the stack cannot end this connection alone; asked before anything is done.

        Raises:
            Unsupported: It cannot.
        """

    def request(self, request: RequestParams) -> dict[str, object]:
        """Make a request of the test application and return its outcome (feature `request`).

        Raises:
            Unsupported: This stack has no requests (the default).
        """
        raise Unsupported(f"requests, such as {request.operation}")

    # -- for the driver to call -------------------------------------------------------------------------------------

    def established(self, **members: object) -> None:
        """Report that the stack told its user that this connection is authenticated and usable.

        Args:
            members: `peer`, `version`, `suite`, `binding`, `credential`, as far as the stack tells.
        """
        with self.__lock:
            self.__usable = True
        self.__notify("established", {"conn": self.id, "listener": self.listener_id, **members})
        self.__decided.set()

    def delivered(self, payload: bytes) -> None:
        """Report that the stack handed a message to the application."""
        self.__notify("delivered", {"conn": self.id, "payload": payload})

    def executed(self, operation: str, payload: bytes, key: bytes | None = None) -> None:
        """Report that an operation of the test application took effect."""
        members = {"conn": self.id, "operation": operation, "payload": payload, "key": key}
        self.__notify("executed", members)

    def rejected(self, reason: str, detail: str = "", stage: str = "established") -> None:
        """Report that one message was refused while the connection goes on."""
        self.__notify("rejected", {"conn": self.id, "stage": stage, "reason": reason, "detail": detail})

    @property
    def closing(self) -> bool:
        """Whether this side has begun to close."""
        return self.__closing

    # -- for the SDK ------------------------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether the connection's thread still runs."""
        return self.__thread is not None and self.__thread.is_alive()

    @final
    def start(self, epoch: Epoch, stale: bool) -> None:
        """Begin to live, in an epoch; a stale one is dropped first, so that it only releases what it holds."""
        self.__epoch = epoch
        if stale:
            self.__closing = True
            self.drop()
        self.__thread = epoch.spawn(f"connection {self.id}", self.__live)

    @final
    def hand_over(self, payload: bytes) -> None:
        """Serve `send`: wait until the connection is decided, then call the stack.

        Raises:
            Failed: The connection is over or the stack refused.
        """
        self.await_usable()
        self.send(payload)

    @final
    def await_usable(self) -> None:
        """Wait until the connection is established.

        Raises:
            Failed: It is over, or never came to be.
        """
        self.__decided.wait()
        if self.__closing or self.__told or not self.__usable:
            raise Failed("peer-closed", f"connection {self.id} is over")

    @final
    def close(self, graceful: bool) -> None:
        """Serve `close`; does nothing if the connection is already over.

        Raises:
            Unsupported: The stack cannot end this connection alone.
        """
        if not self.__told:
            self.check_closable()
        with self.__lock:
            if self.__told:
                return
            graceful = graceful and self.__usable and not self.__closing
            self.__closing = True
        end = End("local")
        if graceful:
            try:
                self.finish()
            except OSError as problem:
                end = End("local", reason_of(problem), str(problem))
            except Failed as problem:
                end = End("local", problem.reason, problem.message)
        self.drop()
        if self.__thread is not None:
            self.__thread.join(JOIN_S)
        self.__tell(end)

    def __live(self) -> None:
        try:
            end = self.run()
        except Failed as problem:
            end = End("error", problem.reason, problem.message)
        except OSError as problem:
            end = End("error", reason_of(problem), str(problem))
        except Exception as problem:  # noqa: BLE001 - the thread's boundary: a defect of the driver or the stack is reported
            traceback.print_exc(file=sys.stderr)
            end = End("error", "internal", repr(problem))
        with self.__lock:
            closing = self.__closing
        if not closing:
            self.__tell(end)
        self.__decided.set()

    def __tell(self, end: End) -> None:
        with self.__lock:
            if self.__told:
                return
            self.__told = True
            usable = self.__usable
        detail = end.detail or None
        if usable or end.how == "local":
            members = {"conn": self.id, "how": end.how, "reason": end.reason, "detail": detail}
            self.__notify("closed", members)
        else:
            who = {"listener": self.listener_id} if self.listener_id else {"conn": self.id}
            members = {**who, "stage": end.stage, "reason": end.reason, "detail": detail}
            self.__notify("rejected", members)
        self.__decided.set()

    def __notify(self, method: str, members: Mapping[str, object]) -> None:
        if self.__epoch is not None:
            self.__epoch.notify(method, members)


class Listener(ABC):
    """One server endpoint.

    Args:
        listener: The id the harness gave it.
        address: Where it listens, as the driver protocol writes addresses.
    """

    def __init__(self, listener: str, address: dict[str, object]) -> None:
        self.id = listener
        self.address = address
        self.closing = False
        self.__epoch: Epoch | None = None
        self.__thread: threading.Thread | None = None

    @abstractmethod
    def run(self) -> None:
        """Accept connections and hand each to `accepted`, until `drop`; release everything before returning."""

    @abstractmethod
    def drop(self) -> None:
        """Make `run` end soon, from whatever thread. Idempotent; `closing` is already true."""

    def accepted(self, connection: Connection) -> None:
        """Let an accepted connection live; the SDK gives it an id."""
        connection.listener_id = self.id
        if self.__epoch is not None:
            self.__epoch.adopt(connection)

    def rejected(self, reason: str, detail: str = "", stage: str = "handshake") -> None:
        """Report that an attempt was refused of which there is no connection."""
        if self.__epoch is not None:
            members = {"listener": self.id, "stage": stage, "reason": reason, "detail": detail or None}
            self.__epoch.notify("rejected", members)

    @final
    def start(self, epoch: Epoch) -> None:
        """Begin to accept, in an epoch."""
        self.__epoch = epoch
        self.__thread = epoch.spawn(f"listener {self.id}", self.__live)

    @final
    def close(self) -> None:
        """Serve `close`: stop accepting; accepted connections go on."""
        self.closing = True
        self.drop()
        if self.__thread is not None:
            self.__thread.join(JOIN_S)

    def __live(self) -> None:
        try:
            self.run()
        except Exception as problem:  # noqa: BLE001 - the thread's boundary: an endpoint that died is reported
            if not self.closing:
                traceback.print_exc(file=sys.stderr)
                self.rejected("internal", f"the endpoint died: {problem!r}", stage="transport")
