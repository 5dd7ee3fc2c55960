"""A folder with Windows CPython, made on this machine from a package index.

The DLLs are the unmodified ones of python.org, which a pinned wheel carries with it. What that wheel lacks is the
pure-Python half of the standard library, which is the same file for file as that of this machine's CPython of the same
version; the program `python.exe`, which is a few calls; and two libraries that only forward to others.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pe_image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Exact versions of CPython in the wheels of cpython-*.txt.
CPYTHONS = {"3.11": "3.11.7", "3.12": "3.12.1", "3.13": "3.13.0"}
# Libraries that Windows has (api-ms), that need a display, or that Wine cannot serve (_wmi).
_NOT_UNPACKED = ("api-ms", "tcl", "tk", "_tkinter", "_wmi")
# Without it Windows tells programs that it is version 6.2, whatever it is.
_MANIFEST = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">
<compatibility xmlns="urn:schemas-microsoft-com:compatibility.v1"><application>
<supportedOS Id="{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}"/>
</application></compatibility></assembly>
"""


class BuildError(Exception):
    """The Windows environment cannot be made; the message says what to do."""


@dataclass(frozen=True)
class Host:
    """A CPython of this machine.

    Args:
        program: Its interpreter.
        version: Such as "3.11.7".
        library: The folder of its standard library.
    """

    program: str
    version: str
    library: Path


def find_host(version: str) -> Host:
    """The CPython of this machine whose standard library fits best.

    Args:
        version: The exact version that is wanted. Another of the same minor version is taken if there is no such.

    Raises:
        BuildError: There is none of that minor version.
    """
    minor = version.rpartition(".")[0]
    second: Host | None = None
    for found in _hosts(minor):
        if found.version == version:
            return found
        second = second or found
    if second is None:
        raise BuildError(
            f"Windows Python {version} shares its standard library with this machine's CPython, and there is no "
            f"CPython {minor} here. Install one so that python{minor} is on the PATH."
        )
    print(f"note: the standard library is that of {second.version}, not of {version}", file=sys.stderr)
    return second


def has_host(minor: str) -> bool:
    """Whether this machine has a CPython whose standard library can be shared.

    Args:
        minor: Such as "3.11".
    """
    return any(True for _ in _hosts(minor))


def _hosts(minor: str) -> Iterator[Host]:
    """Every CPython of that minor version."""
    for program in _candidates(minor):
        found = _asked(program)
        if found is not None and found.version.rpartition(".")[0] == minor:
            yield found


def _candidates(minor: str) -> Iterator[str]:
    yield sys.executable
    names = (f"python{minor}", "python3", "python")
    folders = [Path(one) for one in os.get_exec_path()]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders += sorted((pyenv / "versions").glob(f"{minor}.*/bin"))
    for folder in folders:
        for name in names:
            if os.access(folder / name, os.X_OK):
                yield str(folder / name)


def _asked(program: str) -> Host | None:
    question = (
        "import platform, sysconfig; assert platform.python_implementation() == 'CPython'; "
        "print(platform.python_version(), sysconfig.get_path('stdlib'), sep='\\n')"
    )
    try:
        answer = subprocess.run(
            [program, "-I", "-c", question], capture_output=True, text=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError):
        return None
    lines = answer.stdout.splitlines()
    return Host(program, lines[0], Path(lines[1])) if len(lines) == 2 else None


def build(folder: Path, minor: str) -> None:
    """Fill an empty folder: `python.exe` is in it afterwards.

    Args:
        folder: Where; it stays at this place, since compiled modules are kept by their path.
        minor: Such as "3.11".

    Raises:
        BuildError: Something that is needed is not on this machine or not in the package index.
    """
    host = find_host(CPYTHONS[minor])
    tag = "python" + minor.replace(".", "")
    (folder / "DLLs").mkdir(parents=True)
    # Python looks for this file to find its home; the modules come from the zip file, which is looked at first.
    (folder / "Lib" / "site-packages").mkdir(parents=True)
    (folder / "Lib" / "os.py").touch()
    with tempfile.TemporaryDirectory() as temporary:
        _unpack(_downloaded(minor, Path(temporary)), folder)
    _run(host, str(HERE / "pack_library.py"), str(host.library), str(folder / f"{tag}.zip"))
    library = folder / f"{tag}.dll"
    (folder / "python.exe").write_bytes(pe_image.python_program(library.name))
    (folder / "python.exe.manifest").write_text(_MANIFEST, encoding="utf-8")
    stable = {name: f"{tag}.{name}" for name in pe_image.exported_names(library.read_bytes())}
    (folder / "python3.dll").write_bytes(pe_image.forwarding_library("python3.dll", stable))
    # Programs in Rust ask this library for random bytes. Wine 8 has the function under its older name only.
    (folder / "bcryptprimitives.dll").write_bytes(
        pe_image.forwarding_library("bcryptprimitives.dll", {"ProcessPrng": "advapi32.SystemFunction036"})
    )
    _install(minor, folder / "Lib" / "site-packages")
    _compile(host, folder)


def _pip() -> list[str]:
    """How to run a pip: that of this interpreter, of the checkout's environment, or of another one."""
    # A bare Debian has a python3 without pip, and the environment that gauntlet.py makes has one.
    for program in (sys.executable, str(ROOT / ".venv" / "bin" / "python"), "python3", "python"):
        command = [program, "-m", "pip", "--disable-pip-version-check"]
        try:
            if subprocess.run([*command, "--version"], capture_output=True, check=False).returncode == 0:
                return command
        except OSError:
            continue
    raise BuildError("No Python here has pip. `python3 gauntlet.py setup` makes an environment that has it.")


def _run_pip(arguments: list[str]) -> None:
    done = subprocess.run([*_pip(), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(
            f"pip failed. The package index must be reachable; it is set up for pip in its usual ways.\n{done.stderr}"
        )


def _for_windows(minor: str) -> list[str]:
    return [
        *("--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:", "--implementation=cp"),
        *("--platform=win_amd64", f"--python-version={minor}"),
    ]


def _downloaded(minor: str, folder: Path) -> Path:
    _run_pip(
        ["download", *_for_windows(minor), "--dest", str(folder), "-r", str(HERE / f"cpython-{minor}.txt")]
    )
    return next(folder.glob("*.whl"))


def _install(minor: str, folder: Path) -> None:
    wheels = str(HERE / f"wheels-{minor}.txt")
    _run_pip(["install", *_for_windows(minor), "--no-compile", "--target", str(folder), "-r", wheels])


def _unpack(wheel: Path, folder: Path) -> None:
    """Take Python's libraries out of the wheel that carries them."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.namelist():
            inside, _, name = entry.lower().rpartition("/")
            if inside != "deploy_libs" or name.startswith(_NOT_UNPACKED) or ".cp3" in name:
                continue
            beside_program = name.startswith(("python3", "vcruntime"))
            if name.endswith(".pyd") or (name.endswith(".dll") and not beside_program):
                (folder / "DLLs" / name).write_bytes(archive.read(entry))
            elif name.endswith(".dll"):
                (folder / name).write_bytes(archive.read(entry))


def compiled_folder(folder: Path) -> Path:
    """Where Windows Python keeps compiled modules of everything, so that no checkout holds them.

    Args:
        folder: Of the Windows Python.
    """
    return folder / "compiled"


def _compile(host: Host, folder: Path) -> None:
    """Compile the packages now: the layout below `compiled` is the same seen from Windows, which drops the drive."""
    place = f"pycache_prefix={compiled_folder(folder)}"
    words = ["-I", "-X", place, "-m", "compileall", "-q", "-j", "2", str(folder / "Lib" / "site-packages")]
    # Some packages hold files for other versions of Python, which do not compile: no reason to stop.
    subprocess.run([host.program, *words], check=False, stdout=subprocess.DEVNULL)


def _run(host: Host, *words: str) -> None:
    done = subprocess.run([host.program, "-I", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{host.program} {' '.join(words)} failed:\n{done.stderr}")
