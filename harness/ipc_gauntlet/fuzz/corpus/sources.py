"""Reads inputs from a folder, a zip or a tar file that nobody vouches for. Nothing is ever unpacked to disk.

Members are read into memory one by one, while sizes are counted as they really are, not as a header says. The first
thing that is wrong ends it, and the whole source is refused: see `hostile`.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.corpus.hostile import why_not_data, why_not_mode, why_not_name

_MANIFEST_LONGEST = 64 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken.

    Attributes:
        files: Members of a source.
        total: Bytes of all of them, and of whatever else a compressed stream holds.
        each: Bytes of one.
    """

    files: int = 200_000
    total: int = 512 << 20
    each: int = 8 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a source.

    Attributes:
        name: Its path in there, with forward slashes.
        data: Its content.
    """

    name: str
    data: bytes


def read_source(path: Path, limits: Limits | None = None) -> list[Member]:
    """Read all files of a folder, a zip or a tar file (plain, gz, bz2, xz).

    Raises:
        UsageError: There is no such thing, it cannot be read, or something in it is refused; nothing of it is used.
    """
    bounds = limits if limits is not None else Limits()
    try:
        if path.is_dir():
            return _counted(_of_folder(path, bounds), bounds, path)
        if not path.is_file():
            raise UsageError(f"there is no file or folder {path}")
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return _counted(_of_zip(archive, bounds), bounds, path)
        return _counted(_of_tar(path, bounds), bounds, path)
    except _Refused as error:
        raise UsageError(f"refusing {path}: {error}") from error
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError) as error:
        raise UsageError(f"{path} is no folder, zip or tar file that can be read: {error}") from error
    except (OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error


class _Refused(Exception):
    """Something in a source must not come in."""


def _counted(members: Iterator[Member], limits: Limits, path: Path) -> list[Member]:
    found: list[Member] = []
    names: set[str] = set()
    total = 0
    for member in members:
        total += len(member.data)
        # Two names that are one on a system that does not tell cases apart are two claims to one place.
        key = member.name.casefold()
        if key in names:
            raise _Refused(f"{_shown(member.name)}: there are two of that name")
        names.add(key)
        if len(found) >= limits.files:
            raise _Refused(f"it holds more than {limits.files} files")
        if total > limits.total:
            raise _Refused(f"it holds more than {limits.total >> 20} MiB")
        if why := why_not_data(member.data):
            raise _Refused(f"{_shown(member.name)}: {why}")
        found.append(member)
    if not found:
        raise UsageError(f"there are no files in {path}")
    return found


def _checked_name(name: str) -> str:
    if why := why_not_name(name):
        raise _Refused(f"the name {_shown(name)} has {why}")
    return name


def _shown(name: str) -> str:
    return ascii(name if len(name) < 80 else name[:77] + "...")


def _read(file: IO[bytes], name: str, limits: Limits) -> bytes:
    longest = _MANIFEST_LONGEST if name == "manifest.json" else limits.each
    data = file.read(longest + 1)
    if len(data) > longest:
        raise _Refused(f"{_shown(name)} is longer than {longest >> 20} MiB")
    return data


def _of_folder(folder: Path, limits: Limits) -> Iterator[Member]:
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        with os.scandir(here) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
        for entry in listed:
            path = Path(entry.path)
            name = path.relative_to(folder).as_posix()
            if entry.name.startswith("."):
                continue  # of the system, of a version control, or half written by us
            _checked_name(name)
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                waiting.append(path)
                continue
            if not stat.S_ISREG(status.st_mode):
                raise _Refused(f"{_shown(name)} is a link, a device or something else that is no file")
            # Windows tells of every file with certain endings that it can be executed.
            if sys.platform != "win32" and (why := why_not_mode(stat.S_IMODE(status.st_mode))):
                raise _Refused(f"{_shown(name)}: {why}")
            with path.open("rb") as file:
                yield Member(name, _read(file, name, limits))


def _of_zip(archive: zipfile.ZipFile, limits: Limits) -> Iterator[Member]:
    infos = archive.infolist()
    if len(infos) > limits.files:
        raise _Refused(f"it holds more than {limits.files} files")
    for info in infos:
        # What the archive says before the module turns it into something harmless.
        name = _checked_name(info.orig_filename)
        mode = info.external_attr >> 16
        kind = stat.S_IFMT(mode)
        if info.is_dir():
            continue
        if kind not in (0, stat.S_IFREG):
            raise _Refused(f"{_shown(name)} is a link, a device or something else that is no file")
        if why := why_not_mode(stat.S_IMODE(mode)):
            raise _Refused(f"{_shown(name)}: {why}")
        if info.flag_bits & 1:
            raise _Refused(f"{_shown(name)} is encrypted")
        with archive.open(info) as file:
            yield Member(name, _read(file, name, limits))


def _of_tar(path: Path, limits: Limits) -> Iterator[Member]:
    room = limits.total + limits.files * 2 * tarfile.BLOCKSIZE
    with path.open("rb") as raw:
        stream = _Bounded(_decompressed(raw), room)
        # A stream is read from front to back: no header can send us anywhere, and nothing is read twice.
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for count, member in enumerate(archive):
                if count >= limits.files:
                    raise _Refused(f"it holds more than {limits.files} files")
                name = _checked_name(member.name)
                if member.isdir():
                    continue
                yield Member(name, _of_member(archive, member, name, limits))


def _of_member(archive: tarfile.TarFile, member: tarfile.TarInfo, name: str, limits: Limits) -> bytes:
    if not member.isreg() or member.issparse():
        raise _Refused(f"{_shown(name)} is a link, a device or something else that is no file")
    if why := why_not_mode(member.mode & 0o7777):
        raise _Refused(f"{_shown(name)}: {why}")
    try:
        # Python's own idea of what may be unpacked (PEP 706), beside ours.
        tarfile.data_filter(member, ".")
    except tarfile.FilterError as error:
        raise _Refused(f"{_shown(name)}: {error}") from error
    if member.size > max(limits.each, _MANIFEST_LONGEST if name == "manifest.json" else 0):
        raise _Refused(f"{_shown(name)} is longer than {limits.each >> 20} MiB")
    file = archive.extractfile(member)
    if file is None:
        raise _Refused(f"{_shown(name)} is no file")
    data = _read(file, name, limits)
    if len(data) != member.size:
        raise _Refused(f"{_shown(name)} ends early")
    return data


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _decompressed(raw: IO[bytes]) -> _Readable:
    head = raw.read(6)
    raw.seek(0)
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=raw)
    if head.startswith(b"BZh"):
        return bz2.BZ2File(raw)
    if head.startswith(b"\xfd7zXZ\x00"):
        return lzma.LZMAFile(raw)
    return raw


class _Bounded(io.RawIOBase):
    """A stream that refuses to hand out more than so much, whatever a header asks for."""

    def __init__(self, inner: _Readable, room: int) -> None:
        self._inner = inner
        self._room = room

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read on.

        Raises:
            _Refused: It holds more than it may.
        """
        data = self._inner.read(min(size, self._room + 1) if size >= 0 else self._room + 1)
        self._room -= len(data)
        if self._room < 0:
            raise _Refused("it holds more, once decompressed, than is taken")
        return data
