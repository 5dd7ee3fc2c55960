"""Who may open what the harness makes: this user, and nobody else."""

import ctypes
import functools
import sys
from ctypes import wintypes
from typing import TYPE_CHECKING

from ipc_gauntlet.windows import api

assert not TYPE_CHECKING or sys.platform == "win32"  # noqa: S101 - tells the type checker where this file counts


@functools.cache
def user_sid() -> str:
    """Return the SID of the user of this process, as text.

    Raises:
        OSError: When the operating system does not tell.
    """
    token = wintypes.HANDLE()
    if not api.open_process_token(api.current_process(), api.TOKEN_QUERY, ctypes.byref(token)):
        raise api.failure("cannot open the token of this process")
    try:
        buffer = information(token, api.TOKEN_USER)
        return text_of(api.SidAndAttributes.from_buffer(buffer).Sid)
    finally:
        api.close_handle(token)


def information(token: wintypes.HANDLE, kind: int) -> "ctypes.Array[ctypes.c_char]":
    """Return what a token tells, in a buffer that also holds what it points to.

    Args:
        token: Opened to be asked.
        kind: What to ask for, a TOKEN_INFORMATION_CLASS.

    Raises:
        OSError: When the operating system does not tell.
    """
    size = wintypes.DWORD()
    api.get_token_information(token, kind, None, 0, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    if not api.get_token_information(token, kind, buffer, size, ctypes.byref(size)):
        raise api.failure("cannot read what a token tells")
    return buffer


def sddl() -> str:
    """Return the security descriptor of everything the harness makes, in SDDL.

    The owner is named, or it would be a group for administrators; the list is protected, so nothing is inherited, and
    grants everything to this user. What it does not grant, the operating system denies: also to administrators' processes
    of other users, and to anonymous and remote logons.
    """
    sid = user_sid()
    return f"O:{sid}D:P(A;;GA;;;{sid})"


@functools.cache
def private() -> api.SecurityAttributes:
    """Return attributes that let only this user in; handles made with them are not inherited.

    The descriptor lives as long as the process.

    Raises:
        OSError: When the operating system does not understand it.
    """
    return _attributes(sddl(), inherit=False)


@functools.cache
def private_inherited() -> api.SecurityAttributes:
    """Return the same attributes for a handle that a child process is to inherit."""
    return _attributes(sddl(), inherit=True)


@functools.cache
def other(text: str) -> api.SecurityAttributes:
    """Return attributes for something that is to look like somebody else's.

    Args:
        text: The whole descriptor, in SDDL.

    Raises:
        OSError: When the operating system does not understand it.
    """
    return _attributes(text, inherit=False)


def _attributes(text: str, *, inherit: bool) -> api.SecurityAttributes:
    descriptor = ctypes.c_void_p()
    if not api.descriptor_from_sddl(text, api.SDDL_REVISION_1, ctypes.byref(descriptor), None):
        raise api.failure("cannot make a security descriptor")
    return api.SecurityAttributes(ctypes.sizeof(api.SecurityAttributes), descriptor, inherit)


def text_of(sid: int | None) -> str:
    """Return a SID as text.

    Raises:
        OSError: When it is none.
    """
    text = ctypes.c_void_p()
    if not api.sid_to_string(sid, ctypes.byref(text)):
        raise api.failure("cannot write a SID as text")
    try:
        return ctypes.wstring_at(text.value or 0)
    finally:
        api.local_free(text)
