"""What `ci/wine/run` does: make what is missing, run Windows Python, pass on what it says and how it ends."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING

import pack_library
import pe_image
import windows_python
import wine_prefix

# Wine is for other systems; this keeps the type checker from looking at it on Windows.
assert not TYPE_CHECKING or sys.platform != "win32"  # noqa: S101

ROOT = Path(__file__).resolve().parent.parent.parent
ROOTS = ("harness", "suites", "corpora", "reference_impl", "drivers")
USAGE = """usage: ci/wine/run ARGS...    run Windows Python with these arguments, under Wine

The first time this makes the environment: Wine (apt-get, as root), Windows CPython, the packages that the tests need.
It is kept in $IPC_GAUNTLET_WINE, by default ipc-gauntlet-wine in the user's cache folder.

  ci/wine/run -m pytest tests/sipc      tests
  ci/wine/run -m ipc_gauntlet run       the program
  ci/wine/run --setup                   only make the environment

IPC_GAUNTLET_WINE_PYTHON=3.12 chooses a version of Python. Without it, it is the first of 3.11, 3.12 and 3.13 that this
machine has a CPython of.
"""
# Of the caller's environment: about another Python, or another test run.
_NOT_PASSED = {
    *("PYTHONHOME", "PYTHONPATH", "PYTHONUSERBASE", "PYTHONSTARTUP", "PYTHONPYCACHEPREFIX", "VIRTUAL_ENV"),
    *("PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"),
}
# A process that the program left behind may hold its output; that is read for this long after the program's end.
_DRAIN_S = 5
VERSION_VARIABLE = "IPC_GAUNTLET_WINE_PYTHON"
READY = "ready"
"""A file in the folder of a Windows Python that is complete."""


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where everything is kept.

    Args:
        environment: Variables of this process.
    """
    given = environment.get("IPC_GAUNTLET_WINE")
    if given:
        return Path(given).absolute()
    base = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "ipc-gauntlet-wine").absolute()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file's lock: others wait.

    Args:
        path: The file; it is made if it is not there.
    """
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def key(minor: str) -> str:
    """Changes whenever the folder of Windows Python would.

    Args:
        minor: Such as "3.11".
    """
    here = windows_python.HERE
    parts = [Path(pe_image.__file__), Path(windows_python.__file__), Path(pack_library.__file__)]
    parts += [here / f"cpython-{minor}.txt", here / f"wheels-{minor}.txt"]
    return hashlib.sha256(b"\0".join(one.read_bytes() for one in parts)).hexdigest()[:12]


def python_folder(cache: Path, minor: str) -> Path:
    """Where a Windows Python is, or will be.

    Args:
        cache: Where everything is kept.
        minor: Such as "3.11".
    """
    return cache / f"python-{minor}-{key(minor)}"


def chosen_version(environment: Mapping[str, str], cache: Path) -> str:
    """The version of Windows Python to run, such as "3.11": the one that is asked for, or the first that can be made.

    Args:
        environment: Variables of this process.
        cache: Where everything is kept; what is there already need not be possible any more.

    Raises:
        BuildError: There is no such version, or this machine has no CPython of any.
    """
    known = ", ".join(windows_python.CPYTHONS)
    given = environment.get(VERSION_VARIABLE)
    if given:
        if given not in windows_python.CPYTHONS:
            raise windows_python.BuildError(f"{VERSION_VARIABLE} is {given}, and the versions are {known}")
        return given
    for minor in windows_python.CPYTHONS:
        if (python_folder(cache, minor) / READY).exists() or windows_python.has_host(minor):
            return minor
    raise windows_python.BuildError(
        f"Windows Python shares its standard library with this machine's CPython, and there is none of {known} here. "
        "Install one so that it is on the PATH."
    )


def prepared(cache: Path, minor: str) -> tuple[wine_prefix.Wine, Path]:
    """Make what is missing: Wine, its prefix, and the folder of Windows Python.

    Args:
        cache: Where.
        minor: Version of Python, such as "3.11".

    Raises:
        BuildError: Something cannot be made; the message says why.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "build.lock"):
        wine_prefix.install_wine()
        wine = wine_prefix.Wine(cache)
        wine.boot()
        folder = python_folder(cache, minor)
        ready = folder / READY
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            windows_python.build(folder, minor)
            ready.touch()
    return wine, folder


def windows_path(path: Path) -> str:
    """How Windows programs call a file of this machine: drive Z: is the root directory.

    Args:
        path: Absolute.
    """
    return "Z:" + str(path).replace("/", "\\")


def describe_checkout(cache: Path) -> Path:
    """Write what an editable installation would tell about the project: its name, version and entry points.

    Args:
        cache: Where; each checkout has a folder of its own.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    sections = {"console_scripts": project["scripts"], **project["entry-points"]}
    points = "".join(
        f"[{section}]\n" + "".join(f"{name} = {target}\n" for name, target in entries.items()) + "\n"
        for section, entries in sections.items()
    )
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    folder = cache / "checkouts" / hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]
    information = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    with locked(cache / "build.lock"):
        information.mkdir(parents=True, exist_ok=True)
        for name, content in (("entry_points.txt", points), ("METADATA", metadata)):
            file = information / name
            if not file.exists() or file.read_text(encoding="utf-8") != content:
                file.write_text(content, encoding="utf-8")
    return folder


def python_environment(wine: wine_prefix.Wine, folder: Path, described: Path) -> dict[str, str]:
    """Variables of Windows Python.

    Args:
        wine: What runs it.
        folder: Where it is.
        described: From `describe_checkout`.
    """
    inherited = {name: value for name, value in wine.environment.items() if name not in _NOT_PASSED}
    path = [described, *(ROOT / root for root in ROOTS)]
    return {
        **inherited,
        "PYTHONPATH": ";".join(windows_path(one) for one in path),
        "PYTHONPYCACHEPREFIX": windows_path(windows_python.compiled_folder(folder)),
    }


def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command and copy what it writes.

    Args:
        command: A Windows program under Wine.
        environment: Its variables.

    Returns:
        The low eight bits of its exit status.
    """
    pipe = subprocess.PIPE
    source = {"pipe": None, "file": pipe, "none": subprocess.DEVNULL}[_input_kind()]
    process = subprocess.Popen(command, stdin=source, stdout=pipe, stderr=pipe, env=environment)

    def stop(number: int, _frame: FrameType | None) -> None:
        # Wine's processes do not answer to signals as Windows programs answer to Ctrl-C.
        process.kill()
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    copiers = [
        _copying(process.stdout, sys.stdout.buffer),
        _copying(process.stderr, sys.stderr.buffer),
    ]
    if process.stdin is not None:
        _copying(sys.stdin.buffer, process.stdin, close=True)
    status = process.wait()
    for copier in copiers:
        copier.join(_DRAIN_S)
    return status & 0xFF if status >= 0 else 128 - status


def _input_kind() -> str:
    """What the standard input is: "pipe" can be handed on, a "file" is copied, "none" is not worth either."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return "none"
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        return "pipe"
    return "file" if stat.S_ISREG(mode) else "none"


def _copying(source: IO[bytes] | None, target: IO[bytes], *, close: bool = False) -> threading.Thread:
    """Start a thread that copies bytes as they come; a target that nobody reads does not stop the program."""
    if source is None:
        raise AssertionError("the program was started with pipes")
    number = source.fileno()

    def copy() -> None:
        broken = False
        while block := os.read(number, 65536):
            if broken:
                continue
            try:
                target.write(block)
                target.flush()
            except OSError:
                broken = True
        if close:
            with contextlib.suppress(OSError):
                target.close()

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    return thread


def main(arguments: Sequence[str]) -> int:
    """Run.

    Args:
        arguments: Of Windows Python, or `--setup`.

    Returns:
        The exit status: that of Windows Python, or 3 if there is none to run.
    """
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(USAGE, end="")
        return 0 if arguments else 2
    cache = cache_folder(os.environ)
    try:
        minor = chosen_version(os.environ, cache)
        wine, folder = prepared(cache, minor)
        described = describe_checkout(cache)
    except (windows_python.BuildError, subprocess.SubprocessError, OSError) as error:
        print(f"ci/wine/run: {error}", file=sys.stderr)
        return 3
    if list(arguments) == ["--setup"]:
        print(f"{wine.version}, Windows CPython {windows_python.CPYTHONS[minor]} in {folder}")
        return 0
    with wine.running():
        command = wine.command(str(folder / "python.exe"), *arguments)
        return run(command, python_environment(wine, folder, described))
