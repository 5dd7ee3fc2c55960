"""The calls of Windows that named pipes need, through ctypes.

A call under way is bound to the thread that began it: Windows would end it together with that thread. Handles are
therefore bound to a completion port, which lifts that; the low bit of the event's handle keeps packets from the port,
where nobody would take them.
"""

import ctypes
from collections.abc import Sequence
from ctypes import wintypes
from typing import Any

from sipc_runtime.windows_api import (
    ERROR_IO_PENDING,
    ERROR_PIPE_CONNECTED,
    FILE_FLAG_OVERLAPPED,
    CallFailed,
    Identity,
    Operation,
    PipeShape,
)
from sipc_runtime.windows_library import declared, last_error
from sipc_runtime.windows_security import SecurityAttributes, WindowsSecurity

_INVALID_HANDLE = ctypes.c_void_p(-1).value
_UNLIMITED_INSTANCES = 255
_OPEN_EXISTING = 3
_WAIT_TIMEOUT, _WAIT_FAILED, _INFINITE = 0x102, 0xFFFFFFFF, 0xFFFFFFFF
_HANDLE, _DWORD, _BOOL, _POINTER = wintypes.HANDLE, wintypes.DWORD, wintypes.BOOL, ctypes.c_void_p

# Of kernel32: what each call returns, and its parameters.
_CALLS: dict[str, tuple[Any, ...]] = {
    "CreateNamedPipeW": (_HANDLE, wintypes.LPCWSTR, *[_DWORD] * 6, _POINTER),
    "CreateFileW": (_HANDLE, wintypes.LPCWSTR, _DWORD, _DWORD, _POINTER, _DWORD, _DWORD, _HANDLE),
    "GetNamedPipeHandleStateW": (_BOOL, _HANDLE, _POINTER, _POINTER, _POINTER, _POINTER, _POINTER, _DWORD),
    "GetNamedPipeClientProcessId": (_BOOL, _HANDLE, _POINTER),
    "GetNamedPipeServerProcessId": (_BOOL, _HANDLE, _POINTER),
    "ConnectNamedPipe": (_BOOL, _HANDLE, _POINTER),
    "DisconnectNamedPipe": (_BOOL, _HANDLE),
    "ReadFile": (_BOOL, _HANDLE, _POINTER, _DWORD, _POINTER, _POINTER),
    "WriteFile": (_BOOL, _HANDLE, _POINTER, _DWORD, _POINTER, _POINTER),
    "CancelIoEx": (_BOOL, _HANDLE, _POINTER),
    "GetOverlappedResult": (_BOOL, _HANDLE, _POINTER, _POINTER, _BOOL),
    "CreateIoCompletionPort": (_HANDLE, _HANDLE, _HANDLE, ctypes.c_size_t, _DWORD),
    "CreateEventW": (_HANDLE, _POINTER, _BOOL, _BOOL, wintypes.LPCWSTR),
    "SetEvent": (_BOOL, _HANDLE),
    "ResetEvent": (_BOOL, _HANDLE),
    "WaitForMultipleObjects": (_DWORD, _DWORD, _POINTER, _BOOL, _DWORD),
    "CloseHandle": (_BOOL, _HANDLE),
}


class _Overlapped(ctypes.Structure):
    """OVERLAPPED. The offset, which pipes do not have, is one number here."""

    _fields_ = (
        ("internal", ctypes.c_size_t),
        ("internal_high", ctypes.c_size_t),
        ("offset", ctypes.c_uint64),
        ("event", _HANDLE),
    )


class WindowsOperation:
    """See `Operation`."""

    __slots__ = ("buffer", "event", "overlapped", "pending")

    def __init__(self, event: int, size: int) -> None:
        self.event = event
        self.pending = False
        self.buffer = ctypes.create_string_buffer(size)
        self.overlapped = _Overlapped(event=event | 1)


class WindowsPipes:
    """A `PipeApi` that asks Windows."""

    def __init__(self) -> None:
        self._kernel = declared("kernel32", _CALLS)
        self._security = WindowsSecurity()
        self._port = self._checked("CreateIoCompletionPort", _INVALID_HANDLE, None, 0, 1)

    def identity(self) -> Identity:
        """See `PipeApi`."""
        return self._security.identity()

    def user_of(self, process: int) -> str:
        """See `PipeApi`."""
        return self._security.user_of(process)

    def create_pipe(self, shape: PipeShape) -> int:
        """See `PipeApi`."""
        with self._security.descriptor(shape.sddl) as descriptor:
            attributes = SecurityAttributes(ctypes.sizeof(SecurityAttributes), descriptor, False)
            handle = self._kernel["CreateNamedPipeW"](
                *(shape.name, shape.open_mode, shape.pipe_mode, _UNLIMITED_INSTANCES),
                *(shape.buffer, shape.buffer, 0, ctypes.byref(attributes)),
            )
            code = last_error()
        return self._opened("CreateNamedPipe", handle, code)

    def open_pipe(self, name: str, access: int, flags: int) -> int:
        """See `PipeApi`."""
        handle = self._kernel["CreateFileW"](
            name, access, 0, None, _OPEN_EXISTING, flags | FILE_FLAG_OVERLAPPED, None
        )
        return self._opened("CreateFile", handle, last_error())

    def _opened(self, call: str, handle: int | None, code: int) -> int:
        if handle is None or handle == _INVALID_HANDLE:
            raise CallFailed(call, code)
        try:
            self._checked("CreateIoCompletionPort", handle, self._port, 0, 0)
        except CallFailed:
            self.close(handle)
            raise
        return handle

    def instances(self, handle: int) -> int:
        """See `PipeApi`."""
        count = _DWORD()
        self._checked("GetNamedPipeHandleStateW", handle, None, ctypes.byref(count), None, None, None, 0)
        return count.value

    def set_dacl(self, handle: int, sddl: str) -> None:
        """See `PipeApi`."""
        self._security.set_dacl(handle, sddl)

    def describe(self, handle: int) -> str:
        """See `PipeApi`."""
        return self._security.describe(handle)

    def owner(self, handle: int) -> str:
        """See `PipeApi`."""
        return self._security.owner(handle)

    def client_process(self, handle: int) -> int:
        """See `PipeApi`."""
        return self._process("GetNamedPipeClientProcessId", handle)

    def server_process(self, handle: int) -> int:
        """See `PipeApi`."""
        return self._process("GetNamedPipeServerProcessId", handle)

    def _process(self, call: str, handle: int) -> int:
        number = wintypes.ULONG()
        self._checked(call, handle, ctypes.byref(number))
        return number.value

    def operation(self, size: int) -> WindowsOperation:
        """See `PipeApi`."""
        return WindowsOperation(self.new_event(), size)

    def start_connect(self, handle: int, operation: Operation) -> bool:
        """See `PipeApi`."""
        one = _ours(operation)
        try:
            return self._start(one, "ConnectNamedPipe", handle)
        except CallFailed as error:
            if error.code == ERROR_PIPE_CONNECTED:
                return True
            raise

    def start_read(self, handle: int, operation: Operation, limit: int) -> bool:
        """See `PipeApi`."""
        one = _ours(operation)
        return self._start(one, "ReadFile", handle, one.buffer, min(limit, len(one.buffer)), None)

    def start_write(self, handle: int, operation: Operation, data: bytes | memoryview) -> bool:
        """See `PipeApi`."""
        one = _ours(operation)
        size = len(data)
        memoryview(one.buffer).cast("B")[:size] = data
        return self._start(one, "WriteFile", handle, one.buffer, size, None)

    def _start(self, operation: WindowsOperation, call: str, *arguments: object) -> bool:
        operation.overlapped.internal = operation.overlapped.internal_high = 0
        if self._kernel[call](*arguments, ctypes.byref(operation.overlapped)):
            return True
        code = last_error()
        if code != ERROR_IO_PENDING:
            raise CallFailed(call, code)
        operation.pending = True
        return False

    def finish(self, handle: int, operation: Operation) -> int:
        """See `PipeApi`."""
        one = _ours(operation)
        count = _DWORD()
        ended = self._kernel["GetOverlappedResult"](
            handle, ctypes.byref(one.overlapped), ctypes.byref(count), True
        )
        code = last_error()
        one.pending = False
        if not ended:
            raise CallFailed("GetOverlappedResult", code)
        return count.value

    def read_bytes(self, operation: Operation, count: int) -> bytes:
        """See `PipeApi`."""
        return memoryview(_ours(operation).buffer)[:count].tobytes()

    def cancel(self, handle: int, operation: Operation) -> None:
        """See `PipeApi`."""
        one = _ours(operation)
        if not one.pending:
            return
        # It may have ended by itself, and then there is nothing to cancel: either way `finish` tells when it is over.
        self._kernel["CancelIoEx"](handle, ctypes.byref(one.overlapped))
        try:
            self.finish(handle, one)
        except CallFailed:
            return

    def free(self, operation: Operation) -> None:
        """See `PipeApi`."""
        self.close(operation.event)

    def new_event(self) -> int:
        """See `PipeApi`."""
        return self._checked("CreateEventW", None, True, False, None)

    def set_event(self, event: int) -> None:
        """See `PipeApi`."""
        self._checked("SetEvent", event)

    def reset_event(self, event: int) -> None:
        """See `PipeApi`."""
        self._checked("ResetEvent", event)

    def wait(self, events: Sequence[int], seconds: float | None) -> int | None:
        """See `PipeApi`."""
        milliseconds = _INFINITE if seconds is None else min(round(seconds * 1000), _INFINITE - 1)
        handles = (_HANDLE * len(events))(*events)
        found = self._kernel["WaitForMultipleObjects"](len(events), handles, False, milliseconds)
        if found == _WAIT_FAILED:
            raise CallFailed("WaitForMultipleObjects", last_error())
        return None if found == _WAIT_TIMEOUT else int(found)

    def disconnect(self, handle: int) -> None:
        """See `PipeApi`."""
        self._checked("DisconnectNamedPipe", handle)

    def close(self, handle: int) -> None:
        """See `PipeApi`."""
        self._kernel["CloseHandle"](handle)

    def _checked(self, call: str, *arguments: object) -> int:
        result = self._kernel[call](*arguments)
        if not result:
            raise CallFailed(call, last_error())
        return int(result)


def _ours(operation: Operation) -> WindowsOperation:
    if not isinstance(operation, WindowsOperation):
        raise TypeError("an operation of another system")
    return operation
