"""Functions, structures and constants of the Win32 API, declared once.

Rule of this file: every function has its argument types, so that a handle is never cut to 32 bits.
"""

import ctypes
import sys
from ctypes import wintypes
from typing import TYPE_CHECKING

assert not TYPE_CHECKING or sys.platform == "win32"  # noqa: S101 - tells the type checker where this file counts

ERROR_FILE_NOT_FOUND = 2
ERROR_ACCESS_DENIED = 5
ERROR_INVALID_HANDLE = 6
ERROR_BROKEN_PIPE = 109
ERROR_SEM_TIMEOUT = 121
ERROR_PIPE_BUSY = 231
ERROR_NO_DATA = 232
ERROR_PIPE_NOT_CONNECTED = 233
ERROR_MORE_DATA = 234
ERROR_PIPE_CONNECTED = 535
ERROR_OPERATION_ABORTED = 995
ERROR_IO_INCOMPLETE = 996
ERROR_IO_PENDING = 997
ERROR_NOT_FOUND = 1168

GENERIC_READ = 0x80000000
GENERIC_WRITE = 0x40000000
OPEN_EXISTING = 3
FILE_FLAG_OVERLAPPED = 0x40000000
FILE_FLAG_FIRST_PIPE_INSTANCE = 0x00080000
SECURITY_SQOS_PRESENT = 0x00100000
SECURITY_IDENTIFICATION = 0x00010000
SECURITY_EFFECTIVE_ONLY = 0x00080000
PIPE_ACCESS_INBOUND = 1
PIPE_ACCESS_OUTBOUND = 2
PIPE_ACCESS_DUPLEX = 3
PIPE_REJECT_REMOTE_CLIENTS = 8
INVALID_HANDLE_VALUE = ctypes.c_void_p(-1).value
INFINITE = 0xFFFFFFFF

PROCESS_TERMINATE = 0x0001
PROCESS_SET_QUOTA = 0x0100
PROCESS_QUERY_LIMITED_INFORMATION = 0x1000
TOKEN_QUERY = 8
TOKEN_USER = 1
SDDL_REVISION_1 = 1

JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE = 0x00002000
JOB_BASIC_ACCOUNTING_INFORMATION = 1
JOB_BASIC_PROCESS_ID_LIST = 3
JOB_EXTENDED_LIMIT_INFORMATION = 9
DUPLICATE_SAME_ACCESS = 2


class Overlapped(ctypes.Structure):
    """OVERLAPPED."""

    _fields_ = (
        ("Internal", ctypes.c_size_t),
        ("InternalHigh", ctypes.c_size_t),
        ("Offset", wintypes.DWORD),
        ("OffsetHigh", wintypes.DWORD),
        ("hEvent", wintypes.HANDLE),
    )


class SecurityAttributes(ctypes.Structure):
    """SECURITY_ATTRIBUTES."""

    _fields_ = (
        ("nLength", wintypes.DWORD),
        ("lpSecurityDescriptor", wintypes.LPVOID),
        ("bInheritHandle", wintypes.BOOL),
    )


class SidAndAttributes(ctypes.Structure):
    """SID_AND_ATTRIBUTES, which is also all of TOKEN_USER."""

    _fields_ = (("Sid", wintypes.LPVOID), ("Attributes", wintypes.DWORD))


class JobBasicLimits(ctypes.Structure):
    """JOBOBJECT_BASIC_LIMIT_INFORMATION."""

    _fields_ = (
        ("PerProcessUserTimeLimit", wintypes.LARGE_INTEGER),
        ("PerJobUserTimeLimit", wintypes.LARGE_INTEGER),
        ("LimitFlags", wintypes.DWORD),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", wintypes.DWORD),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", wintypes.DWORD),
        ("SchedulingClass", wintypes.DWORD),
    )


class JobExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION; the six numbers in the middle are IO_COUNTERS."""

    _fields_ = (
        ("BasicLimitInformation", JobBasicLimits),
        ("IoInfo", ctypes.c_ulonglong * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    )


_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_advapi32 = ctypes.WinDLL("advapi32", use_last_error=True)

_HANDLE, _DWORD, _BOOL, _VOID = wintypes.HANDLE, wintypes.DWORD, wintypes.BOOL, ctypes.c_void_p
_P_DWORD, _P_HANDLE = ctypes.POINTER(wintypes.DWORD), ctypes.POINTER(wintypes.HANDLE)

create_named_pipe = _kernel32.CreateNamedPipeW
create_named_pipe.argtypes = (wintypes.LPCWSTR, _DWORD, _DWORD, _DWORD, _DWORD, _DWORD, _DWORD, _VOID)
create_named_pipe.restype = _HANDLE

create_file = _kernel32.CreateFileW
create_file.argtypes = (wintypes.LPCWSTR, _DWORD, _DWORD, _VOID, _DWORD, _DWORD, _HANDLE)
create_file.restype = _HANDLE

connect_named_pipe = _kernel32.ConnectNamedPipe
connect_named_pipe.argtypes = (_HANDLE, _VOID)
connect_named_pipe.restype = _BOOL

disconnect_named_pipe = _kernel32.DisconnectNamedPipe
disconnect_named_pipe.argtypes = (_HANDLE,)
disconnect_named_pipe.restype = _BOOL

read_file = _kernel32.ReadFile
read_file.argtypes = (_HANDLE, _VOID, _DWORD, _VOID, _VOID)
read_file.restype = _BOOL

write_file = _kernel32.WriteFile
write_file.argtypes = (_HANDLE, _VOID, _DWORD, _VOID, _VOID)
write_file.restype = _BOOL

get_overlapped_result = _kernel32.GetOverlappedResult
get_overlapped_result.argtypes = (_HANDLE, _VOID, _P_DWORD, _BOOL)
get_overlapped_result.restype = _BOOL

cancel_io = _kernel32.CancelIoEx
cancel_io.argtypes = (_HANDLE, _VOID)
cancel_io.restype = _BOOL

close_handle = _kernel32.CloseHandle
close_handle.argtypes = (_HANDLE,)
close_handle.restype = _BOOL

create_completion_port = _kernel32.CreateIoCompletionPort
create_completion_port.argtypes = (_HANDLE, _HANDLE, ctypes.c_size_t, _DWORD)
create_completion_port.restype = _HANDLE

get_completion = _kernel32.GetQueuedCompletionStatus
get_completion.argtypes = (
    _HANDLE,
    _P_DWORD,
    ctypes.POINTER(ctypes.c_size_t),
    ctypes.POINTER(ctypes.c_void_p),
    _DWORD,
)
get_completion.restype = _BOOL

flush_file_buffers = _kernel32.FlushFileBuffers
flush_file_buffers.argtypes = (_HANDLE,)
flush_file_buffers.restype = _BOOL

duplicate_handle = _kernel32.DuplicateHandle
duplicate_handle.argtypes = (_HANDLE, _HANDLE, _HANDLE, _P_HANDLE, _DWORD, _BOOL, _DWORD)
duplicate_handle.restype = _BOOL

local_free = _kernel32.LocalFree
local_free.argtypes = (_VOID,)
local_free.restype = _VOID

current_process = _kernel32.GetCurrentProcess
current_process.argtypes = ()
current_process.restype = _HANDLE

open_process = _kernel32.OpenProcess
open_process.argtypes = (_DWORD, _BOOL, _DWORD)
open_process.restype = _HANDLE

query_program = _kernel32.QueryFullProcessImageNameW
query_program.argtypes = (_HANDLE, _DWORD, wintypes.LPWSTR, _P_DWORD)
query_program.restype = _BOOL

open_process_token = _advapi32.OpenProcessToken
open_process_token.argtypes = (_HANDLE, _DWORD, _P_HANDLE)
open_process_token.restype = _BOOL

get_token_information = _advapi32.GetTokenInformation
get_token_information.argtypes = (_HANDLE, ctypes.c_int, _VOID, _DWORD, _P_DWORD)
get_token_information.restype = _BOOL

sid_to_string = _advapi32.ConvertSidToStringSidW
sid_to_string.argtypes = (_VOID, ctypes.POINTER(ctypes.c_void_p))
sid_to_string.restype = _BOOL

descriptor_from_sddl = _advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW
descriptor_from_sddl.argtypes = (wintypes.LPCWSTR, _DWORD, ctypes.POINTER(ctypes.c_void_p), _VOID)
descriptor_from_sddl.restype = _BOOL

create_job = _kernel32.CreateJobObjectW
create_job.argtypes = (_VOID, wintypes.LPCWSTR)
create_job.restype = _HANDLE

set_job = _kernel32.SetInformationJobObject
set_job.argtypes = (_HANDLE, ctypes.c_int, _VOID, _DWORD)
set_job.restype = _BOOL

query_job = _kernel32.QueryInformationJobObject
query_job.argtypes = (_HANDLE, ctypes.c_int, _VOID, _DWORD, _P_DWORD)
query_job.restype = _BOOL

assign_to_job = _kernel32.AssignProcessToJobObject
assign_to_job.argtypes = (_HANDLE, _HANDLE)
assign_to_job.restype = _BOOL

terminate_job = _kernel32.TerminateJobObject
terminate_job.argtypes = (_HANDLE, wintypes.UINT)
terminate_job.restype = _BOOL


def failure(what: str, code: int | None = None) -> OSError:
    """Make the exception for a function that failed.

    Args:
        what: What could not be done.
        code: The error; that of the last function when None.

    Returns:
        The subclass of OSError that Python has for the error, with `winerror`.
    """
    error = ctypes.WinError(ctypes.get_last_error() if code is None else code)
    error.strerror = f"{what}: {error.strerror}"
    return error


def last_error() -> int:
    """Return the error of the last function that was called on this thread."""
    return ctypes.get_last_error()
