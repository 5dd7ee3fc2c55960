"""What docs/fuzzing.md shows is so."""

import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from fuzz_campaigns import TOYS

from ipc_gauntlet.cli.app import cli
from ipc_gauntlet.cli.fuzz.run import command
from ipc_gauntlet.fuzz.campaign import status
from ipc_gauntlet.fuzz.campaign.orders import read_file

_BLOCK = re.compile(r"^```(\w+)\n# (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _files(checkout: Path, folder: Path) -> dict[str, Path]:
    """The files that the guide shows."""
    text = (checkout / "docs" / "fuzzing.md").read_text(encoding="utf-8")
    found = {}
    for _, name, content in _BLOCK.findall(text):
        found[name] = folder / name
        found[name].write_text(content, encoding="utf-8")
    return found


def test_the_target_of_the_guide_is_fuzzed(checkout: Path, tmp_path: Path) -> None:
    files = _files(checkout, tmp_path)
    store = tmp_path / "store"
    words = [
        "fuzz",
        "run",
        "--targets",
        str(files["my_fuzz_targets.py"]),
        "--target",
        "mine.*",
        "--time",
        "12s",
    ]
    done = CliRunner().invoke(cli, [*words, "--jobs", "2", "--slice", "1s", "--store", str(store)])
    assert done.exit_code == 0, done.output
    (target,) = status.read(store / "campaigns" / "default").targets
    assert (target.blind, target.canary, target.unreached) == ("", "caught", ())


def test_the_plan_of_the_guide_is_one(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "my_tokens.dict").write_bytes(b'"token"\n')
    wishes = read_file(_files(checkout, tmp_path)["night.toml"])
    assert wishes.dictionary
    assert (wishes.name, wishes.seconds, wishes.weights) == (
        "night",
        28800,
        {"mine.*": 1.0, "sipc.session.*": 2.0},
    )
    assert wishes.modules == (str(tmp_path / "my_fuzz_targets.py"),)


def test_every_option_is_in_the_guide(checkout: Path) -> None:
    text = (checkout / "docs" / "fuzzing.md").read_text(encoding="utf-8")
    options = {name for one in command.params for name in one.opts if name.startswith("--")}
    assert {name for name in options if name not in text} <= {"--no-color"}


def test_a_module_in_the_current_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here_targets.py").write_text(
        (TOYS / "careless_targets.py").read_text().replace("careless_parser", "here_parser"), encoding="utf-8"
    )
    (tmp_path / "here_parser.py").write_text((TOYS / "careless_parser.py").read_text(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    done = CliRunner().invoke(
        cli,
        [
            "fuzz",
            "run",
            "--targets",
            "here_targets",
            "--target",
            "careless",
            "--time",
            "20s",
            "--stop-at-first",
        ],
    )
    assert done.exit_code == 1, done.output
