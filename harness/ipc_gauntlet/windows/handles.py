"""Which handles a process would hand on to programs that it starts, as Windows tells others."""

import ctypes
import sys
from ctypes import wintypes
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipc_gauntlet.windows import api

assert not TYPE_CHECKING or sys.platform == "win32"  # noqa: S101 - tells the type checker where this file counts

_EXTENDED_HANDLE_INFORMATION = 64
_BASIC_INFORMATION = 0
_LENGTH_MISMATCH = 0xC0000004
_OBJ_INHERIT = 0x2
_QUERY_AND_READ = 0x0400 | 0x0010
_MOST_BYTES = 1 << 28
# Of the process's environment block, where 64 bits are a pointer.
_PARAMETERS, _STANDARD_HANDLES = 0x20, 0x20


class _Entry(ctypes.Structure):
    """SYSTEM_HANDLE_TABLE_ENTRY_INFO_EX."""

    _fields_ = (
        ("object", ctypes.c_void_p),
        ("process", ctypes.c_size_t),
        ("handle", ctypes.c_size_t),
        ("access", wintypes.ULONG),
        ("trace", wintypes.USHORT),
        ("kind", wintypes.USHORT),
        ("attributes", wintypes.ULONG),
        ("reserved", wintypes.ULONG),
    )


class _Head(ctypes.Structure):
    """The beginning of SYSTEM_HANDLE_INFORMATION_EX; the entries follow."""

    _fields_ = (("count", ctypes.c_size_t), ("reserved", ctypes.c_size_t))


class _Basic(ctypes.Structure):
    """PROCESS_BASIC_INFORMATION."""

    _fields_ = (
        ("status", ctypes.c_void_p),
        ("environment_block", ctypes.c_void_p),
        ("rest", ctypes.c_void_p * 4),
    )


_ntdll = ctypes.WinDLL("ntdll")
_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)

_query_system = _ntdll.NtQuerySystemInformation
_query_system.argtypes = (ctypes.c_int, ctypes.c_void_p, wintypes.ULONG, ctypes.POINTER(wintypes.ULONG))
_query_system.restype = wintypes.ULONG

_query_process = _ntdll.NtQueryInformationProcess
_query_process.argtypes = (wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.ULONG, ctypes.c_void_p)
_query_process.restype = wintypes.ULONG

_read_memory = _kernel32.ReadProcessMemory
_read_memory.argtypes = (
    wintypes.HANDLE,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_void_p,
)
_read_memory.restype = wintypes.BOOL


@dataclass(frozen=True, slots=True)
class OpenHandle:
    """A handle of another process.

    Args:
        number: Its value there.
        inherited: Whether a program that is started with inheritance gets it.
    """

    number: int
    inherited: bool


def handles_of(process: int) -> list[OpenHandle]:
    """The handles of a process.

    Args:
        process: Its number.

    Raises:
        OSError: The operating system does not tell.
    """
    size = 1 << 18
    while size <= _MOST_BYTES:
        buffer, needed = ctypes.create_string_buffer(size), wintypes.ULONG()
        status = _query_system(_EXTENDED_HANDLE_INFORMATION, buffer, size, ctypes.byref(needed))
        if status != _LENGTH_MISMATCH:
            break
        # There may be more of them by the time it is asked again.
        size *= 2
    if status:
        raise OSError(f"cannot list the handles of processes: status {status:#x}")
    count = _Head.from_buffer(buffer).count
    entries = (_Entry * count).from_buffer(buffer, ctypes.sizeof(_Head))
    return [
        OpenHandle(one.handle, bool(one.attributes & _OBJ_INHERIT))
        for one in entries
        if one.process == process
    ]


def standard_handles_of(process: int) -> list[int]:
    """The three standard handles of a process, which it got to hand them on.

    Args:
        process: Its number; it has to be of 64 bits, as this one.

    Raises:
        OSError: It cannot be looked at.
    """
    if ctypes.sizeof(ctypes.c_void_p) != 8:
        raise OSError("only known for processes of 64 bits")
    handle = api.open_process(_QUERY_AND_READ, False, process)
    if not handle:
        raise api.failure(f"cannot look at process {process}")
    try:
        basic = _Basic()
        status = _query_process(handle, _BASIC_INFORMATION, ctypes.byref(basic), ctypes.sizeof(basic), None)
        if status or not basic.environment_block:
            raise OSError(f"cannot look at process {process}: status {status:#x}")
        (parameters,) = _words(handle, basic.environment_block + _PARAMETERS, 1)
        return _words(handle, parameters + _STANDARD_HANDLES, 3)
    finally:
        api.close_handle(handle)


def _words(handle: int, address: int, count: int) -> list[int]:
    words = (ctypes.c_size_t * count)()
    if not _read_memory(handle, address, words, ctypes.sizeof(words), None):
        raise api.failure("cannot read the memory of a process")
    return list(words)
