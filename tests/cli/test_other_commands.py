"""Listing, explaining, describing: the commands that run no case."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from commands import Runner
from systems import STACK_TRANSPORT, STACK_TRANSPORTS

TOY = ["--package", "toy_suites"]


def test_list_of_cases(command: Runner) -> None:
    """One line for each case function, with requirement, level, number of variants and title."""
    ended = command("list", *TOY)
    assert ended.status == 0
    assert re.search(r"^replay/records/good +REPL-01 +MUST +2 +A good case$", ended.out, re.MULTILINE)
    assert len(ended.out.splitlines()) == 16


def test_list_as_json(command: Runner) -> None:
    """The JSON form has everything that a program needs."""
    cases = json.loads(command("list", *TOY, "--json", "--suite", "ordering").out)["cases"]
    assert [case["id"] for case in cases] == ["ordering/plain/many", "ordering/plain/psk_only"]
    assert cases[0]["variants"] == [str(number) for number in sorted(range(12), key=str)]
    assert cases[1]["credentials"] == ["psk"]
    assert cases[0]["profile"] == "channel"


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["--requirement", "ord-*"], {"ordering/plain/many", "ordering/plain/psk_only"}),
        (["--case", f"*/many/{STACK_TRANSPORT}-*"], {"ordering/plain/many"}),
        (
            ["--case", "timeouts"],
            {
                "timeouts/clock/measures",
                "timeouts/clock/kills_its_process",
                "timeouts/clock/hangs",
                "timeouts/clock/deaf",
            },
        ),
    ],
)
def test_filtered_list(command: Runner, words: list[str], ids: set[str]) -> None:
    """The same patterns as for runs choose what is listed."""
    cases = json.loads(command("list", *TOY, "--json", *words).out)["cases"]
    assert {case["id"] for case in cases} == ids


def test_list_of_requirements(command: Runner) -> None:
    """The whole catalogue is listed, with the number of cases that cover each."""
    found = json.loads(command("list", *TOY, "--requirements", "--json").out)["requirements"]
    assert len(found) == 160
    counts = {item["id"]: item["cases"] for item in found}
    assert (counts["REPL-01"], counts["AUD-01"]) == (2, 0)
    lines = command("list", *TOY, "--requirements", "--suite", "audit").out.splitlines()
    assert len(lines) == 8
    assert lines[0].startswith("AUD-01  MUST")


@pytest.mark.parametrize(
    "words", [["--suite", "nope"], ["--requirements", "--suite", "nope"], ["--case", "x/*"]]
)
def test_a_pattern_without_a_match_is_wrong_use(command: Runner, words: list[str]) -> None:
    """A list that would be empty because of a typing error is an error."""
    assert command("list", *TOY, *words).status == 2


def test_show_a_requirement(command: Runner) -> None:
    """A requirement is shown with statement, source, ways to violate it and its cases."""
    out = command("show", *TOY, "repl-01").out
    for words in ("REPL-01", "delivered more than once", "CWE-294", "REPL-01.m1", "replay/records/good"):
        assert words in out


def test_show_a_case(command: Runner) -> None:
    """A case is shown by the name of its function or of a variant."""
    for name in ("replay/records/good", f"replay/records/good/{STACK_TRANSPORT}-psk-c2s"):
        out = command("show", *TOY, name).out
        assert "Judges something and is content." in out
        assert "c2s, s2c" in out


@pytest.mark.parametrize(
    ("what", "hint"), [("RPEL-01", "REPL-01"), ("replay/records/god", "replay/records/good")]
)
def test_show_nothing(command: Runner, what: str, hint: str) -> None:
    """What does not exist is wrong use, with a suggestion."""
    ended = command("show", *TOY, what)
    assert ended.status == 2
    assert hint in ended.err


def test_describe(command: Runner, plain: str) -> None:
    """The statement of a driver, for people and for programs."""
    assert "profile      channel" in command("describe", "--driver", plain).out
    statement = json.loads(command("describe", "--driver", plain, "--json").out)
    assert statement["transports"] == STACK_TRANSPORTS
    assert command("describe", "--driver", "/no/such").status == 3


def test_implementations(command: Runner) -> None:
    """The bundled implementations are listed; the reference is among them."""
    assert re.search(r"^reference +sipc_driver$", command("implementations").out, re.MULTILINE)
    found = json.loads(command("implementations", "--json").out)["implementations"]
    assert {"name": "reference", "module": "sipc_driver"} in found


def test_doctor(command: Runner, plain: str) -> None:
    """A good driver gets a clean bill; one that does not start does not."""
    good = command("doctor", "--driver", plain)
    assert good.status == 0, good.out
    assert "all well" in good.out
    report = json.loads(command("doctor", "--driver", plain, "--json").out)
    assert report["ok"]
    assert command("doctor", "--driver", "/no/such/driver").status in (1, 3)


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["run", "--help"], ["--version"]])
def test_help(command: Runner, words: list[str]) -> None:
    """Help and version are there, on standard output, with status 0."""
    ended = command(*words)
    assert ended.status == 0
    assert "ipc-gauntlet" in ended.out
    assert ended.err == ""


def test_help_imports_nothing_heavy(environment: dict[str, str], folder: Path) -> None:
    """No library but click is imported before a command runs."""
    code = (
        "import sys\ntry:\n    from ipc_gauntlet.cli import main; main(['run', '--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'pytest', 'rich', 'cryptography', 'msgspec', 'psutil', 'xdist'} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=folder, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "[]"


def test_showcase_of_an_unknown_transport(command: Runner) -> None:
    """Wrong use is found before anything is run."""
    ended = command("showcase", "noise-xx", "--transport", "pigeon")
    assert ended.status == 2
    assert "pigeon" in ended.err


def test_an_unknown_command(command: Runner) -> None:
    """A mistyped command is wrong use, with a suggestion."""
    ended = command("rnu")
    assert ended.status == 2
    assert "did you mean run?" in ended.err
