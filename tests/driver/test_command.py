"""Command lines of drivers: words as in a shell, and clear words when the program is not there."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from systems import WINDOWS

from ipc_gauntlet import quoting
from ipc_gauntlet.driver import Driver, DriverCommand
from ipc_gauntlet.errors import DriverStartError, UsageError
from ipc_gauntlet.reactor import Reactor


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_quoted_words_survive(words: list[str]) -> None:
    """What a shell would pass on to a program is what the program gets."""
    if words[0]:
        assert DriverCommand.parse(quoting.join(words)).argv == tuple(words)


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_quoted_words_survive_on_windows(words: list[str]) -> None:
    """By its own rules, on any system."""
    assert quoting.split(quoting.join(words, windows=True), windows=True) == words


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        (r"C:\Python\python.exe driver.py", [r"C:\Python\python.exe", "driver.py"]),
        (r'"C:\Program Files\x.exe" --flag="a b\"', ["C:\\Program Files\\x.exe", "--flag=a b\\"]),
        (r"'C:\my driver\x.exe' # \\server\share", [r"C:\my driver\x.exe", "#", r"\\server\share"]),
    ],
)
def test_a_backslash_is_part_of_a_path_on_windows(text: str, argv: list[str]) -> None:
    """Also the last one in front of a quote; and nothing is a comment."""
    assert quoting.split(text, windows=True) == argv


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ("python my_driver.py", ("python", "my_driver.py")),
        ("'my driver' --flag=\"a b\"", ("my driver", "--flag=a b")),
        ("run $HOME *.py ; rm x", ("run", "$HOME", "*.py", ";", "rm", "x")),
    ],
)
def test_words_are_split_and_nothing_is_expanded(text: str, argv: tuple[str, ...]) -> None:
    """Quotes group words; variables, patterns and separators are plain characters."""
    assert DriverCommand.parse(text).argv == argv


@pytest.mark.parametrize("text", ["", "   ", "'unclosed", "a\0b"])
def test_what_is_no_command_is_a_usage_error(text: str) -> None:
    """The message shows what was given or what is missing."""
    with pytest.raises(UsageError, match="command"):
        DriverCommand.parse(text)


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (("/opt/my-driver", "--fast"), "my-driver"),
        ((sys.executable, "-m", "sipc_driver"), "sipc_driver"),
        (("python3", "drivers/tls.py"), "tls"),
        (("python3", "-X", "dev", "x.py"), "python3"),
    ],
)
def test_a_command_without_a_name_gets_a_short_one(argv: tuple[str, ...], name: str) -> None:
    """Reports call the driver by the word that tells it apart."""
    assert DriverCommand(argv).name == name


def test_a_module_runs_with_the_interpreter_of_the_harness() -> None:
    """Bundled drivers need no path, and see what is installed beside the harness."""
    command = DriverCommand.module("sipc_driver")
    assert command.argv == (sys.executable, "-m", "sipc_driver")
    assert command.name == "sipc_driver"
    assert DriverCommand.module("sipc_driver", name="reference").name == "reference"


def test_programs_that_cannot_be_run_are_explained_before_anything_starts(
    tmp_path: Path, reactor: Reactor
) -> None:
    """Each mistake has its own message and its own advice, and all of them name the driver."""
    script = tmp_path / "driver.py"
    script.write_text("pass\n")
    binary = tmp_path / "binary"
    binary.write_bytes(b"\x01\x02\x03")
    binary.chmod(0o700)
    lost = tmp_path / "lost"
    lost.write_text("#!/no/such/interpreter\n")
    lost.chmod(0o700)
    attempts: list[tuple[tuple[str, ...], str | None, str]] = [
        (("/no/such/driver",), None, "does not exist.*; check the path"),
        (("./nothing",), str(tmp_path), "does not exist .relative to"),
        ((str(tmp_path),), None, "is a directory"),
        (("no-such-program-at-all",), None, "was not found in PATH; install it"),
        (("driver.py",), str(tmp_path), r"was not found in PATH; a file of that name .* write \./driver.py"),
        ((sys.executable,), "/no/such/directory", "working directory /no/such/directory does not exist"),
    ]
    if WINDOWS:
        attempts += [((str(binary),), None, "no program of Windows; put its interpreter in front")]
    else:
        attempts += [
            ((str(script),), None, "not executable; run it with its interpreter: python"),
            ((str(binary),), None, "neither a binary of this system nor does it begin with #!"),
            ((str(lost),), None, "interpreter in its first line"),
        ]
    for argv, cwd, text in attempts:
        command = DriverCommand(argv, cwd=cwd)
        with pytest.raises(DriverStartError, match=text) as caught:
            Driver(command, reactor, label="client").start()
        assert str(caught.value).startswith(f"driver client ({command})")


def test_on_windows_a_path_need_not_say_exe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One command line of a job serves all systems: what builds `ipc-driver` elsewhere builds `ipc-driver.exe` there."""
    for name in ("ipc-driver.exe", "tool.cmd", "tool.txt", "both", "both.exe"):
        (tmp_path / name).write_bytes(b"MZ")
        (tmp_path / name).chmod(0o700)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.exe").write_bytes(b"MZ")
    (tmp_path / "folder.exe").chmod(0o700)

    def located(program: str) -> str:
        return Path(DriverCommand((program,), cwd=str(tmp_path)).locate("driver")).name

    if not WINDOWS:
        with pytest.raises(DriverStartError, match="does not exist"):
            located("./ipc-driver")
        monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("PATHEXT", ".COM;.exe;.BAT;.cmd")
    assert located("./ipc-driver") == "ipc-driver.exe"
    assert located(str(tmp_path / "ipc-driver")) == "ipc-driver.exe"
    assert located("./ipc-driver.exe") == "ipc-driver.exe"
    assert located("./tool") == "tool.cmd"
    assert located("./both") == "both"
    assert located("./folder") == "folder.exe"
    with pytest.raises(DriverStartError, match="does not exist"):
        located("./tool.txt.more")


@pytest.mark.skipif(WINDOWS, reason="a script is no program of Windows, and Python cannot be copied alone")
def test_a_relative_program_is_looked_up_in_the_working_directory(tmp_path: Path, reactor: Reactor) -> None:
    """The directory and the environment of the command reach the program."""
    script = tmp_path / "d"
    script.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        "where = {'protocol': 1, 'name': os.environ['WHO'], 'version': os.getcwd(), 'profile': 'local',\n"
        "         'roles': ['server'], 'transports': ['unix']}\n"
        "for line in sys.stdin:\n"
        "    print(json.dumps({'jsonrpc': '2.0', 'id': json.loads(line)['id'], 'result': where}), flush=True)\n"
    )
    script.chmod(0o700)
    driver = Driver(DriverCommand(("./d",), cwd=str(tmp_path), env={"WHO": "me"}), reactor, label="server")
    try:
        statement = driver.start()
    finally:
        driver.close()
    assert statement.name == "me"
    assert Path(statement.version).samefile(tmp_path)
