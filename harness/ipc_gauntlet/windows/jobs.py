"""Job objects: a process and all of its descendants as one thing that ends with its owner."""

import ctypes
import sys
from ctypes import wintypes
from typing import TYPE_CHECKING

from ipc_gauntlet.windows import api

assert not TYPE_CHECKING or sys.platform == "win32"  # noqa: S101 - tells the type checker where this file counts

_MOST_IDS = 4096
_LONGEST_PATH = 32768


class _Ids(ctypes.Structure):
    """JOBOBJECT_BASIC_PROCESS_ID_LIST with room for many."""

    _fields_ = (
        ("NumberOfAssignedProcesses", wintypes.DWORD),
        ("NumberOfProcessIdsInList", wintypes.DWORD),
        ("ProcessIdList", ctypes.c_size_t * _MOST_IDS),
    )


def program_of(pid: int) -> str:
    """Return the path of the program that a process runs; empty when there is no such process, or it is not ours."""
    process = api.open_process(api.PROCESS_QUERY_LIMITED_INFORMATION, False, pid)
    if not process:
        return ""
    try:
        size = wintypes.DWORD(_LONGEST_PATH)
        text = ctypes.create_unicode_buffer(_LONGEST_PATH)
        return text.value if api.query_program(process, 0, text, ctypes.byref(size)) else ""
    finally:
        api.close_handle(process)


class Job:
    """A job whose processes are killed when its last handle is closed, at the latest by the death of its owner.

    Processes that its members start are members too: it does not allow them to break away, and its handle is not inherited.

    Raises:
        OSError: When it cannot be made.
    """

    def __init__(self) -> None:
        handle = api.create_job(None, None)
        if not handle:
            raise api.failure("cannot create a job object")
        self._handle: int = handle
        limits = api.JobExtendedLimits()
        limits.BasicLimitInformation.LimitFlags = api.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
        if not api.set_job(
            handle, api.JOB_EXTENDED_LIMIT_INFORMATION, ctypes.byref(limits), ctypes.sizeof(limits)
        ):
            error = api.failure("cannot make a job object that ends with its owner")
            self.close()
            raise error

    def add(self, pid: int) -> None:
        """Put a process in; what it starts from now on is in too.

        Args:
            pid: Of a process that nobody has collected yet.

        Raises:
            OSError: When the operating system refuses.
        """
        process = api.open_process(api.PROCESS_SET_QUOTA | api.PROCESS_TERMINATE, False, pid)
        if not process:
            raise api.failure(f"cannot open process {pid}")
        try:
            self._assign(process)
        finally:
            api.close_handle(process)

    def add_this_process(self) -> None:
        """Put this process in: it and all its descendants end with the handle of the job, so nobody may close it."""
        self._assign(api.current_process())

    def pids(self) -> list[int]:
        """Return the ids of its living processes.

        Raises:
            OSError: When the operating system does not tell.
        """
        ids = _Ids()
        good = api.query_job(
            self._handle, api.JOB_BASIC_PROCESS_ID_LIST, ctypes.byref(ids), ctypes.sizeof(ids), None
        )
        if not good and api.last_error() != api.ERROR_MORE_DATA:
            raise api.failure("cannot list the processes of a job")
        return sorted(ids.ProcessIdList[: ids.NumberOfProcessIdsInList])

    def terminate(self, status: int) -> None:
        """End all of its processes with an exit status; they may take a moment.

        Raises:
            OSError: When the operating system refuses.
        """
        if not api.terminate_job(self._handle, status):
            raise api.failure("cannot end the processes of a job")

    def close(self) -> None:
        """Let go of it, which ends what is left of it; idempotent."""
        handle, self._handle = self._handle, 0
        if handle:
            api.close_handle(handle)

    def _assign(self, process: int) -> None:
        if not api.assign_to_job(self._handle, process):
            raise api.failure("cannot put a process into a job object")
