"""What must not come in with a corpus from elsewhere: names that lead out of the folder, and programs.

Inputs are stored under their own hash, so no name of an archive ever becomes a path here. All the same a corpus with
such names, with links, devices or programs in it was made by somebody who wants more than to share inputs, and the whole
of it is refused.

A program is what a system would run: an ELF, PE or Mach-O file by its header, a script by its first line, or anything
that has an execute permission where permissions are kept. Two bytes `MZ` alone do not make one: an input may begin so.
"""

from __future__ import annotations

import re
import struct

_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\..*)?", re.IGNORECASE)
_MACH_O = {
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\xca\xfe\xba\xbf",
}
_SCRIPT = re.compile(rb"#![ \t]*/")
_PE_AT = 0x3C
_LONGEST_NAME = 400
_DEEPEST = 8


def why_not_name(name: str) -> str:
    """Why a name of an archive is refused; empty if it is not.

    Args:
        name: As it stands in the archive.
    """
    if not name or len(name) > _LONGEST_NAME:
        return "its length"
    if any(ord(character) < 32 or ord(character) == 127 for character in name):
        return "control characters"
    if "\\" in name:
        return "a backslash"
    if ":" in name:
        return "a colon: a drive, or a second stream of a file"
    if name.startswith("/"):
        return "an absolute path"
    parts = name.removesuffix("/").split("/")
    if len(parts) > _DEEPEST:
        return "too many folders in each other"
    for part in parts:
        if part in ("", ".", ".."):
            return "a path that leads elsewhere"
        if part != part.rstrip(". "):
            return "a dot or a space at the end, which Windows leaves out"
        if _RESERVED.fullmatch(part):
            return "the name of a device"
    return ""


def why_not_data(data: bytes) -> str:
    """Why the content of a file is refused; empty if it is not."""
    if data.startswith(b"\x7fELF") and len(data) > 16 and data[4] in (1, 2) and data[5] in (1, 2):
        return "it is a program (ELF)"
    if data[:4] in _MACH_O and len(data) > 28:
        return "it is a program (Mach-O)"
    if _SCRIPT.match(data):
        return "it is a script"
    if data.startswith(b"MZ") and len(data) > _PE_AT + 4:
        (place,) = struct.unpack_from("<I", data, _PE_AT)
        if data[place : place + 4] == b"PE\x00\x00":
            return "it is a program (PE)"
    return ""


def why_not_mode(mode: int) -> str:
    """Why permissions are refused; empty if they are not.

    Args:
        mode: Permission bits, as `os.stat` has them.
    """
    if mode & 0o111:
        return "it may be executed (chmod -x, if it is an input)"
    if mode & 0o7000:
        return "it has special permissions"
    return ""
