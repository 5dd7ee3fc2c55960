"""What Windows tells about somebody else's pipe: who may open it, and how much its clients trust it."""

import contextlib
import ctypes
import sys
from collections.abc import Iterator
from ctypes import wintypes
from typing import TYPE_CHECKING

from ipc_gauntlet.windows import api, tokens

assert not TYPE_CHECKING or sys.platform == "win32"  # noqa: S101 - tells the type checker where this file counts

IDENTIFICATION = 1
"""SECURITY_IMPERSONATION_LEVEL: 0 anonymous, 1 identification, 2 impersonation, 3 delegation."""

_READ_CONTROL = 0x00020000
# What is needed to read and to write, without the right to make instances.
_CLIENT_RIGHTS = 0x0012019B
_SE_KERNEL_OBJECT = 6
_OWNER_AND_DACL = 0x1 | 0x4
# What the right to something depends on: owner, group, access list and integrity level.
_ALL_THAT_COUNTS = 0x1 | 0x2 | 0x4 | 0x10
_TOKEN_IMPERSONATION_LEVEL = 9

_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_advapi32 = ctypes.WinDLL("advapi32", use_last_error=True)
_HANDLE, _DWORD, _VOID = wintypes.HANDLE, wintypes.DWORD, ctypes.c_void_p

_get_security_info = _advapi32.GetSecurityInfo
_get_security_info.argtypes = (
    _HANDLE,
    ctypes.c_int,
    _DWORD,
    _VOID,
    _VOID,
    _VOID,
    _VOID,
    ctypes.POINTER(_VOID),
)
_get_security_info.restype = _DWORD

_to_sddl = _advapi32.ConvertSecurityDescriptorToStringSecurityDescriptorW
_to_sddl.argtypes = (_VOID, _DWORD, _DWORD, ctypes.POINTER(_VOID), _VOID)
_to_sddl.restype = wintypes.BOOL

_impersonate = _advapi32.ImpersonateNamedPipeClient
_impersonate.argtypes = (_HANDLE,)
_impersonate.restype = wintypes.BOOL

_open_thread_token = _advapi32.OpenThreadToken
_open_thread_token.argtypes = (_HANDLE, _DWORD, wintypes.BOOL, ctypes.POINTER(_HANDLE))
_open_thread_token.restype = wintypes.BOOL

_current_thread = _kernel32.GetCurrentThread
_current_thread.argtypes = ()
_current_thread.restype = _HANDLE


def is_wine() -> bool:
    """Whether this is Wine, which enforces little of what pipes promise."""
    return hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")


class Watched:
    """A connection to somebody else's pipe, to read who may open it as often as one likes.

    Args:
        name: Full name of the pipe.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, name: str) -> None:
        flags = api.SECURITY_SQOS_PRESENT | api.SECURITY_IDENTIFICATION
        self._name = name
        self._handle = api.create_file(name, _READ_CONTROL, 0, None, api.OPEN_EXISTING, flags, None)
        if self._handle == api.INVALID_HANDLE_VALUE:
            raise api.failure(f"cannot open {name}")

    def sddl(self) -> str:
        """Owner and access list, in SDDL, as a client reads them now.

        Raises:
            OSError: The pipe does not tell.
        """
        with self._descriptor(_OWNER_AND_DACL) as descriptor:
            return _text_of(descriptor)

    def granted(self, token: tokens.Token) -> int | None:
        """What the pipe grants now to whoever has a token; see `Token.granted`.

        Raises:
            OSError: The pipe does not tell.
        """
        with self._descriptor(_ALL_THAT_COUNTS) as descriptor:
            return token.granted(descriptor)

    @contextlib.contextmanager
    def _descriptor(self, parts: int) -> Iterator[ctypes.c_void_p]:
        descriptor = _VOID()
        code = _get_security_info(
            *(self._handle, _SE_KERNEL_OBJECT, parts),
            *(None, None, None, None, ctypes.byref(descriptor)),
        )
        if code:
            raise api.failure(f"cannot read the security of {self._name}", code)
        try:
            yield descriptor
        finally:
            api.local_free(descriptor)

    def close(self) -> None:
        """Leave the pipe."""
        api.close_handle(self._handle)


def can_open(name: str) -> bool:
    """Whether a pipe can be opened by a name, for reading and writing; it is closed again at once.

    Args:
        name: Full name, maybe with the name of a machine in it.
    """
    flags = api.SECURITY_SQOS_PRESENT | api.SECURITY_IDENTIFICATION
    handle = api.create_file(name, _CLIENT_RIGHTS, 0, None, api.OPEN_EXISTING, flags, None)
    if handle == api.INVALID_HANDLE_VALUE:
        return False
    api.close_handle(handle)
    return True


def _text_of(descriptor: ctypes.c_void_p) -> str:
    text = _VOID()
    if not _to_sddl(descriptor, api.SDDL_REVISION_1, _OWNER_AND_DACL, ctypes.byref(text), None):
        raise api.failure("cannot write a security descriptor as text")
    try:
        return ctypes.wstring_at(text.value or 0)
    finally:
        api.local_free(text)


def level_of_client(handle: int) -> int:
    """How far a pipe's server may act as its client, who has written something.

    Args:
        handle: The server's end.

    Raises:
        OSError: The operating system does not let us be the client at all.
    """
    token = _HANDLE()
    if not _impersonate(handle):
        raise api.failure("cannot act as the client")
    try:
        if not _open_thread_token(_current_thread(), api.TOKEN_QUERY, True, ctypes.byref(token)):
            raise api.failure("cannot look at the client's token")
        level, size = wintypes.DWORD(), wintypes.DWORD()
        if not api.get_token_information(
            token, _TOKEN_IMPERSONATION_LEVEL, ctypes.byref(level), ctypes.sizeof(level), ctypes.byref(size)
        ):
            raise api.failure("cannot look at the level of the client's token")
        return int(level.value)
    finally:
        if token.value:
            api.close_handle(token)
        tokens.be_ourselves()
