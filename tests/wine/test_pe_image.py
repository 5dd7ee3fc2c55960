"""Files for Windows that are made without a compiler. That Windows runs them is shown by every use of ci/wine/run."""

import struct
from collections.abc import Callable
from types import ModuleType

import pytest

Load = Callable[[str], ModuleType]


@pytest.fixture
def pe_image(wine_module: Load) -> ModuleType:
    """The module."""
    return wine_module("pe_image")


def sections(image: bytes) -> dict[str, tuple[int, bytes]]:
    """Address and content of each section, read independently of what wrote them."""
    start = struct.unpack_from("<I", image, 0x3C)[0]
    assert image[:2] == b"MZ"
    assert image[start : start + 4] == b"PE\0\0"
    machine, count, *_rest, optional, _flags = struct.unpack_from("<HHIIIHH", image, start + 4)
    assert machine == 0x8664
    found = {}
    for number in range(count):
        at = start + 24 + optional + 40 * number
        name, size, address, raw, position = struct.unpack_from("<8sIIII", image, at)
        assert raw % 0x200 == position % 0x200 == address % 0x1000 == 0
        assert position + raw <= len(image)
        found[name.rstrip(b"\0").decode()] = address, image[position : position + size]
    return found


def test_a_library_that_forwards(pe_image: ModuleType) -> None:
    """Names are sorted by their bytes, as Windows searches them, and each leads to the text of its target."""
    targets = {f"Py_{name}": f"python311.Py_{name}" for name in ("b", "B", "a", "_x", "Z9")}
    library = pe_image.forwarding_library("python3.dll", targets)
    names = pe_image.exported_names(library)
    assert names == sorted(targets, key=str.encode)
    address, data = sections(library)[".rdata"]
    functions, own_names = struct.unpack_from("<II", data, 28)
    for number, name in enumerate(names):
        at = struct.unpack_from("<I", data, functions - address + 4 * number)[0] - address
        assert data[at:].split(b"\0")[0].decode() == targets[name]
        # Inside the export section, or Windows would take it for code.
        assert 0 <= at < len(data)
        assert struct.unpack_from("<I", data, own_names - address + 4 * number)[0] > address
    assert data[struct.unpack_from("<I", data, 12)[0] - address :].startswith(b"python3.dll\0")


def test_a_program_that_starts_python(pe_image: ModuleType) -> None:
    """It calls four functions through its import table, in this order, and nothing else."""
    found = sections(pe_image.python_program("python311.dll"))
    code_at, code = found[".text"]
    tables_at, tables = found[".idata"]
    called = []
    at = 0
    while (at := code.find(b"\xff\x15", at)) >= 0:
        slot = code_at + at + 6 + struct.unpack_from("<i", code, at + 2)[0]
        hint = struct.unpack_from("<Q", tables, slot - tables_at)[0]
        called.append(tables[hint - tables_at + 2 :].split(b"\0")[0].decode())
        at += 6
    assert called == ["GetCommandLineW", "CommandLineToArgvW", "Py_Main", "ExitProcess"]
    assert b"python311.dll\0" in tables


@pytest.mark.parametrize(
    "data", [bytes(64), b"MZ" + bytes(200), b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0\x4c\x01"]
)
def test_what_is_no_library(pe_image: ModuleType, data: bytes) -> None:
    """Neither nothing, nor a file for another processor."""
    with pytest.raises(ValueError, match="not a 64-bit library"):
        pe_image.exported_names(data)
