"""What a terminal gets: colours and live lines, or neither when told so."""

import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from systems import WINDOWS

pytestmark = pytest.mark.skipif(
    WINDOWS, reason="pseudo-terminals of POSIX; a console of Windows cannot be read"
)


def on_a_terminal(words: list[str], environment: dict[str, str], folder: Path) -> tuple[int, str]:
    """Run a command on a terminal of 100 columns; return its status and everything it wrote."""
    import pty

    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "ipc_gauntlet.cli", *words],
        env=environment | {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"},
        cwd=folder,
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    chunks = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([leader], [], [], 0.2)[0]:
            try:
                data = os.read(leader, 65536)
            except OSError:  # Linux's way to say that the other side is closed
                break
            if not data:
                break
            chunks.append(data)
    os.close(leader)
    return process.wait(timeout=10), b"".join(chunks).decode()


RUN = ["run", "--package", "toy_suites", "--suite", "replay", "--seed", "7", "-n", "0"]


def test_a_terminal_gets_colours_and_live_lines(
    environment: dict[str, str], plain: str, folder: Path
) -> None:
    """On a terminal the lines change in place, in colour, and what drivers print still cannot steer it."""
    status, text = on_a_terminal([*RUN, "--driver", plain], environment, folder)
    assert status == 1
    assert "\x1b[1;31m" in text
    assert "━" in text
    assert "\x1b[31m from the server" not in text
    assert "\\x1b[31m from the server" in text


@pytest.mark.parametrize("how", ["option", "environment", "before"])
def test_no_colour_when_told(environment: dict[str, str], plain: str, folder: Path, how: str) -> None:
    """Told so, a terminal gets plain text without a single escape sequence."""
    words = [*RUN, "--driver", plain]
    if how == "option":
        words.append("--no-color")
    elif how == "before":
        words.insert(0, "--no-color")
    more = {"NO_COLOR": "1"} if how == "environment" else {}
    status, text = on_a_terminal(words, environment | more, folder)
    assert status == 1
    assert "\x1b" not in text
    assert "FAIL" in text
