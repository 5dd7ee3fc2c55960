"""Consoles whose code page lacks characters of a report, as those of Windows do."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from commands import Runner

from ipc_gauntlet import quoting


def page(encoding: str) -> dict[str, str]:
    """The environment of a program whose console has a code page."""
    return {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii"])
def test_a_report_comes_through_on_any_code_page(
    command: Runner, folder: Path, checkout: Path, encoding: str
) -> None:
    """What the console cannot show is replaced; verdicts, exit status and files are the same."""
    script = folder / "dr→ver.py"
    shutil.copyfile(checkout / "tests" / "fixtures" / "plain_driver.py", script)
    driver = quoting.join([sys.executable, str(script)])
    words = ["--package", "toy_suites", "--case", "replay/*", "-n", "0", "--json", "report.json"]
    ended = command("run", "--driver", driver, *words, env=page(encoding))
    assert ended.status == 1, ended.err
    assert "Traceback" not in ended.err
    assert "dr?ver.py" in ended.out
    report = ended.json()
    assert report["exit_status"] == 1
    assert "dr→ver.py" in json.dumps(report, ensure_ascii=False)


def test_what_is_looked_up_comes_through(command: Runner) -> None:
    """The pages of requirements are full of section signs."""
    ended = command("show", "ORD-02", env=page("ascii"))
    assert ended.status == 0, ended.err
    assert "RFC 8446 ?5.3" in ended.out


def test_json_is_utf8_on_any_code_page(command: Runner) -> None:
    """A program that reads it need not know the code page."""
    ended = command("list", "--requirements", "--json", env=page("cp1252"))
    assert ended.status == 0, ended.err
    assert "§" in json.dumps(json.loads(ended.out), ensure_ascii=False)
