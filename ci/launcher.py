"""What `gauntlet.py` does: make a private virtual environment once, install the project into it, hand over.

Standard library only, and nothing outside the environment's folder is changed: systems whose Python refuses
global installs (PEP 668) are the normal case. The second start costs one hash of pyproject.toml.
"""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tomllib
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
USAGE = """\
python3 gauntlet.py                   the main job: the reference, then every bundled third-party stack
python3 gauntlet.py test [OPTIONS]    the project's own tests; options go to pytest
python3 gauntlet.py setup             everything a contributor needs
python3 gauntlet.py COMMAND ...       the same as: ipc-gauntlet COMMAND ...

The environment is made in .venv, or in the folder that IPC_GAUNTLET_VENV names.
"""

# What each way of starting needs besides the project itself: dependency groups of pyproject.toml.
GROUPS: dict[str, tuple[str, ...]] = {"run": (), "test": ("test",), "setup": ("test", "lint", "types", "dev")}


class SetupError(Exception):
    """The environment cannot be made; the message says what to install or do."""


class Environment:
    """One virtual environment and the note in it of what was installed.

    Args:
        folder: Where the environment is or will be.
        root: The checkout whose pyproject.toml says what belongs into it.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        self.root = root
        self.note = folder / "ipc-gauntlet.json"

    @property
    def python(self) -> Path:
        """The interpreter inside the environment."""
        return self.program("python")

    @property
    def gauntlet(self) -> Path:
        """The `ipc-gauntlet` command inside the environment."""
        return self.program("ipc-gauntlet")

    def program(self, name: str) -> Path:
        """A program installed in the environment."""
        return self.folder / (f"Scripts/{name}.exe" if os.name == "nt" else f"bin/{name}")

    def key(self) -> str:
        """What the installed packages were chosen from: when this changes, they are installed again."""
        about = f"{sys.version}\n{sys.platform}\n{self.root}\n".encode()
        return hashlib.sha256(about + (self.root / "pyproject.toml").read_bytes()).hexdigest()

    def installed(self) -> frozenset[str]:
        """Groups that are there and current; empty when anything at all has to be done."""
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
            current = note["key"] == self.key() and self.gauntlet.exists()
            return frozenset(note["groups"]) if current else frozenset()
        except (OSError, ValueError, KeyError, TypeError):
            return frozenset()

    def ensure(self, groups: Sequence[str]) -> None:
        """Make the environment hold the project and these dependency groups.

        Args:
            groups: Names of dependency groups in pyproject.toml.

        Raises:
            SetupError: If there is no way to make the environment, or pip failed.
        """
        wanted = {"project", *groups}
        present = self.installed()
        if wanted <= present:
            return
        print(f"Setting up {self.folder} (once; takes about a minute) ...", file=sys.stderr, flush=True)
        pip = self._pip()
        wanted |= present
        self._write_note([])  # an interrupted installation must not look finished
        requirements = group_requirements(self.root, sorted(wanted - {"project"}))
        command = [*pip, "install", "-qq", "--disable-pip-version-check", "--no-input"]
        if subprocess.run(
            [*command, "--editable", f"{self.root}[all]", *requirements], check=False
        ).returncode:
            raise SetupError(
                "pip could not install the dependencies (its own message is above). The package index must be "
                "reachable; proxies and mirrors are set up for pip in its usual ways."
            )
        self._write_note(sorted(wanted))

    def _write_note(self, groups: Sequence[str]) -> None:
        self.note.write_text(json.dumps({"key": self.key(), "groups": list(groups)}), encoding="utf-8")

    def _pip(self) -> list[str]:
        """Create the environment unless it is usable, and say how to run pip for it."""
        inside = [str(self.python), "-m", "pip"]
        if self._same_python() and self._runs([*inside, "--version"]):
            return inside
        # Only what this script made is cleared: a folder without the note may be somebody's own environment.
        clear = self.note.exists()
        if has_module("ensurepip"):
            try:
                venv.create(self.folder, clear=clear, with_pip=True, symlinks=os.name != "nt")
            except (subprocess.CalledProcessError, OSError) as error:
                print(f"venv with pip failed ({error}); trying another way", file=sys.stderr)
            else:
                return inside
        # Debian and its relatives leave ensurepip to the package python3-venv.
        outside = [sys.executable, "-m", "pip", "--python", str(self.python)]
        if has_module("pip"):
            venv.create(self.folder, clear=clear, with_pip=False, symlinks=os.name != "nt")
            if self._runs([*outside, "--version"]):
                return outside
        if self._runs([sys.executable, "-m", "virtualenv", "--quiet", str(self.folder)]):
            return inside
        raise SetupError(no_way_to_pip())

    def _same_python(self) -> bool:
        """Whether the environment runs the same Python version as this script: an upgrade leaves a stale one."""
        question = "import sys; sys.exit(sys.version_info[:2] != " + repr(tuple(sys.version_info[:2])) + ")"
        return self._runs([str(self.python), "-c", question])

    @staticmethod
    def _runs(command: list[str]) -> bool:
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            return False


def has_module(name: str) -> bool:
    """Whether this interpreter could import a module, without importing it."""
    return importlib.util.find_spec(name) is not None


def no_way_to_pip() -> str:
    """The message for an interpreter that can make no environment with pip in it."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        f"This Python ({sys.executable}) has neither ensurepip, nor pip 22.3 or newer, nor virtualenv, so no "
        "environment can be made with it.\n"
        f"  Debian, Ubuntu:  apt-get install python{version}-venv\n"
        "  Fedora, SUSE:    install the package python3-pip\n"
        "  elsewhere:       use a Python from python.org, which has ensurepip\n"
        "Then run the same command again."
    )


def group_requirements(root: Path, groups: Sequence[str]) -> list[str]:
    """Requirements of dependency groups (PEP 735), read here because older pips have no --group.

    Args:
        root: The checkout.
        groups: Names of groups.

    Returns:
        Requirement strings, without duplicates, in the order of the file.
    """
    table = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    found: dict[str, None] = {}
    for group in groups:
        for entry in table[group]:
            if isinstance(entry, str):
                found[entry] = None
            else:
                found.update(dict.fromkeys(group_requirements(root, [entry["include-group"]])))
    return list(found)


def plan(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Translate the command line.

    Args:
        arguments: What was given to `gauntlet.py`.

    Returns:
        Which row of `GROUPS` is needed, and the program of the environment with its arguments (none: only set up).
    """
    match list(arguments):
        case []:
            return "run", ["ipc-gauntlet", "showcase"]
        case ["test", *options]:
            # Parallel unless the caller says otherwise: pytest takes the last -n it is given.
            return "test", ["python", "-m", "pytest", "-n", "auto", *options]
        case ["setup"]:
            return "setup", []
        case command:
            return "run", ["ipc-gauntlet", *command]


def hand_over(command: list[str]) -> int:
    """Become the command (POSIX), or run it and wait for it (Windows, where exec returns to the shell at once)."""
    if sys.platform == "win32":
        return subprocess.run(command, check=False).returncode
    os.execv(command[0], command)
    raise AssertionError("exec does not return")


def main(arguments: Sequence[str]) -> int:
    """Set up what is missing and run.

    Args:
        arguments: The command line without the program's name.

    Returns:
        The exit status: 2 if the environment cannot be made, else that of the command.
    """
    if list(arguments) in (["-h"], ["--help"], ["help"]):
        print(USAGE)
        return 0
    needs, command = plan(arguments)
    environment = Environment(Path(os.environ.get("IPC_GAUNTLET_VENV") or ROOT / ".venv").absolute(), ROOT)
    try:
        environment.ensure(GROUPS[needs])
    except SetupError as error:
        print(error, file=sys.stderr)
        return 2
    if not command:
        print(f"Ready. Tests: {environment.python} -m pytest -n auto; checks: {environment.python} -m tox")
        return 0
    if needs == "test":
        os.chdir(ROOT)
    return hand_over([str(environment.program(command[0])), *command[1:]])
