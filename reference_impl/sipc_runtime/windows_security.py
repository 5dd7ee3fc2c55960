"""Tokens, SIDs and security descriptors of Windows, as far as named pipes need them."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import wintypes
from typing import Any

from sipc_runtime.windows_api import CallFailed, Identity
from sipc_runtime.windows_library import declared, last_error

_HANDLE, _DWORD, _BOOL, _POINTER = wintypes.HANDLE, wintypes.DWORD, wintypes.BOOL, ctypes.c_void_p
_TOKEN_QUERY = 0x0008
_PROCESS_QUERY_LIMITED_INFORMATION = 0x1000
_TOKEN_USER, _TOKEN_GROUPS, _TOKEN_INTEGRITY_LEVEL = 1, 2, 25
_SE_GROUP_LOGON_ID = 0xC0000000
_SE_KERNEL_OBJECT = 6
_SDDL_REVISION = 1
_OWNER, _GROUP, _DACL, _LABEL = 0x1, 0x2, 0x4, 0x10
_PROTECTED_DACL = 0x80000000

_KERNEL: dict[str, tuple[Any, ...]] = {
    "GetCurrentProcess": (_HANDLE,),
    "OpenProcess": (_HANDLE, _DWORD, _BOOL, _DWORD),
    "LocalFree": (_POINTER, _POINTER),
    "CloseHandle": (_BOOL, _HANDLE),
}
_ADVANCED: dict[str, tuple[Any, ...]] = {
    "OpenProcessToken": (_BOOL, _HANDLE, _DWORD, _POINTER),
    "GetTokenInformation": (_BOOL, _HANDLE, ctypes.c_int, _POINTER, _DWORD, _POINTER),
    "ConvertSidToStringSidW": (_BOOL, _POINTER, _POINTER),
    "ConvertStringSecurityDescriptorToSecurityDescriptorW": (
        *(_BOOL, wintypes.LPCWSTR, _DWORD),
        *(_POINTER, _POINTER),
    ),
    "ConvertSecurityDescriptorToStringSecurityDescriptorW": (
        *(_BOOL, _POINTER, _DWORD),
        *(_DWORD, _POINTER, _POINTER),
    ),
    "GetSecurityDescriptorDacl": (_BOOL, _POINTER, _POINTER, _POINTER, _POINTER),
    # These two return the error, and 0 for success.
    "GetSecurityInfo": (_DWORD, _HANDLE, ctypes.c_int, _DWORD, *[_POINTER] * 5),
    "SetSecurityInfo": (_DWORD, _HANDLE, ctypes.c_int, _DWORD, *[_POINTER] * 4),
}


class SecurityAttributes(ctypes.Structure):
    """SECURITY_ATTRIBUTES."""

    _fields_ = (("length", _DWORD), ("descriptor", _POINTER), ("inherit", _BOOL))


class _SidAndAttributes(ctypes.Structure):
    _fields_ = (("sid", _POINTER), ("attributes", _DWORD))


class _Groups(ctypes.Structure):
    _fields_ = (("count", _DWORD), ("first", _SidAndAttributes))


class WindowsSecurity:
    """Asks Windows."""

    def __init__(self) -> None:
        self._kernel = declared("kernel32", _KERNEL)
        self._advanced = declared("advapi32", _ADVANCED)

    def identity(self) -> Identity:
        """As whom this process runs."""
        with self._token(self._kernel["GetCurrentProcess"]()) as token:
            return Identity(self._user(token), self._logon(token), self._integrity(token))

    def user_of(self, process: int) -> str:
        """The user of a process.

        Args:
            process: Its number.
        """
        handle = self._kernel["OpenProcess"](_PROCESS_QUERY_LIMITED_INFORMATION, False, process)
        if not handle:
            raise CallFailed("OpenProcess", last_error())
        try:
            with self._token(handle) as token:
                return self._user(token)
        finally:
            self._kernel["CloseHandle"](handle)

    @contextmanager
    def _token(self, process: int) -> Iterator[int]:
        token = wintypes.HANDLE()
        self._checked("OpenProcessToken", process, _TOKEN_QUERY, ctypes.byref(token))
        try:
            yield token.value or 0
        finally:
            self._kernel["CloseHandle"](token)

    def _information(self, token: int, kind: int) -> ctypes.Array[ctypes.c_char]:
        """What a token says, in a buffer that also holds what it points to."""
        size = _DWORD()
        self._advanced["GetTokenInformation"](token, kind, None, 0, ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        self._checked("GetTokenInformation", token, kind, buffer, size.value, ctypes.byref(size))
        return buffer

    def _user(self, token: int) -> str:
        buffer = self._information(token, _TOKEN_USER)
        return self._text_of(_SidAndAttributes.from_buffer(buffer).sid)

    def _integrity(self, token: int) -> str:
        buffer = self._information(token, _TOKEN_INTEGRITY_LEVEL)
        return self._text_of(_SidAndAttributes.from_buffer(buffer).sid)

    def _logon(self, token: int) -> str | None:
        buffer = self._information(token, _TOKEN_GROUPS)
        count = _Groups.from_buffer(buffer).count
        groups = (_SidAndAttributes * count).from_buffer(buffer, _Groups.first.offset)
        for group in groups:
            if group.attributes & _SE_GROUP_LOGON_ID == _SE_GROUP_LOGON_ID:
                return self._text_of(group.sid)
        return None

    def _text_of(self, sid: int) -> str:
        text = wintypes.LPWSTR()
        self._checked("ConvertSidToStringSidW", sid, ctypes.byref(text))
        return self._taken(text)

    def _taken(self, text: wintypes.LPWSTR) -> str:
        """Copy a string that Windows allocated, and free it."""
        value = text.value or ""
        self._kernel["LocalFree"](text)
        return value

    @contextmanager
    def descriptor(self, sddl: str) -> Iterator[int]:
        """A security descriptor.

        Args:
            sddl: Its text.
        """
        made = ctypes.c_void_p()
        self._checked(
            "ConvertStringSecurityDescriptorToSecurityDescriptorW",
            *(sddl, _SDDL_REVISION, ctypes.byref(made), None),
        )
        try:
            yield made.value or 0
        finally:
            self._kernel["LocalFree"](made)

    def describe(self, handle: int) -> str:
        """The security descriptor of an open pipe, without its audit part.

        Args:
            handle: It needs the right to read the descriptor.
        """
        parts = _OWNER | _GROUP | _DACL | _LABEL
        with self._information_of(handle, parts) as (descriptor, _owner):
            text = wintypes.LPWSTR()
            self._checked(
                "ConvertSecurityDescriptorToStringSecurityDescriptorW",
                *(descriptor, _SDDL_REVISION, parts, ctypes.byref(text), None),
            )
            return self._taken(text)

    def owner(self, handle: int) -> str:
        """Who owns an open pipe.

        Args:
            handle: It needs the right to read the descriptor.
        """
        with self._information_of(handle, _OWNER) as (_descriptor, owner):
            return self._text_of(owner)

    @contextmanager
    def _information_of(self, handle: int, parts: int) -> Iterator[tuple[int, int]]:
        """A descriptor, and its owner, which lies within."""
        owner, descriptor = ctypes.c_void_p(), ctypes.c_void_p()
        code = self._advanced["GetSecurityInfo"](
            *(handle, _SE_KERNEL_OBJECT, parts, ctypes.byref(owner)),
            *(None, None, None, ctypes.byref(descriptor)),
        )
        if code:
            raise CallFailed("GetSecurityInfo", code)
        try:
            yield descriptor.value or 0, owner.value or 0
        finally:
            self._kernel["LocalFree"](descriptor)

    def set_dacl(self, handle: int, sddl: str) -> None:
        """Replace who may do what with an open pipe; the list inherits nothing.

        Args:
            handle: It needs the right WRITE_DAC.
            sddl: A descriptor; only its DACL is used.
        """
        with self.descriptor(sddl) as descriptor:
            present, defaulted, dacl = wintypes.BOOL(), wintypes.BOOL(), ctypes.c_void_p()
            self._checked(
                "GetSecurityDescriptorDacl",
                *(descriptor, ctypes.byref(present), ctypes.byref(dacl), ctypes.byref(defaulted)),
            )
            if not present.value or not dacl.value:
                # Without a list everybody may do everything.
                raise ValueError("the descriptor has no DACL")
            code = self._advanced["SetSecurityInfo"](
                handle, _SE_KERNEL_OBJECT, _DACL | _PROTECTED_DACL, None, None, dacl, None
            )
        if code:
            raise CallFailed("SetSecurityInfo", code)

    def _checked(self, call: str, *arguments: object) -> None:
        if not self._advanced[call](*arguments):
            raise CallFailed(call, last_error())
