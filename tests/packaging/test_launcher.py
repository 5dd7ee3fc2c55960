"""The script that sets everything up on a fresh machine."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

PYPROJECT = """
[dependency-groups]
test = ["alpha>=1", "beta"]
lint = ["gamma"]
types = ["beta", { include-group = "lint" }]
dev = []
"""


class Recorder:
    """Stands for `subprocess.run`: notes commands, answers each with the exit status of the first matching word."""

    def __init__(self, **answers: int) -> None:
        self.answers = answers
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str], **_options: object) -> subprocess.CompletedProcess[bytes]:
        self.commands.append(command)
        words = " ".join(command)
        status = next((status for word, status in self.answers.items() if word in words), 0)
        return subprocess.CompletedProcess(command, status)

    def installations(self) -> list[list[str]]:
        """What pip was asked to install, each without pip's own options."""
        return [
            command[command.index("--editable") :] for command in self.commands if "--editable" in command
        ]


@pytest.fixture
def launcher(script: Callable[[str], ModuleType]) -> ModuleType:
    """ci/launcher.py as a module of this test's own."""
    return script("launcher")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout that is nothing but a pyproject.toml."""
    (tmp_path / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    return tmp_path


def pretend(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch, run: Recorder, *, modules: set[str]
) -> None:
    """Replace everything that reaches out of the launcher: processes, venv, and what Python can import."""

    def create(folder: Path, **_options: object) -> None:
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        for name in ("python", "ipc-gauntlet"):
            (folder / "bin" / name).touch()

    monkeypatch.setattr(launcher.subprocess, "run", run)
    monkeypatch.setattr(launcher.venv, "create", create)
    monkeypatch.setattr(launcher.Environment, "program", lambda self, name: self.folder / "bin" / name)
    monkeypatch.setattr(launcher, "has_module", lambda name: name in modules)


def test_first_start_installs_and_second_start_does_nothing(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    """The project and the group are installed once; the next start runs no process at all."""
    run = Recorder(**{"pip --version": 1})
    pretend(launcher, monkeypatch, run, modules={"ensurepip"})
    environment = launcher.Environment(project / "env", project)
    environment.ensure(["test"])
    assert run.installations() == [["--editable", f"{project}[all]", "alpha>=1", "beta"]]
    before = len(run.commands)
    environment.ensure(["test"])
    assert len(run.commands) == before


def test_a_changed_pyproject_is_installed_again(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    """A new dependency reaches an environment that already exists."""
    run = Recorder()
    pretend(launcher, monkeypatch, run, modules={"ensurepip"})
    environment = launcher.Environment(project / "env", project)
    launcher.venv.create(environment.folder)
    environment.ensure(["test"])
    (project / "pyproject.toml").write_text(PYPROJECT.replace("beta", "delta"), encoding="utf-8")
    environment.ensure(["test"])
    assert [names[2:] for names in run.installations()] == [["alpha>=1", "beta"], ["alpha>=1", "delta"]]


def test_groups_that_are_there_are_kept(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    """Asking for one group after another adds to the environment."""
    run = Recorder()
    pretend(launcher, monkeypatch, run, modules={"ensurepip"})
    environment = launcher.Environment(project / "env", project)
    launcher.venv.create(environment.folder)
    environment.ensure(["test"])
    environment.ensure(["lint"])
    assert environment.installed() == {"project", "test", "lint"}


def test_an_interrupted_installation_does_not_look_finished(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    """When pip fails the user is told, and the next start tries again."""
    run = Recorder(editable=1)
    pretend(launcher, monkeypatch, run, modules={"ensurepip"})
    environment = launcher.Environment(project / "env", project)
    launcher.venv.create(environment.folder)
    with pytest.raises(launcher.SetupError, match="package index"):
        environment.ensure([])
    assert environment.installed() == frozenset()


def test_a_damaged_note_means_installing_again(launcher: ModuleType, project: Path) -> None:
    """Whatever is in the note, reading it never fails."""
    environment = launcher.Environment(project, project)
    for content in ("", "[]", '{"key": 1}', json.dumps({"key": environment.key(), "groups": None})):
        environment.note.write_text(content, encoding="utf-8")
        assert environment.installed() == frozenset()


def test_without_ensurepip_the_outer_pip_is_used(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    """Debian without python3-venv but with pip: pip is pointed at the environment."""
    folder = project / "env"
    run = Recorder(**{f"{folder}/bin/python -m pip": 1, f"{folder}/bin/python -c": 1})
    pretend(launcher, monkeypatch, run, modules={"pip"})
    launcher.Environment(folder, project).ensure([])
    (command,) = [command for command in run.commands if "--editable" in command]
    assert command[:5] == [sys.executable, "-m", "pip", "--python", str(folder / "bin/python")]


def test_without_any_pip_the_message_says_what_to_install(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    """Neither ensurepip, nor pip, nor virtualenv: the package to install is named, and nothing was created."""
    run = Recorder(python=1, **{"-m": 1})
    pretend(launcher, monkeypatch, run, modules=set())
    with pytest.raises(launcher.SetupError, match=r"apt-get install python3\.\d+-venv"):
        launcher.Environment(project / "env", project).ensure([])
    assert not (project / "env").exists()


def test_somebody_elses_environment_is_not_cleared(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    """A folder without our note is extended, never emptied."""
    cleared: list[object] = []
    run = Recorder(**{"pip --version": 1})
    pretend(launcher, monkeypatch, run, modules={"ensurepip"})
    (project / "env").mkdir()
    monkeypatch.setattr(launcher.venv, "create", lambda _folder, clear, **_options: cleared.append(clear))
    environment = launcher.Environment(project / "env", project)
    environment.ensure([])
    environment.ensure(["test"])
    assert cleared == [False, True]


def test_groups_are_read_with_what_they_include(launcher: ModuleType, project: Path) -> None:
    """An included group is expanded, and no requirement is given twice."""
    assert launcher.group_requirements(project, ["test", "types"]) == ["alpha>=1", "beta", "gamma"]


def test_every_start_names_groups_that_exist(launcher: ModuleType, checkout: Path) -> None:
    """The groups that the launcher installs are in the real pyproject.toml."""
    for groups in launcher.GROUPS.values():
        launcher.group_requirements(checkout, groups)


@pytest.mark.parametrize(
    ("arguments", "needs", "command"),
    [
        ([], "run", ["ipc-gauntlet", "showcase"]),
        (["run", "curvezmq"], "run", ["ipc-gauntlet", "run", "curvezmq"]),
        (["test", "-k", "wheel"], "test", ["python", "-m", "pytest", "-n", "auto", "-k", "wheel"]),
        (["setup"], "setup", []),
    ],
    ids=["nothing", "command", "test", "setup"],
)
def test_the_command_line(launcher: ModuleType, arguments: list[str], needs: str, command: list[str]) -> None:
    """Only `test`, `setup` and nothing at all have a meaning of their own."""
    assert launcher.plan(arguments) == (needs, command)


def test_the_script_explains_itself(checkout: Path) -> None:
    """`gauntlet.py --help` prints its usage and makes no environment."""
    command = [sys.executable, str(checkout / "gauntlet.py"), "--help"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "gauntlet.py test" in result.stdout


def test_an_old_python_is_told_what_it_needs(checkout: Path) -> None:
    """Under a Python that is too old the script says so in words, and starts nothing."""
    child = (
        "import runpy, sys; sys.version_info = (3, 8, 1, 'final', 0); sys.argv = ['gauntlet.py'];"
        f"runpy.run_path({str(checkout / 'gauntlet.py')!r}, run_name='__main__')"
    )
    result = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "needs Python 3.11 or newer; this is 3.8.1" in result.stderr
