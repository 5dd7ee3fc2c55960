"""Named pipes in byte mode that never block, in the manner of non-blocking sockets.

A pipe of Windows cannot be waited for with `select`; it can be read and written in the background. So a pipe here keeps at
most one read and one write under way, and says when they are over.
"""

import contextlib
import ctypes
import secrets
import sys
import threading
from collections.abc import Callable
from ctypes import wintypes
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipc_gauntlet.windows import api, completion, security

assert not TYPE_CHECKING or sys.platform == "win32"  # noqa: S101 - tells the type checker where this file counts

PREFIX = "\\\\.\\pipe\\"

QUOTA = 65536
"""Bytes that the operating system holds in each direction, and the size of one read and one write."""

_ENDED = (api.ERROR_BROKEN_PIPE,)
_RESET = (api.ERROR_PIPE_NOT_CONNECTED,)
_BROKEN = (api.ERROR_BROKEN_PIPE, api.ERROR_NO_DATA, api.ERROR_PIPE_NOT_CONNECTED)


def _nobody() -> None:
    """Stands in until somebody waits."""


class OverlappedPipe:
    """One end of a pipe; use `create`, or `open` on a new one.

    Args:
        server: Whether this end was created, not opened; only such an end can be reset.
    """

    def __init__(self, *, server: bool = False) -> None:
        self.server = server
        self._handle = 0
        self._watcher: Callable[[], None] = _nobody
        self._accepting: completion.Operation | None = None
        self._reading: completion.Operation | None = None
        self._writing: completion.Operation | None = None
        self._buffer: ctypes.Array[ctypes.c_char] | None = None
        self._kept = b""
        self._ended = False
        self._reset = False
        self._flushing: threading.Thread | None = None

    def open(self, name: str) -> None:
        """Open the other end of a pipe; its server may learn who we are, and may not act in our name.

        Args:
            name: Full name.

        Raises:
            OSError: When there is none, or none that is free (`winerror` is ERROR_PIPE_BUSY).
        """
        handle = api.create_file(
            name,
            api.GENERIC_READ | api.GENERIC_WRITE,
            0,
            None,
            api.OPEN_EXISTING,
            api.FILE_FLAG_OVERLAPPED
            | api.SECURITY_SQOS_PRESENT
            | api.SECURITY_IDENTIFICATION
            | api.SECURITY_EFFECTIVE_ONLY,
            None,
        )
        if handle == api.INVALID_HANDLE_VALUE:
            raise api.failure(f"cannot connect to {name}")
        self.adopt(handle)

    def adopt(self, handle: int) -> None:
        """Be the end that a handle stands for.

        Args:
            handle: Opened for overlapped I/O; owned from now on.

        Raises:
            OSError: When it is not such a handle.
        """
        try:
            completion.completion_port().bind(handle)
        except BaseException:
            api.close_handle(handle)
            raise
        self._handle = handle

    def fileno(self) -> int:
        """Return the handle.

        Raises:
            ValueError: When the pipe is closed.
        """
        if self.closed:
            raise ValueError("the pipe is closed")
        return self._handle

    @property
    def closed(self) -> bool:
        """Whether this end is closed, or not open yet."""
        return not self._handle

    def watch(self, watcher: Callable[[], None] | None) -> None:
        """Choose what is called, on another thread, whenever an operation is over."""
        self._watcher = _nobody if watcher is None else watcher

    # -- a client ---------------------------------------------------------------------------------------------------------

    def begin_accept(self) -> None:
        """Begin to wait for a client; `can_read` says when there is one, `end_accept` has to follow."""
        handle = self.fileno()
        self._accepting = self._begin(None, lambda ov: api.connect_named_pipe(handle, ctypes.byref(ov)))

    def end_accept(self) -> None:
        """Take the client.

        Raises:
            OSError: When there is none to be had.
        """
        operation, self._accepting = self._accepting, None
        if operation is not None:
            error = operation.result()[1]
            # A client that was quicker than us is there; one that has left already will show as an end.
            if error not in (0, api.ERROR_PIPE_CONNECTED, api.ERROR_NO_DATA):
                raise api.failure("cannot accept on a pipe", error)

    # -- reading ----------------------------------------------------------------------------------------------------------

    def can_read(self) -> bool:
        """Whether `read` (or `end_accept`) will not block."""
        if self._accepting is not None:
            return self._accepting.over
        return bool(self._kept) or self._ended or (self._reading is not None and self._reading.over)

    def begin_read(self) -> None:
        """Begin to read in the background, unless something is there or under way already."""
        if self._accepting is None and self._reading is None and not self._kept and not self._ended:
            handle = self.fileno()
            if self._buffer is None:
                self._buffer = ctypes.create_string_buffer(QUOTA)
            buffer = self._buffer
            self._reading = self._begin(
                buffer, lambda ov: api.read_file(handle, buffer, QUOTA, None, ctypes.byref(ov))
            )

    def read(self, size: int) -> bytes:
        """Return what has come, at most some bytes; empty when the other side has closed its end.

        Raises:
            BlockingIOError: When nothing is there yet.
            ConnectionResetError: When the other side has thrown us off.
            OSError: When the pipe cannot be read for another reason.
        """
        self.begin_read()
        if self._reading is not None:
            if not self._reading.over:
                raise BlockingIOError
            operation, self._reading = self._reading, None
            self._take(*operation.result())
        if self._reset:
            raise ConnectionResetError(f"the other side has disconnected ({api.ERROR_PIPE_NOT_CONNECTED})")
        if not self._kept and not self._ended:
            raise BlockingIOError  # somebody wrote nothing, which is not an end
        data, self._kept = self._kept[:size], self._kept[size:]
        return data

    def _take(self, count: int, error: int) -> None:
        if error in _ENDED:
            self._ended = True
        elif error in _RESET:
            self._ended = self._reset = True
        elif error:
            self._ended = True
            raise api.failure("cannot read from a pipe", error)
        elif self._buffer is not None:
            self._kept = ctypes.string_at(self._buffer, count)

    # -- writing ----------------------------------------------------------------------------------------------------------

    def can_write(self) -> bool:
        """Whether a write can begin, or one that was under way is over."""
        return self._writing is None or self._writing.over

    def write(self, data: bytes | bytearray) -> int:
        """Write some bytes and return how many the operating system has taken.

        Bytes that it has not taken may be under way already when this raises BlockingIOError: the next call has to begin
        with the same ones.

        Raises:
            BlockingIOError: When it has taken none yet.
            BrokenPipeError: When the other side takes nothing any more.
            OSError: When the pipe cannot be written for another reason.
        """
        if self._writing is None:
            handle, size = self.fileno(), min(len(data), QUOTA)
            buffer = ctypes.create_string_buffer(bytes(data[:size]), size)
            self._writing = self._begin(
                buffer, lambda ov: api.write_file(handle, buffer, size, None, ctypes.byref(ov))
            )
        if not self._writing.over:
            raise BlockingIOError
        operation, self._writing = self._writing, None
        count, error = operation.result()
        if error in _BROKEN:
            raise BrokenPipeError(f"the other side takes nothing any more ({error})")
        if error:
            raise api.failure("cannot write to a pipe", error)
        return count

    def flushed(self) -> bool:
        """Whether the other side has read everything that was written, or has gone.

        Only a function that blocks can tell, so a thread calls it, on a handle of its own; `disconnect` ends that call.
        """
        if self._flushing is None and not self.closed:
            self._flushing = threading.Thread(target=_flush, args=(_duplicate(self._handle),), daemon=True)
            self._flushing.start()
        return self._flushing is None or not self._flushing.is_alive()

    # -- the end ----------------------------------------------------------------------------------------------------------

    def disconnect(self) -> None:
        """Throw the client off; what it has not read is lost. Only an end that was created can do that."""
        if self.server and not self.closed:
            api.disconnect_named_pipe(self._handle)

    def close(self) -> None:
        """Close this end; the other side can still read what was written, but not what is under way. Idempotent."""
        handle, self._handle = self._handle, 0
        if handle:
            self._watcher = _nobody
            api.cancel_io(handle, None)
            api.close_handle(handle)

    def _begin(
        self, buffer: ctypes.Array[ctypes.c_char] | None, start: Callable[[ctypes.Structure], bool]
    ) -> completion.Operation:
        operation = completion.Operation(self.fileno(), buffer, lambda: self._watcher())
        completion.completion_port().begin(operation, start)
        return operation


def _duplicate(handle: int) -> int:
    this, copy = api.current_process(), wintypes.HANDLE()
    if not api.duplicate_handle(this, handle, this, ctypes.byref(copy), 0, False, api.DUPLICATE_SAME_ACCESS):
        raise api.failure("cannot duplicate the handle of a pipe")
    return copy.value or 0


def _flush(handle: int) -> None:
    api.flush_file_buffers(handle)
    api.close_handle(handle)


@dataclass(frozen=True, slots=True)
class Making:
    """How the created end of a pipe is to be.

    Args:
        access: The direction, `PIPE_ACCESS_...`.
        first: Whether the name must be new.
        instances: How many ends of that name there may be at once.
        remote: Whether clients of other machines are taken, as far as the access list lets them in.
        sddl: Descriptor of a pipe that is not to be ours alone.
    """

    access: int = api.PIPE_ACCESS_DUPLEX
    first: bool = True
    instances: int = 255
    remote: bool = False
    sddl: str = ""


DUPLEX = Making()


def new_name(kind: str) -> str:
    """Return a name that nobody can guess, and so nobody can take first."""
    return f"{PREFIX}ipcg-{kind}-{secrets.token_hex(16)}"


def create(name: str, making: Making = DUPLEX) -> OverlappedPipe:
    """Create an end that this user's processes on this machine can open, and nobody else unless `making.sddl` says so.

    Args:
        name: Full name.
        making: Its properties.

    Raises:
        OSError: When that is not possible; with `making.first`, also when the name is taken.
    """
    first = api.FILE_FLAG_FIRST_PIPE_INSTANCE if making.first else 0
    handle = api.create_named_pipe(
        name,
        making.access | api.FILE_FLAG_OVERLAPPED | first,
        # Zero for the rest: bytes to write, bytes to read, and it may wait.
        0 if making.remote else api.PIPE_REJECT_REMOTE_CLIENTS,
        making.instances,
        QUOTA,
        QUOTA,
        0,
        ctypes.byref(security.other(making.sddl) if making.sddl else security.private()),
    )
    if handle == api.INVALID_HANDLE_VALUE:
        raise api.failure(f"cannot create the pipe {name}")
    made = OverlappedPipe(server=True)
    made.adopt(handle)
    return made


def for_child(*, child_reads: bool) -> tuple[OverlappedPipe, int]:
    """Make a pipe to a child process: our end never blocks, the child's is like any other file.

    Args:
        child_reads: Whether the child reads from it; otherwise it writes to it.

    Returns:
        Our end, and the handle of the child's, which is inherited and has to be closed here once the child has it.

    Raises:
        OSError: When the operating system refuses.
    """
    name = new_name("io")
    access = api.PIPE_ACCESS_OUTBOUND if child_reads else api.PIPE_ACCESS_INBOUND
    ours = create(name, Making(access, instances=1))
    with contextlib.ExitStack() as undo:
        undo.callback(ours.close)
        theirs = api.create_file(
            name,
            api.GENERIC_READ if child_reads else api.GENERIC_WRITE,
            0,
            ctypes.byref(security.private_inherited()),
            api.OPEN_EXISTING,
            api.SECURITY_SQOS_PRESENT | api.SECURITY_IDENTIFICATION,
            None,
        )
        if theirs == api.INVALID_HANDLE_VALUE:
            raise api.failure("cannot open the child's end of a pipe")
        undo.pop_all()
    ours.begin_accept()
    ours.end_accept()
    return ours, theirs
