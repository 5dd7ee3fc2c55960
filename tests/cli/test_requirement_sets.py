"""Requirement sets and mutants on the command line."""

from __future__ import annotations

import json

import pytest
from commands import Runner
from local_places import LOCAL


def test_a_run_is_about_the_newest_set(toy: Runner) -> None:
    """The report and the screen say which; 'all' is about the whole catalogue."""
    ended = toy("--case", "replay/records/good")
    assert ended.json()["requirements_set"] == "sipc-2026.2"
    assert "requirement set sipc-2026.2, " in ended.out
    ended = toy("--case", "replay/records/good", "--requirements-set", "all")
    assert ended.json()["requirements_set"] == ""


def test_no_such_set(toy: Runner) -> None:
    """A similar one is named."""
    ended = toy("--requirements-set", "sipc-2026")
    assert ended.status == 2
    assert "did you mean sipc-2026" in ended.err


def test_requirements_of_a_set(command: Runner) -> None:
    """Without the option the whole catalogue is listed; with it the set; --uncovered leaves those without a case."""
    everything = json.loads(command("list", "--requirements", "--json").out)["requirements"]
    words = ("list", "--requirements", "--requirements-set", "sipc-2026.1", "--json")
    assert len(json.loads(command(*words).out)["requirements"]) == 74
    words = ("list", "--requirements", "--requirements-set", "sipc-2026.2", "--json")
    some = json.loads(command(*words).out)["requirements"]
    bare = json.loads(command("list", "--requirements", "--uncovered", "--json").out)["requirements"]
    assert len(everything) > len(some) == 89
    assert [item["id"] for item in bare] == [item["id"] for item in some if item["cases"] == 0]
    assert command("list", "--uncovered").status == 2


@pytest.mark.parametrize(
    ("name", "default"),
    [("run", "(default: the newest set)"), ("list", "(default: 'all'; with --uncovered the newest set)")],
)
def test_the_help_says_what_is_taken_without_the_option(name: str, default: str, command: Runner) -> None:
    """A run is about the newest set, a list about everything."""
    assert default in " ".join(command(name, "--help").out.split())


def test_cases_of_a_set(command: Runner) -> None:
    """Cases are listed by the same set."""
    listed = json.loads(command("list", "--requirements-set", "sipc-2026.1", "--json").out)["cases"]
    assert {item["requirement"].partition("-")[0] for item in listed} <= {
        "AUTH",
        "DOWN",
        "REPL",
        "ORD",
        "IDEM",
        "TIME",
    }


def test_mutants_are_listed(command: Runner) -> None:
    """By requirement and suite; a case is no choice among them."""
    listed = json.loads(command("list", "--mutants", "--requirement", "ord-07", "--json").out)["mutants"]
    assert {item["requirement"] for item in listed} == {"ORD-07"}
    assert "mutant:ORD-07.m1" in command("list", "--mutants").out
    assert command("list", "--mutants", "--requirement", "ORX-07").status == 2
    assert command("list", "--mutants", "--case", "ordering/*").status == 2


@pytest.mark.parametrize("name", ["mutant:ORD-07.m1", "mutant:none"])
def test_a_mutant_can_be_described(command: Runner, name: str) -> None:
    """A mutant is named where an implementation is."""
    ended = command("describe", name, "--json")
    assert ended.status == 0, ended.err
    assert json.loads(ended.out)["name"] == "reference"


def test_a_mutant_fails_where_the_reference_passes(command: Runner) -> None:
    """`run mutant:ID` attacks it, and the replay command names it."""
    words = (
        "--requirement",
        "ORD-07",
        "--transport",
        LOCAL,
        "-n",
        "0",
        "--seed",
        "1",
        "--json",
        "report.json",
    )
    ended = command("run", "mutant:ORD-07.m1", *words)
    assert ended.status == 1, ended.err
    failed = [one for one in ended.json()["cases"] if one["verdict"] == "fail"]
    assert failed
    assert " mutant:ORD-07.m1 --seed 1" in failed[0]["replay"]
