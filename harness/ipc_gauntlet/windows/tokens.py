"""Tokens of Windows: who asks for something, and what a descriptor grants to whom.

Nobody needs another account for that: a token can be made of our own in which some of its SIDs count for nothing. What
grants us something because of them does not grant it to that token.
"""

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from ctypes import wintypes
from typing import TYPE_CHECKING

from ipc_gauntlet.windows import api, security

assert not TYPE_CHECKING or sys.platform == "win32"  # noqa: S101 - tells the type checker where this file counts

STILL_SOMEBODY_ELSE = 70
"""Exit status of a process that could not stop to act as somebody else."""

_ERROR_INVALID_DESCRIPTOR = 1338
_MAXIMUM_ALLOWED = 0x02000000
# To change the descriptor, to delete and so on, an owner has anyway.
_SPECIFIC = 0xFFFF
_TOKEN_DUPLICATE, _TOKEN_IMPERSONATE, _TOKEN_ADJUST_PRIVILEGES = 0x2, 0x4, 0x20
_TOKEN_GROUPS = 2
_IMPERSONATION = 2  # both the level and the type of such a token
_SE_GROUP_INTEGRITY = 0x20
_SE_PRIVILEGE_ENABLED = 0x2

_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_advapi32 = ctypes.WinDLL("advapi32", use_last_error=True)
_HANDLE, _DWORD, _BOOL, _VOID = wintypes.HANDLE, wintypes.DWORD, wintypes.BOOL, ctypes.c_void_p
_P_HANDLE, _P_DWORD = ctypes.POINTER(wintypes.HANDLE), ctypes.POINTER(wintypes.DWORD)


class _Groups(ctypes.Structure):
    _fields_ = (("GroupCount", _DWORD), ("Groups", api.SidAndAttributes * 1))


class _GenericMapping(ctypes.Structure):
    _fields_ = (("Read", _DWORD), ("Write", _DWORD), ("Execute", _DWORD), ("All", _DWORD))


class _Luid(ctypes.Structure):
    _fields_ = (("LowPart", _DWORD), ("HighPart", wintypes.LONG))


class _Privilege(ctypes.Structure):
    """TOKEN_PRIVILEGES with one of them."""

    _fields_ = (("PrivilegeCount", _DWORD), ("Luid", _Luid), ("Attributes", _DWORD))


_restricted = _advapi32.CreateRestrictedToken
_restricted.argtypes = (_HANDLE, _DWORD, _DWORD, _VOID, _DWORD, _VOID, _DWORD, _VOID, _P_HANDLE)
_restricted.restype = _BOOL

_duplicate = _advapi32.DuplicateTokenEx
_duplicate.argtypes = (_HANDLE, _DWORD, _VOID, ctypes.c_int, ctypes.c_int, _P_HANDLE)
_duplicate.restype = _BOOL

_check = _advapi32.AccessCheck
_check.argtypes = (_VOID, _HANDLE, _DWORD, _VOID, _VOID, _P_DWORD, _P_DWORD, ctypes.POINTER(_BOOL))
_check.restype = _BOOL

_set_thread_token = _advapi32.SetThreadToken
_set_thread_token.argtypes = (_VOID, _HANDLE)
_set_thread_token.restype = _BOOL

_revert = _advapi32.RevertToSelf
_revert.argtypes = ()
_revert.restype = _BOOL

_lookup_privilege = _advapi32.LookupPrivilegeValueW
_lookup_privilege.argtypes = (wintypes.LPCWSTR, wintypes.LPCWSTR, _VOID)
_lookup_privilege.restype = _BOOL

_adjust_privileges = _advapi32.AdjustTokenPrivileges
_adjust_privileges.argtypes = (_HANDLE, _BOOL, _VOID, _DWORD, _VOID, _VOID)
_adjust_privileges.restype = _BOOL

# What the generic rights mean for a pipe.
_OF_FILES = _GenericMapping(0x00120089, 0x00120116, 0x001200A0, 0x001F01FF)


class Token:
    """A token to act with, or to ask about; made of our own.

    Args:
        counts: Tells which SIDs count in it. Those of the user and his groups are asked for, one after the other.
        privilege: Name of a privilege that is switched on, if we have it.

    Raises:
        OSError: Windows does not make it.
    """

    def __init__(self, counts: Callable[[str], bool], privilege: str = "") -> None:
        with _own_token() as own:
            made = wintypes.HANDLE()
            buffers = (security.information(own, api.TOKEN_USER), security.information(own, _TOKEN_GROUPS))
            disabled = [one for one in _sids_in(*buffers) if not counts(security.text_of(one.Sid))]
            array = (api.SidAndAttributes * len(disabled))(*disabled)
            if not _restricted(own, 0, len(disabled), array, 0, None, 0, None, ctypes.byref(made)):
                raise api.failure("cannot make a restricted token")
        self._handle = wintypes.HANDLE()
        try:
            rights = api.TOKEN_QUERY | _TOKEN_IMPERSONATE | _TOKEN_ADJUST_PRIVILEGES
            if not _duplicate(made, rights, None, _IMPERSONATION, _IMPERSONATION, ctypes.byref(self._handle)):
                raise api.failure("cannot make a token to act with")
        finally:
            api.close_handle(made)
        if privilege:
            self._switch_on(privilege)

    def _switch_on(self, privilege: str) -> None:
        wanted = _Privilege(1, _Luid(), _SE_PRIVILEGE_ENABLED)
        if _lookup_privilege(None, privilege, ctypes.byref(wanted, _Privilege.Luid.offset)):
            # Where we do not have it, what it is needed for will fail.
            _adjust_privileges(self._handle, False, ctypes.byref(wanted), 0, None, None)

    def granted(self, descriptor: ctypes.c_void_p) -> int | None:
        """What a descriptor of a pipe grants to whoever has this token, as the operating system itself weighs it.

        Args:
            descriptor: With owner, group and access list.

        Returns:
            A bit for each right to the object itself, without those that every kind of object has; None if the operating system does not take it for a descriptor of anything.

        Raises:
            OSError: It does not answer.
        """
        privileges, size = ctypes.create_string_buffer(1024), wintypes.DWORD(1024)
        granted, allowed = wintypes.DWORD(), wintypes.BOOL()
        if not _check(
            *(descriptor, self._handle, _MAXIMUM_ALLOWED, ctypes.byref(_OF_FILES)),
            *(privileges, ctypes.byref(size), ctypes.byref(granted), ctypes.byref(allowed)),
        ):
            if api.last_error() == _ERROR_INVALID_DESCRIPTOR:
                return None
            raise api.failure("cannot ask what a descriptor grants")
        return granted.value & _SPECIFIC if allowed.value else 0

    def granted_by(self, sddl: str) -> int | None:
        """The same for a descriptor that is nothing's, in SDDL; it needs an owner and a group.

        Raises:
            OSError: It is not understood, or the operating system does not answer.
        """
        return self.granted(ctypes.c_void_p(security.other(sddl).lpSecurityDescriptor))

    @contextlib.contextmanager
    def acting(self) -> Iterator[None]:
        """Within this block, this thread asks the operating system as whoever has this token.

        Raises:
            OSError: Windows does not allow it.
        """
        if not _set_thread_token(None, self._handle):
            raise api.failure("cannot act with another token")
        try:
            yield
        finally:
            be_ourselves()

    def close(self) -> None:
        """Release it."""
        api.close_handle(self._handle)


def be_ourselves() -> None:
    """Stop to act as somebody else. If that fails, the process ends: nothing it could do now is what was meant."""
    if not _revert():
        with contextlib.suppress(OSError):
            os.write(2, f"RevertToSelf failed ({api.last_error()}); this process must not go on\n".encode())
        os._exit(STILL_SOMEBODY_ELSE)


@contextlib.contextmanager
def _own_token() -> Iterator[wintypes.HANDLE]:
    token = wintypes.HANDLE()
    rights = api.TOKEN_QUERY | _TOKEN_DUPLICATE | _TOKEN_IMPERSONATE
    if not api.open_process_token(api.current_process(), rights, ctypes.byref(token)):
        raise api.failure("cannot open the token of this process")
    try:
        yield token
    finally:
        api.close_handle(token)


def _sids_in(
    user: "ctypes.Array[ctypes.c_char]", groups: "ctypes.Array[ctypes.c_char]"
) -> Iterator[api.SidAndAttributes]:
    """The SIDs of a token, which lie within what it told; without the integrity level, which is nobody's name."""
    yield api.SidAndAttributes(api.SidAndAttributes.from_buffer(user).Sid, 0)
    count = _Groups.from_buffer(groups).GroupCount
    for one in (api.SidAndAttributes * count).from_buffer(groups, _Groups.Groups.offset):
        if not one.Attributes & _SE_GROUP_INTEGRITY:
            yield api.SidAndAttributes(one.Sid, 0)
