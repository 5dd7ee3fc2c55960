"""Named pipes of Windows, in byte mode.

What differs from sockets, and cannot be made up for:

- A pipe has no halves. The end that one side sends is its leaving: what it wrote before can still be read, what the other
  side writes afterwards is refused.
- Only the end that was created can reset. A relay can reset the client, toward the server it can only leave.
- There is no queue of clients. Each one needs an instance that waits for it, and finds the pipe busy while there is none.

Every name is random, and must be new; only this user on this machine may open it (`ipc_gauntlet.windows.security`).
"""

import contextlib
import sys
from typing import TYPE_CHECKING

from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.reactor import Reactor
from ipc_gauntlet.transport.base import READ_SIZE, ByteStream
from ipc_gauntlet.transport.protocol import Address, OnAccept
from ipc_gauntlet.windows import api
from ipc_gauntlet.windows import pipe as pipes

assert not TYPE_CHECKING or sys.platform == "win32"  # noqa: S101 - tells the type checker where this file counts

WAITING = 8
"""Instances that wait for clients at any time, so that many can connect between two passes of the loop."""

NAME_MAX = 256
"""Longest name of a pipe with its prefix, as the system documents it."""

CONNECT_RETRY_S = 0.005
CONNECT_RETRIES = 1000


class PipeStream(ByteStream):
    """`Stream` on one end of a pipe.

    Args:
        pipe: Connected, or new and to be connected; owned from now on.
        reactor: Drives the stream.
    """

    def __init__(self, pipe: pipes.OverlappedPipe, reactor: Reactor) -> None:
        super().__init__(pipe, reactor)
        self._pipe = pipe

    def connect(self, name: str) -> None:
        """Connect now, or once the pipe is not busy any more; a failure is reported by `on_end("error")`."""
        self._connecting = True
        self._connect(name, CONNECT_RETRIES)

    def abort(self) -> None:
        """See `Stream.abort`; only the end that was created can do more than close."""
        self._pipe.disconnect()
        self.close()

    def unread(self) -> int | None:
        """See `Stream.unread`: the system tells what is left of a quota, but takes reads that wait off it as well."""
        return None

    def unsent(self) -> int:
        """See `Stream.unsent`; how many it is nobody can tell, so it is 1 or none."""
        return 1 if self._pipe.server and not self._pipe.flushed() else 0

    def take(self, size: int) -> bytes:
        """See `ByteStream.take`."""
        return self._pipe.read(size)

    def give(self, data: bytes) -> int:
        """See `ByteStream.give`."""
        return self._pipe.write(data)

    def shut(self) -> None:
        """See `ByteStream.shut`."""
        self._soon(self._leave)

    def free(self) -> None:
        """See `ByteStream.free`."""
        self._pipe.close()

    def _connect(self, name: str, retries: int) -> None:
        if self._closed:
            return
        try:
            self._pipe.open(name)
        except OSError as problem:
            if problem.winerror == api.ERROR_PIPE_BUSY and retries:
                again = self._reactor.now() + CONNECT_RETRY_S
                self._reactor.call_at(again, lambda: self._connect(name, retries - 1))
            else:
                why = str(problem)
                self._soon(lambda: self._connect_failed(why))
        else:
            self._connected()

    def _leave(self) -> None:
        """Report what the other side has sent so far, if anybody wants it, and end both directions."""
        try:
            while self._wants_bytes and not self._ended and (data := self.take(READ_SIZE)):
                self.on_bytes(data)
                if self._closed:
                    return
        except OSError:  # nothing more is there, or it has ended in another way: it is over in any case
            pass
        self._reactor.remove_reader(self._pipe)
        self._pipe.close()
        if not self._ended:
            self._end("fin")


class PipeListener:
    """`Listener` on instances of one pipe.

    Args:
        reactor: Drives the listener.
        on_accept: Called for each accepted connection.

    Raises:
        HarnessError: When no pipe can be created.
    """

    def __init__(self, reactor: Reactor, on_accept: OnAccept) -> None:
        self._name = pipes.new_name("relay")
        self.address: dict[str, object] = address_of(self._name)
        self._reactor = reactor
        self._on_accept = on_accept
        self._waiting: list[pipes.OverlappedPipe] = []
        self._closed = False
        try:
            for number in range(WAITING):
                self._wait(first=number == 0)
        except HarnessError:
            self.close()
            raise

    def close(self) -> None:
        """See `Listener.close`."""
        self._closed = True
        for instance in self._waiting:
            self._reactor.remove_reader(instance)
            instance.close()
        self._waiting.clear()

    def _wait(self, *, first: bool) -> None:
        try:
            instance = pipes.create(self._name, pipes.Making(first=first))
        except OSError as problem:
            raise HarnessError(f"cannot listen on a pipe: {problem}") from problem
        self._waiting.append(instance)
        instance.begin_accept()
        self._reactor.add_reader(instance, lambda: self._accept(instance))

    def _accept(self, instance: pipes.OverlappedPipe) -> None:
        self._reactor.remove_reader(instance)
        self._waiting.remove(instance)
        with contextlib.ExitStack() as undo:
            undo.callback(instance.close)
            try:
                instance.end_accept()
            except OSError as problem:
                raise HarnessError(f"cannot accept on {self._name}: {problem}") from problem
            self._wait(
                first=False
            )  # before anybody can close the listener, so that there is always one that waits
            undo.pop_all()
        self._on_accept(PipeStream(instance, self._reactor))


class Unserved:
    """Instances of a pipe that nobody serves: who connects gets no answer, and who comes late finds all of them busy.

    Args:
        count: How many instances there are.
    """

    def __init__(self, count: int) -> None:
        self.name = pipes.new_name("hole")
        self.address: dict[str, object] = address_of(self.name)
        self._instances: list[pipes.OverlappedPipe] = []
        for number in range(count):
            self._instances.append(pipes.create(self.name, pipes.Making(first=number == 0, instances=count)))

    def close(self) -> None:
        """Close all of them; idempotent."""
        for instance in self._instances:
            instance.close()


def unserved(count: int) -> Unserved:
    """Make instances of a pipe that nobody serves.

    Args:
        count: How many clients can connect before the pipe is busy.

    Raises:
        HarnessError: When no pipe can be created.
    """
    try:
        return Unserved(count)
    except OSError as problem:
        raise HarnessError(f"cannot create a pipe: {problem}") from problem


def fill(hole: Unserved) -> tuple[pipes.OverlappedPipe, bool]:
    """Connect to a pipe that nobody serves.

    Returns:
        The client, and whether it found an instance.

    Raises:
        HarnessError: When it can neither connect nor finds the pipe busy.
    """
    client = pipes.OverlappedPipe()
    try:
        client.open(hole.name)
    except OSError as problem:
        if problem.winerror != api.ERROR_PIPE_BUSY:
            raise HarnessError(str(problem)) from problem
        return client, False
    return client, True


def listen(reactor: Reactor, on_accept: OnAccept) -> PipeListener:
    """Listen on a new pipe.

    Args:
        reactor: Drives the listener.
        on_accept: Called for each accepted connection.

    Raises:
        HarnessError: When no pipe can be created.
    """
    return PipeListener(reactor, on_accept)


def dial(address: Address, reactor: Reactor) -> PipeStream:
    """Connect to a pipe of this machine.

    Raises:
        HarnessError: When the address names no local pipe. The harness never talks to another machine.
    """
    stream = PipeStream(pipes.OverlappedPipe(), reactor)
    stream.connect(local_name(address))
    return stream


def local_name(address: Address) -> str:
    r"""Return the name of a pipe.

    Raises:
        HarnessError: When it is no name of the form `\\.\pipe\NAME`: with another machine in it Windows would send our
            credentials there, and a path without the prefix would be a file.
    """
    path = address.get("path")
    if not isinstance(path, str) or not path.lower().startswith(pipes.PREFIX) or len(path) > NAME_MAX:
        raise HarnessError(f"not the name of a local pipe: {dict(address)!r}")
    if len(path) == len(pipes.PREFIX) or "/" in path or ".." in path or "\0" in path:
        raise HarnessError(f"not the name of a local pipe: {dict(address)!r}")
    return path


def address_of(name: str) -> dict[str, object]:
    """Return the address of a pipe as drivers know it."""
    return {"transport": "pipe", "path": name}
