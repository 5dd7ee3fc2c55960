"""Two kinds of 64-bit Windows files, written byte by byte: a program that starts Python, a library that only forwards.

No compiler is needed, and neither file holds any logic: the program is six calls long, the library none. The layout
is that of Microsoft's "PE Format": headers, then sections, each at a page of its own in memory.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

_FILE_ALIGNMENT = 0x200
_PAGE = 0x1000
_X86_64 = 0x8664
_PE32_PLUS = 0x20B
_CONSOLE = 3
_DIRECTORIES = 16
_EXPORTS, _IMPORTS, _IMPORT_ADDRESSES = 0, 1, 12
# Of the file header: executable, large addresses, library.
_PROGRAM, _LIBRARY = 0x0022, 0x2022
# Of the optional header: data execution prevention, terminal server aware, dynamic base.
_FIXED_BASE, _MOVABLE = 0x8100, 0x0140
_CODE, _DATA, _CONSTANTS = 0x60000020, 0xC0000040, 0x40000040


@dataclass(frozen=True)
class Section:
    """A piece of the file that is mapped into memory.

    Args:
        name: At most eight characters.
        address: Where it is mapped, relative to the image's base; a multiple of the page size.
        data: What it holds.
        flags: What may be done with it.
    """

    name: str
    address: int
    data: bytes
    flags: int


@dataclass(frozen=True)
class Header:
    """What a program and a library differ in.

    Args:
        base: Where the image wants to be.
        kind: Characteristics of the file header.
        protection: Characteristics of the optional header.
        entry: Address of the first instruction; 0 without one.
    """

    base: int
    kind: int
    protection: int
    entry: int


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % _FILE_ALIGNMENT)


def _image(header: Header, sections: list[Section], directories: Mapping[int, tuple[int, int]]) -> bytes:
    """Put headers in front of sections."""
    last = sections[-1]
    size = -(-(last.address + len(last.data)) // _PAGE) * _PAGE
    code = sum(len(_padded(one.data)) for one in sections if one.flags == _CODE)
    constants = sum(len(_padded(one.data)) for one in sections if one.flags != _CODE)
    dos = b"MZ" + bytes(58) + struct.pack("<I", 64)
    coff = struct.pack("<HHIIIHH", _X86_64, len(sections), 0, 0, 0, 112 + 8 * _DIRECTORIES, header.kind)
    optional = struct.pack(
        "<HBBIIIII", _PE32_PLUS, 14, 0, code, constants, 0, header.entry, sections[0].address
    )
    optional += struct.pack("<QIIHHHHHH", header.base, _PAGE, _FILE_ALIGNMENT, 6, 0, 0, 0, 6, 0)
    optional += struct.pack("<IIIIHH", 0, size, _FILE_ALIGNMENT, 0, _CONSOLE, header.protection)
    # Stack and heap: reserved, committed. Python's own program has two million bytes of stack.
    optional += struct.pack("<QQQQII", 2_000_000, 0x10000, 0x100000, 0x1000, 0, _DIRECTORIES)
    for number in range(_DIRECTORIES):
        optional += struct.pack("<II", *directories.get(number, (0, 0)))
    table, bodies, position = b"", b"", _FILE_ALIGNMENT
    for one in sections:
        body = _padded(one.data)
        table += struct.pack(
            "<8sIIIIIIHHI",
            one.name.encode(),
            len(one.data),
            one.address,
            len(body),
            position,
            0,
            0,
            0,
            0,
            one.flags,
        )
        bodies += body
        position += len(body)
    return _padded(dos + b"PE\0\0" + coff + optional + table) + bodies


class _Imports:
    """The import tables of a program, and where each function's address will be found.

    Args:
        wanted: Functions by library.
        address: Where the section will be.
    """

    def __init__(self, wanted: Mapping[str, list[str]], address: int) -> None:
        slots = sum(len(functions) + 1 for functions in wanted.values())
        self.addresses_size = 8 * slots
        self.descriptors_size = 20 * (len(wanted) + 1)
        self._lookups_at = -(-(self.addresses_size + self.descriptors_size) // 8) * 8
        self._names_at = self._lookups_at + 8 * slots
        self._address = address
        self._names = b""
        self.slot: dict[str, int] = {}
        thunks: list[int] = []
        descriptors = b""
        for library, functions in wanted.items():
            first = 8 * len(thunks)
            for function in functions:
                self.slot[function] = address + 8 * len(thunks)
                # Two bytes of hint come before the name.
                thunks.append(self._name(b"\0\0" + function.encode()))
            thunks.append(0)
            name = self._name(library.encode())
            descriptors += struct.pack(
                "<IIIII", address + self._lookups_at + first, 0, 0, name, address + first
            )
        table = struct.pack(f"<{slots}Q", *thunks)
        front = (table + descriptors + bytes(20)).ljust(self._lookups_at, b"\0")
        self.data = front + table + self._names

    def _name(self, text: bytes) -> int:
        place = self._address + self._names_at + len(self._names)
        terminated = text + b"\0"
        self._names += terminated + bytes(len(terminated) % 2)
        return place


def python_program(library: str) -> bytes:
    """Return a console program: `ExitProcess(Py_Main(argc, argv))`, with `argv` from the command line.

    Args:
        library: The name of Python's DLL, which lies beside the program.
    """
    code_at, tables_at = _PAGE, 2 * _PAGE
    imports = _Imports(
        {
            "KERNEL32.dll": ["GetCommandLineW", "ExitProcess"],
            "SHELL32.dll": ["CommandLineToArgvW"],
            library: ["Py_Main"],
        },
        tables_at,
    )
    code = b""

    def call(function: str) -> bytes:
        # call [rip + distance], the distance being counted from the next instruction.
        return b"\xff\x15" + struct.pack("<i", imports.slot[function] - (code_at + len(code) + 6))

    code += b"\x48\x83\xec\x38"  # sub rsp, 56: shadow space, and argc at rsp + 40
    code += call("GetCommandLineW")
    code += b"\x48\x89\xc1\x48\x8d\x54\x24\x28"  # mov rcx, rax; lea rdx, [rsp + 40]
    code += call("CommandLineToArgvW")
    code += b"\x8b\x4c\x24\x28\x48\x89\xc2"  # mov ecx, [rsp + 40]; mov rdx, rax
    code += call("Py_Main")
    code += b"\x89\xc1"  # mov ecx, eax
    code += call("ExitProcess")
    code += b"\xcc"  # int3: never reached
    sections = [
        Section(".text", code_at, code, _CODE),
        Section(".idata", tables_at, imports.data, _DATA),
    ]
    directories = {
        _IMPORTS: (tables_at + imports.addresses_size, imports.descriptors_size),
        _IMPORT_ADDRESSES: (tables_at, imports.addresses_size),
    }
    return _image(Header(0x140000000, _PROGRAM, _FIXED_BASE, code_at), sections, directories)


def forwarding_library(name: str, targets: Mapping[str, str]) -> bytes:
    """Return a library without code.

    Args:
        name: Its own name.
        targets: Each exported name, and "LIBRARY.FUNCTION" to use for it.
    """
    exported = sorted(targets, key=lambda symbol: symbol.encode())
    count, address = len(exported), _PAGE
    functions_at = 40
    names_at = functions_at + 4 * count
    ordinals_at = names_at + 4 * count
    strings_at = ordinals_at + 2 * count
    strings = bytearray()

    def put(text: str) -> int:
        place = address + strings_at + len(strings)
        strings.extend(text.encode() + b"\0")
        return place

    own_name = put(name)
    names = [put(symbol) for symbol in exported]
    # An address inside the export section is not code but the text of a forward.
    functions = [put(targets[symbol]) for symbol in exported]
    data = struct.pack("<IIHHIII", 0, 0, 0, 0, own_name, 1, count)
    data += struct.pack("<IIII", count, address + functions_at, address + names_at, address + ordinals_at)
    data += struct.pack(f"<{count}I{count}I{count}H", *functions, *names, *range(count)) + strings
    sections = [Section(".rdata", address, data, _CONSTANTS)]
    return _image(Header(0x180000000, _LIBRARY, _MOVABLE, 0), sections, {_EXPORTS: (address, len(data))})


def exported_names(library: bytes) -> list[str]:
    """The names that a 64-bit library exports.

    Args:
        library: The whole file.

    Raises:
        ValueError: It is not such a library.
    """
    start = struct.unpack_from("<I", library, 60)[0]
    if library[start : start + 6] != b"PE\0\0" + struct.pack("<H", _X86_64):
        raise ValueError("not a 64-bit library")
    count, optional_size = struct.unpack_from("<H12xH", library, start + 6)
    sections = [
        struct.unpack_from("<4I", library, start + 24 + optional_size + 40 * number + 8)
        for number in range(count)
    ]

    def offset(address: int) -> int:
        for virtual_size, virtual_address, size, position in sections:
            if virtual_address <= address < virtual_address + max(virtual_size, size):
                return int(address - virtual_address + position)
        raise ValueError(f"no section holds address {address:#x}")

    table = offset(struct.unpack_from("<I", library, start + 24 + 112)[0])
    names, addresses = struct.unpack_from("<I4xI", library, table + 24)
    found = []
    for number in range(names):
        at = offset(struct.unpack_from("<I", library, offset(addresses) + 4 * number)[0])
        found.append(library[at : library.index(b"\0", at)].decode())
    return found
