"""A connected named pipe as a byte stream.

A pipe cannot be shut down, only closed, and closing it under a call in another thread is not safe. So whoever hangs up
sets an event that every waiting thread looks at, and the last thread to leave closes the pipe: then the other end finds
what is in the pipe, and after it the end.

A write either fits into the pipe or is under way until the other end has read; there is no half of one. What is under
way counts as taken only when it is over, so a writer that is told 0 has to come back with the same bytes.
"""

import threading
from contextlib import ExitStack

from sipc_runtime.transport import READ_SIZE, Peer, StreamBroken
from sipc_runtime.windows_api import (
    ERROR_BROKEN_PIPE,
    ERROR_OPERATION_ABORTED,
    CallFailed,
    PipeApi,
)

# Room in the pipe for either direction, and the longest single write. The longest frame is one write, and two fit.
PIPE_ROOM = 128 * 1024
_LONGEST_WRITE = PIPE_ROOM // 2


class PipeStream:
    """A `Stream` over a connected pipe, which it owns.

    Args:
        api: Calls of Windows.
        handle: The connected pipe, opened for overlapped calls.
        peer: Who is at the other end.
    """

    def __init__(self, api: PipeApi, handle: int, peer: Peer) -> None:
        self._peer = peer
        self._api = api
        self._handle = handle
        self._lock = threading.Lock()
        # Threads inside a call on the handle.
        self._inside = 0
        self._hung_up = False
        self._released = False
        self._closed = False
        # The bytes of the write that is under way.
        self._under_way = b""
        # What a read brought that was begun for somebody who wanted more.
        self._ahead = b""
        self._interrupted: int | None = None
        with ExitStack() as undo:
            self._reading = api.operation(READ_SIZE)
            undo.callback(api.free, self._reading)
            self._writing = api.operation(_LONGEST_WRITE)
            undo.callback(api.free, self._writing)
            self._ended = api.new_event()
            undo.pop_all()

    @property
    def peer(self) -> Peer:
        """See `Stream.peer`."""
        return self._peer

    def read(self, limit: int) -> bytes:
        """See `Stream.read`."""
        return self._receive(limit, ()) or b""

    def read_unless_interrupted(self, limit: int) -> bytes | None:
        """See `Stream.read_unless_interrupted`."""
        return self._receive(limit, () if self._interrupted is None else (self._interrupted,))

    def allow_interrupts(self) -> bool:
        """See `Stream.allow_interrupts`."""
        try:
            if self._interrupted is None:
                self._interrupted = self._api.new_event()
        except CallFailed:
            # No handles left: whoever wanted to interrupt finds another way.
            return False
        return True

    def interrupt(self) -> None:
        """See `Stream.interrupt`."""
        with self._lock:
            if self._interrupted is not None and not self._closed:
                self._api.set_event(self._interrupted)

    def write_some(self, data: bytes | memoryview) -> int:
        """See `Stream.write_some`."""
        if not self._enter():
            raise StreamBroken("writing failed: the stream has ended here")
        try:
            return self._write(memoryview(data))
        except CallFailed as error:
            raise StreamBroken(f"writing failed: {error}") from error
        finally:
            self._leave()

    def wait_writable(self) -> None:
        """See `Stream.wait_writable`."""
        if not self._enter():
            return
        try:
            if self._writing.pending:
                self._api.wait((self._writing.event, self._ended), None)
        finally:
            self._leave()

    def hang_up(self) -> None:
        """See `Stream.hang_up`."""
        with self._lock:
            if self._hung_up:
                return
            self._hung_up = True
            self._api.set_event(self._ended)
            self._release_if_left()

    def close(self) -> None:
        """See `Stream.close`."""
        self.hang_up()
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._api.free(self._reading)
            self._api.free(self._writing)
            self._api.close(self._ended)
            if self._interrupted is not None:
                self._api.close(self._interrupted)

    # --- inside ---

    def _enter(self) -> bool:
        """Keep the handle from being closed until `_leave`; False after the end."""
        with self._lock:
            if self._hung_up:
                return False
            self._inside += 1
            return True

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1
            self._release_if_left()

    def _release_if_left(self) -> None:
        """Close the handle once nobody uses it. Called with the lock held."""
        if not self._hung_up or self._inside or self._released:
            return
        self._released = True
        self._api.cancel(self._handle, self._reading)
        self._api.cancel(self._handle, self._writing)
        self._api.close(self._handle)

    def _receive(self, limit: int, interrupts: tuple[int, ...]) -> bytes | None:
        """Wait for bytes, the end of the stream (no bytes), or an interrupt (None)."""
        if not self._enter():
            if self._closed:
                raise StreamBroken("reading failed: the stream is closed")
            return b""
        try:
            return self._read(limit, interrupts)
        except CallFailed as error:
            if error.code == ERROR_BROKEN_PIPE:
                return b""
            raise StreamBroken(f"reading failed: {error}") from error
        finally:
            self._leave()

    def _read(self, limit: int, interrupts: tuple[int, ...]) -> bytes | None:
        api, reading = self._api, self._reading
        while True:
            if interrupts and api.wait(interrupts, 0) is not None:
                api.reset_event(interrupts[0])
                # A read that was begun stays under way for whoever reads next.
                return None
            if self._ahead:
                data, self._ahead = self._ahead[:limit], self._ahead[limit:]
                return data
            if not reading.pending:
                api.start_read(self._handle, reading, limit)
            if reading.pending:
                found = api.wait((reading.event, self._ended, *interrupts), None)
                if found == 1:
                    return b""
                if found != 0:
                    continue
            # Nothing, if the peer wrote no bytes: that ends a read as well, and is not the end of the stream.
            self._ahead = self._what_was_read()

    def _what_was_read(self) -> bytes:
        try:
            count = self._api.finish(self._handle, self._reading)
        except CallFailed as error:
            if error.code == ERROR_OPERATION_ABORTED:
                # The thread that began it is gone, and took nothing with it.
                return b""
            raise
        return self._api.read_bytes(self._reading, count)

    def _write(self, data: memoryview) -> int:
        api, writing = self._api, self._writing
        taken = 0
        if writing.pending:
            count = len(self._under_way)
            if data[:count] != self._under_way:
                raise StreamBroken("writing failed: other bytes are under way")
            if api.wait((writing.event,), 0) is None:
                return 0
            taken = self._finished_write(count)
        while taken < len(data):
            piece = data[taken : taken + _LONGEST_WRITE]
            if not api.start_write(self._handle, writing, piece):
                self._under_way = bytes(piece)
                break
            taken += self._finished_write(len(piece))
        return taken

    def _finished_write(self, count: int) -> int:
        """The number of bytes, which is that of the whole write, or nobody knows what has arrived."""
        written = self._api.finish(self._handle, self._writing)
        if written != count:
            raise StreamBroken(f"writing failed: {written} of {count} bytes went into the pipe")
        return count
