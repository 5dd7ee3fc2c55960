"""Nothing comes in that leads out, that is a link or a program, or that is larger than it says. And inputs do."""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz.corpus.hostile import why_not_data, why_not_mode, why_not_name
from ipc_gauntlet.fuzz.corpus.sources import Limits, read_source

PE = b"MZ" + bytes(0x3A) + struct.pack("<I", 0x40) + b"PE\x00\x00" + bytes(20)
NAMES = [
    "../x", "a/../../x", "/etc/passwd", "a/./x", "a//x", "..\\x", "a\\b", "C:x", "C:/x", "file:stream", "con", "a/NUL.txt",
    "a/com1", "a./x", "a /x", "x.", "a\x00b", "a\nb", "", "x" * 500, "/".join("abcdefghijkl"), "aux.json", "lpt9", "conin$",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    assert why_not_name(name)


@pytest.mark.parametrize("name", ["a", "sipc.cbor/0a1b", "a/b/c.bin", "console", "comet1", "a-b_c+d", "ü"])
def test_ordinary_names_are_not(name: str) -> None:
    assert why_not_name(name) == ""


@pytest.mark.parametrize(
    "data",
    [
        b"\x7fELF\x02\x01\x01" + bytes(60),
        PE,
        b"\xcf\xfa\xed\xfe" + bytes(60),
        b"\xca\xfe\xba\xbe" + bytes(60),
        b"#!/bin/sh\n",
        b"#! /usr/bin/env python\n",
    ],
)
def test_programs_are_refused(data: bytes) -> None:
    assert why_not_data(data)


@given(st.binary(max_size=300))
def test_inputs_are_not_programs(data: bytes) -> None:
    for begin in (b"", b"MZ", b"#!", b"\x7fEL", b"\xca\xfe"):
        if not data.startswith((b"/", b" ", b"\t", b"F", b"\xba")):
            assert why_not_data(begin + b"\x00" + data) == ""


def test_permissions() -> None:
    assert why_not_mode(0o644) == why_not_mode(0o600) == why_not_mode(0) == ""
    assert why_not_mode(0o755)
    assert why_not_mode(0o4644)


def tar_of(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def tar_member(name: str = "t/x", data: bytes = b"x", **changes: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    for field, value in changes.items():
        setattr(info, field, value)
    return info, data


def zip_of(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, data in members:
            archive.writestr(info, data)
    return path


def zip_member(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_file_is_read(tmp_path: Path, mode: str) -> None:
    folder = tar_member("t", b"", type=tarfile.DIRTYPE, mode=0o755)
    path = tar_of(tmp_path / "a", folder, tar_member("t/1", b"one"), tar_member("t/2", b""), mode=mode)
    assert [(one.name, one.data) for one in read_source(path)] == [("t/1", b"one"), ("t/2", b"")]


def test_a_zip_file_is_read(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a", ("t/", b""), ("t/1", b"one"), ("t/2", b""))
    assert [(one.name, one.data) for one in read_source(path)] == [("t/1", b"one"), ("t/2", b"")]


def test_a_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "t" / ".git").mkdir(parents=True)
    (tmp_path / "t" / "1").write_bytes(b"one")
    (tmp_path / "t" / ".hidden").write_bytes(b"no")
    assert [(one.name, one.data) for one in read_source(tmp_path)] == [("t/1", b"one")]


@pytest.mark.parametrize("name", [name for name in NAMES if name and "\x00" not in name and len(name) < 99])
@pytest.mark.parametrize("make", ["tar", "zip"])
def test_an_archive_with_such_a_name_is_refused_whole(tmp_path: Path, name: str, make: str) -> None:
    path = tmp_path / "a"
    if make == "tar":
        tar_of(path, tar_member("t/good"), tar_member(name))
    else:
        zip_of(
            path, ("t/good", b"x"), ("PLACEHOLDER".ljust(len(name.encode()), "_")[: len(name.encode())], b"x")
        )
        # What zipfile would tidy while it writes is put into the file's bytes afterwards.
        placeholder = "PLACEHOLDER".ljust(len(name.encode()), "_")[: len(name.encode())].encode()
        path.write_bytes(path.read_bytes().replace(placeholder, name.encode()))
    with pytest.raises(UsageError, match="refusing"):
        read_source(path)


def fifo(path: Path) -> Path:
    return tar_of(path, tar_member(type=tarfile.FIFOTYPE, data=b""))


def crowded(path: Path) -> Path:
    return zip_of(path, *((f"t/{number}", b"x") for number in range(60)))


def bomb(path: Path) -> Path:
    return zip_of(path, *((f"t/{number}", bytes(90_000)) for number in range(12)))


def tar_bomb(path: Path) -> Path:
    """A member that says it is short, in front of zeros without end."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        info, data = tar_member("t/x", bytes(10))
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
        info = tarfile.TarInfo("t/huge")
        info.size = 1 << 33
        archive.addfile(info, None)
    path.write_bytes(gzip.compress(plain.getvalue().rstrip(b"\x00") + bytes(4_000_000)))
    return path


def header_bomb(path: Path) -> Path:
    """An extended header that says it has gigabytes, and has some megabytes of them."""
    info = tarfile.TarInfo("PaxHeader")
    info.type = tarfile.XHDTYPE
    info.size = 1 << 32
    path.write_bytes(gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + bytes(60_000_000)))
    return path


def sparse(path: Path) -> Path:
    """The old GNU form: a header that says the file is far larger than what follows."""
    info = tarfile.TarInfo("t/x")
    info.type = tarfile.GNUTYPE_SPARSE
    info.size = 512
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[386:410] = b"00000000000\x0000000001000\x00"
    block[483:495] = b"77777777777\x00"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\x00 " % sum(block[:512])
    path.write_bytes(bytes(block[:512]) + bytes(512) + bytes(1024))
    return path


def encrypted(path: Path) -> Path:
    zip_of(path, ("t/x", b"secret"))
    raw = bytearray(path.read_bytes())
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    return path


HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "tar symlink": (lambda p: tar_of(p, tar_member(type=tarfile.SYMTYPE, linkname="/etc/passwd", data=b"")), "link"),
    "tar hard link": (lambda p: tar_of(p, tar_member(type=tarfile.LNKTYPE, linkname="t/y", data=b"")), "link"),
    "tar device": (lambda p: tar_of(p, tar_member(type=tarfile.CHRTYPE, data=b"")), "device"),
    "tar fifo": (fifo, "device"),
    "tar executable": (lambda p: tar_of(p, tar_member(mode=0o755)), "executed"),
    "tar setuid": (lambda p: tar_of(p, tar_member(mode=0o4644)), "special permissions"),
    "tar program": (lambda p: tar_of(p, tar_member(data=b"\x7fELF\x01\x01" + bytes(20))), "ELF"),
    "tar twice": (lambda p: tar_of(p, tar_member("t/a"), tar_member("t/a")), "two of that name"),
    "tar twice but for case": (lambda p: tar_of(p, tar_member("t/a"), tar_member("t/A")), "two of that name"),
    "tar oversize": (lambda p: tar_of(p, tar_member(data=bytes(200_000))), "longer than"),
    "tar bomb": (tar_bomb, "longer than"),
    "tar header bomb": (header_bomb, "once decompressed"),
    "tar sparse": (sparse, "no file|longer than"),
    "zip symlink": (lambda p: zip_of(p, (zip_member("t/x", stat.S_IFLNK | 0o777), b"/etc/passwd")), "link"),
    "zip executable": (lambda p: zip_of(p, (zip_member("t/x", stat.S_IFREG | 0o755), b"x")), "executed"),
    "zip script": (lambda p: zip_of(p, ("t/x", b"#!/bin/sh\n")), "script"),
    "zip windows program": (lambda p: zip_of(p, ("t/x", PE)), "PE"),
    "zip crowd": (crowded, "more than 50 files"),
    "zip bomb": (bomb, "more than 1 MiB"),
    "zip oversize": (lambda p: zip_of(p, ("t/x", bytes(200_000))), "longer than"),
    "zip encrypted": (encrypted, "encrypted"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_archives_are_refused_whole(tmp_path: Path, kind: str) -> None:
    make, why = HOSTILE[kind]
    before = set(tmp_path.iterdir())
    path = make(tmp_path / "archive")
    with pytest.raises(UsageError, match=why):
        read_source(path, Limits(files=50, total=1 << 20, each=100_000))
    assert set(tmp_path.iterdir()) - before == {path}


@pytest.mark.skipif(sys.platform == "win32", reason="making links and setting modes needs POSIX")
@pytest.mark.parametrize("kind", ["symlink", "folder link", "fifo", "executable"])
def test_hostile_folders_are_refused(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "in"
    (folder / "t").mkdir(parents=True)
    (folder / "t" / "good").write_bytes(b"x")
    if kind == "symlink":
        (folder / "t" / "x").symlink_to("/etc/passwd")
    elif kind == "folder link":
        (folder / "u").symlink_to("/etc")
    elif kind == "fifo":
        os.mkfifo(folder / "t" / "x")
    else:
        (folder / "t" / "x").write_bytes(b"x")
        (folder / "t" / "x").chmod(0o755)
    with pytest.raises(UsageError, match="refusing"):
        read_source(folder)


@pytest.mark.parametrize(
    "data", [b"", b"nothing of the kind", b"PK\x03\x04broken", b"\x1f\x8bbroken", b"BZhbroken"]
)
def test_what_is_no_archive_is_told(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(UsageError):
        read_source(path)
    with pytest.raises(UsageError, match="no file or folder"):
        read_source(tmp_path / "none")


@given(st.binary(max_size=600), st.integers(0, 2))
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory, data: bytes, kind: int) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    begin = (b"", b"\x1f\x8b\x08\x00", tar_member("t/x")[0].tobuf())[kind]
    path.write_bytes(begin + data)
    try:
        members = read_source(path)
    except UsageError:
        return
    assert all(why_not_name(one.name) == "" for one in members)
