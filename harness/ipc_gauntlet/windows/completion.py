"""One completion port and one thread for all overlapped I/O of this process.

The thread does two things only: it lets go of the memory of operations that are over, and wakes whoever waits. Whether an
operation is over, and how it ended, is read from its OVERLAPPED structure by the thread that runs the reactor; so no state
is shared, and nothing needs a lock.

Rule of this file: an operation's memory belongs to the operating system until the port has delivered its packet, also when
its handle has been closed meanwhile.
"""

import ctypes
import functools
import sys
import threading
from collections.abc import Callable
from ctypes import wintypes
from typing import TYPE_CHECKING

from ipc_gauntlet.windows import api

assert not TYPE_CHECKING or sys.platform == "win32"  # noqa: S101 - tells the type checker where this file counts

_STATUS_PENDING = 0x103

Start = Callable[[ctypes.Structure], bool]
"""Starts an operation on an OVERLAPPED structure; false if the function said so, with its error as the last one."""


class Operation:
    """A read, a write, or the wait for a client.

    Args:
        handle: What it works on.
        buffer: The memory it works with.
        on_done: Called on the port's thread once it is over.
    """

    __slots__ = ("_handle", "buffer", "error", "on_done", "overlapped")

    def __init__(
        self, handle: int, buffer: ctypes.Array[ctypes.c_char] | None, on_done: Callable[[], None]
    ) -> None:
        self.overlapped = api.Overlapped()
        self.buffer = buffer
        self.on_done = on_done
        self.error: int | None = None
        self._handle = handle

    @property
    def over(self) -> bool:
        """Whether it has ended, well or not."""
        return self.error is not None or self.overlapped.Internal != _STATUS_PENDING

    def result(self) -> tuple[int, int]:
        """Return how many bytes were moved, and the error, 0 for none; for an operation that is over."""
        if self.error is not None:
            return 0, self.error
        count = wintypes.DWORD()
        good = api.get_overlapped_result(
            self._handle, ctypes.byref(self.overlapped), ctypes.byref(count), False
        )
        return count.value, 0 if good else api.last_error()


class CompletionPort:
    """A completion port and the thread that waits for it."""

    def __init__(self) -> None:
        port = api.create_completion_port(api.INVALID_HANDLE_VALUE, None, 0, 0)
        if not port:
            raise api.failure("cannot create a completion port")
        self._port = port
        self._pending: dict[int, Operation] = {}
        threading.Thread(target=self._wait, name="overlapped I/O", daemon=True).start()

    @property
    def pending(self) -> int:
        """How many operations own memory."""
        return len(self._pending)

    def bind(self, handle: int) -> None:
        """Let operations on a handle be reported here.

        Raises:
            OSError: When the handle is not one for overlapped I/O.
        """
        if not api.create_completion_port(handle, self._port, 0, 0):
            raise api.failure("cannot wait for a handle")

    def begin(self, operation: Operation, start: Start) -> None:
        """Start an operation; one that cannot be started is over with an error.

        Args:
            operation: Not started yet.
            start: Calls the function.
        """
        address = ctypes.addressof(operation.overlapped)
        # Before the call: the packet may be here before the function has returned.
        self._pending[address] = operation
        if not start(operation.overlapped):
            error = api.last_error()
            if error != api.ERROR_IO_PENDING:
                operation.error = error
                del self._pending[address]

    def _wait(self) -> None:
        count, key = wintypes.DWORD(), ctypes.c_size_t()
        while True:
            overlapped = ctypes.c_void_p()
            api.get_completion(
                self._port,
                ctypes.byref(count),
                ctypes.byref(key),
                ctypes.byref(overlapped),
                api.INFINITE,
            )
            operation = self._pending.pop(overlapped.value or 0, None)
            if operation is not None:
                operation.on_done()


@functools.cache
def completion_port() -> CompletionPort:
    """Return the port of this process; it and its thread last as long as the process."""
    return CompletionPort()
