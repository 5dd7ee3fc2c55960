"""docs/fuzzing-structures.md: its examples run, and it names every target of the reference."""

import re
from pathlib import Path
from typing import Any

from structures import chance, check_laws

from ipc_gauntlet.fuzz.registry import find

PAGE = Path(__file__).parents[3] / "docs" / "fuzzing-structures.md"


def example() -> dict[str, Any]:
    """What the code blocks of the page define."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 3
    defined: dict[str, Any] = {"__name__": "example"}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), defined)  # noqa: S102 - our own page
    return defined


def test_the_examples_run() -> None:
    """A target with a schema, a map, a list of steps."""
    defined = example()
    (target,) = defined["TARGETS"]
    made = [target.structure.generate(chance(seed)) for seed in range(50)]
    assert all(target.judge(data).accepted for data in made)
    check_laws(target.structure, made[0], 3)
    assert defined["play"](defined["SEED"]) == 1
    check_laws(defined["STRUCTURE"], defined["SEED"], 1)


def test_every_target_is_named() -> None:
    """A new one gets its place in the table."""
    text = PAGE.read_text(encoding="utf-8")
    names = {found.target.name for found in find(["sipc.*"])}
    assert {name for name in names if f"`{name}`" not in text} == set()
    named = set(re.findall(r"`(sipc\.[a-z0-9.]+)`", text))
    assert named - names == set()
