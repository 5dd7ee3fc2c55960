"""Parsers that end the process with a status of ours, or whose exceptions cannot be written down."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ipc_gauntlet.cli.fuzz.app import command
from ipc_gauntlet.errors import UsageError
from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.campaign.state import State
from ipc_gauntlet.fuzz.execute import execute

HOSTILE = """
import os

from ipc_gauntlet.fuzz import Target
import {name}

TARGETS = [Target(name="{name}.parse", title="Ends it all.", layer="other", parse={name}.parse, measured=("{name}",),
                  rejects=(ValueError,), seeds=lambda: (b"abc", b"x"))]
"""


PARSER = """
import os


def parse(data):
    if data[:1] == b"a":
        os._exit({status})
    raise ValueError
"""


def fuzz(*words: str | Path) -> Result:
    """Run a command of `fuzz`."""
    return CliRunner().invoke(command, list(map(str, words)))


@pytest.mark.parametrize("status", [0, 2, 3])
def test_a_parser_that_exits_is_a_finding(tmp_path: Path, status: int) -> None:
    name = f"exits_{status}_parser"
    (tmp_path / f"{name}.py").write_text(PARSER.format(status=status), encoding="utf-8")
    targets = tmp_path / f"{name}_targets.py"
    targets.write_text(HOSTILE.format(name=name), encoding="utf-8")
    store = tmp_path / "store"
    words = (
        "--time",
        "2s",
        "-n",
        "1",
        "--no-canary",
        "--no-triage",
        "--target",
        f"{name}.*",
        "--targets",
        targets,
    )
    ended = fuzz("run", *words, "--store", store)
    with State.open(store / "campaigns" / "default") as state:
        kinds = {finding.kind for finding in state.findings()}
    assert "native" in kinds, ended.output
    assert ended.exit_code == 1


class Unspeakable(Exception):
    """An exception without a text."""

    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("error", [KeyError("\ud800 half"), Unspeakable()])
def test_what_an_exception_says_is_made_fit(error: Exception) -> None:
    def parse(_data: bytes) -> None:
        raise error

    target = Target(name="x", title="x", layer="other", parse=parse, measured=("x",))
    finding = execute(target, b"y").finding
    assert finding is not None
    assert finding.to_json()
    assert finding.error == type(error).__name__


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ({"measured": "mp"}, "measured"),
        ({"reach": "x"}, "reach"),
        ({"tokens": ("a",)}, "tokens"),
        ({"rejects": (1,)}, "rejects"),
        ({"title": None}, "title"),
        ({"longest": -1}, "longest"),
        ({"name": 3}, "name"),
    ],
)
def test_a_target_that_is_none_is_refused_where_it_is_written(facts: dict[str, object], word: str) -> None:
    good: dict[str, object] = {"name": "x", "title": "x", "layer": "other", "parse": len, "measured": ("x",)}
    with pytest.raises(UsageError, match=f"`{word}`"):
        Target(**(good | facts))  # type: ignore[arg-type]


def test_an_engine_that_is_none() -> None:
    ended = fuzz("run", "--engine", "os:path", "--target", "sipc.cbor")
    assert isinstance(ended.exception, UsageError)
    assert "is no fuzz engine" in str(ended.exception)
