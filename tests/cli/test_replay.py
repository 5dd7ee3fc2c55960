"""`replay`: one case again, in the same way, and what that says."""

from pathlib import Path

import pytest
from commands import Runner
from systems import STACK_TRANSPORT

BAD = f"replay/records/bad/{STACK_TRANSPORT}-psk"


@pytest.fixture
def moody(toy: Runner) -> Runner:
    """A run of the case that fails as long as the environment does not say otherwise."""
    assert toy("--suite", "replay", "--transport", STACK_TRANSPORT).status == 1
    return toy


def test_still_failing(moody: Runner, command: Runner) -> None:
    """A case that fails as before: the whole story again, status 1."""
    ended = command("replay", BAD)
    assert ended.status == 1
    assert "STILL FAILING  was fail delivered-twice, is fail delivered-twice" in ended.out
    assert "0.001 c2s 0 record 32 aabb" in ended.out


def test_fixed(moody: Runner, command: Runner) -> None:
    """A case that passes now: status 0."""
    ended = command("replay", BAD, env={"TOY_MOOD": "good"})
    assert ended.status == 0
    assert "FIXED  was fail delivered-twice, is pass" in ended.out


def test_changed(moody: Runner, command: Runner) -> None:
    """A case that fails for another reason is neither fixed nor the same."""
    ended = command("replay", BAD, env={"TOY_MOOD": "other"})
    assert ended.status == 1
    assert "CHANGED  was fail delivered-twice, is fail delivered-thrice" in ended.out


def test_a_good_case_stays_good(moody: Runner, command: Runner) -> None:
    """Repeating what passed says that nothing changed."""
    ended = command("replay", f"replay/records/good/{STACK_TRANSPORT}-psk-c2s")
    assert ended.status == 0
    assert "UNCHANGED" in ended.out


def test_a_requirement_that_could_not_be_tested(moody: Runner, command: Runner) -> None:
    """The result for an untestable requirement can be repeated like any other."""
    ended = command("replay", "replay/untestable/REPL-07/all")
    assert ended.status == 1
    assert "STILL FAILING" in ended.out


def test_from_a_report_elsewhere(moody: Runner, command: Runner, folder: Path, tmp_path: Path) -> None:
    """A report from another folder or machine is enough."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert command("replay", BAD, cwd=elsewhere).status == 2
    ended = command("replay", BAD, "--report", str(folder / "report.json"), cwd=elsewhere)
    assert ended.status == 1
    assert "STILL FAILING" in ended.out


def test_from_options_alone(command: Runner, plain: str) -> None:
    """Seed and driver are enough; without an earlier result the case is taken to have failed."""
    words = ["replay", BAD, "--driver", plain, "--package", "toy_suites", "--seed", "7"]
    ended = command(*words)
    assert ended.status == 1
    assert "STILL FAILING  is fail delivered-twice; no earlier result is on record" in ended.out
    assert "FIXED" in command(*words, env={"TOY_MOOD": "good"}).out


def test_stretched_bounds_are_stretched_again(toy: Runner, command: Runner) -> None:
    """What a slow machine needed is part of the same way."""
    assert "--time-scale 3" in toy("--case", BAD, "--time-scale", "3").out
    ended = command("replay", BAD)
    assert ended.status == 1
    assert "--time-scale 3" in ended.out


def test_the_printed_command_works(toy: Runner, command: Runner) -> None:
    """The command under an explanation can be pasted into a shell."""
    from ipc_gauntlet import quoting

    out = toy("--case", BAD).out
    (line,) = [line for line in out.splitlines() if "replay:" in line]
    words = quoting.split(line.partition("replay:")[2])
    assert words[0] == "ipc-gauntlet"
    assert "STILL FAILING" in command(*words[1:]).out


def test_another_implementation(moody: Runner, command: Runner, plain: str) -> None:
    """A recorded case can be repeated on another build of the driver, with the recorded seed."""
    ended = command("replay", BAD, "--driver", plain + " --fixed")
    assert ended.status == 1
    assert "--seed 7" in ended.out
    assert "--fixed" in ended.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([BAD.replace("psk", "x509")], f"did you mean {BAD}"),
        ([BAD, "--report", "missing.json"], "cannot read the report missing.json"),
        ([BAD, "--report", "junk.json"], "no report of this program"),
        ([BAD, "--seed", "x"], "--seed"),
        ([], "Missing argument"),
    ],
)
def test_wrong_use(moody: Runner, command: Runner, folder: Path, words: list[str], said: str) -> None:
    """What cannot be repeated is explained, with status 2."""
    (folder / "junk.json").write_text('{"cases": []}', encoding="utf-8")
    ended = command("replay", *words)
    assert ended.status == 2
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_a_driver_that_is_gone(moody: Runner, command: Runner) -> None:
    """Repeating on a driver that does not start is status 3."""
    ended = command("replay", BAD, "--driver", "/no/such/driver")
    assert ended.status == 3
    assert "does not exist" in ended.out
