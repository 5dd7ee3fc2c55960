"""`run` as a user meets it: exit statuses, reports, and what it says."""

import json
from collections import Counter
from pathlib import Path

import jsonschema
import junitparser
import pytest
from commands import Ended, Runner
from systems import STACK_TRANSPORT, STACK_TRANSPORTS


def verdicts(ended: Ended) -> dict[str, str]:
    """Verdict of each case in the report."""
    return {case["id"]: case["verdict"] for case in ended.json()["cases"]}


@pytest.mark.parametrize("workers", ["0", "2"])
def test_every_kind_of_verdict(toy: Runner, checkout: Path, workers: str) -> None:
    """Each toy case ends the way its name says, in this process or in others; the report keeps to its schema."""
    ended = toy("-n", workers, "--suite", "replay", "--transport", STACK_TRANSPORT, "--junit", "junit.xml")
    assert ended.status == 1
    assert {
        name.removeprefix("replay/").removeprefix("records/"): verdict
        for name, verdict in verdicts(ended).items()
    } == {
        f"good/{STACK_TRANSPORT}-psk-c2s": "pass",
        f"good/{STACK_TRANSPORT}-psk-s2c": "pass",
        f"bad/{STACK_TRANSPORT}-psk": "fail",
        f"vacuous/{STACK_TRANSPORT}-psk": "inconclusive",
        f"needs_push/{STACK_TRANSPORT}-psk": "pass",
        f"needs_parse/{STACK_TRANSPORT}-psk": "not_applicable",
        "untestable/REPL-07/all": "fail",
        f"advice/{STACK_TRANSPORT}-psk": "fail",
        f"dead_driver/{STACK_TRANSPORT}-psk": "error",
        f"bug/{STACK_TRANSPORT}-psk": "error",
        f"governed/{STACK_TRANSPORT}-psk": "inconclusive",
    }
    report = ended.json()
    assert report["summary"] == {"pass": 3, "fail": 3, "inconclusive": 2, "not_applicable": 1, "error": 2}
    assert report["exit_status"] == 1
    assert not report["interrupted"]
    schema = json.loads((checkout / "docs" / "report.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(report, schema)
    (suite,) = junitparser.JUnitXml.fromfile(str(ended.folder / "junit.xml"))
    assert (suite.name, suite.tests, suite.failures, suite.errors, suite.skipped) == ("replay", 11, 5, 2, 1)


def test_several_clocks(toy: Runner) -> None:
    """Cases that measure time can be spread over several processes when asked for."""
    ended = toy("-n", "2", "--clocks", "2", "--case", "timeouts/clock/measures")
    assert ended.status == 0
    assert list(verdicts(ended).values()) == ["pass"] * 4 * len(STACK_TRANSPORTS)


def test_noise_is_waited_out(toy: Runner, tmp_path: Path) -> None:
    """A case for which the machine was too noisy is tried again, and only the second result counts."""
    for workers in ("0", "2"):
        memory = tmp_path / f"memory-{workers}"
        words = ("-n", workers, "--transport", STACK_TRANSPORT, "--case", "timeouts/clock/measures")
        ended = toy(*words, env={"TOY_NOISE": str(memory)})
        assert memory.exists()
        assert ended.status == 0
        assert list(verdicts(ended).values()) == ["pass"] * 4


def test_everything_good(toy: Runner) -> None:
    """A run in which all required cases pass has status 0, on several workers too."""
    ended = toy("-n", "2", "--suite", "ordering")
    assert ended.status == 0
    assert set(verdicts(ended).values()) == {"pass"}
    assert "PASS" in ended.out


def test_advice_alone_does_not_fail(toy: Runner) -> None:
    """A SHOULD that fails is reported and has status 0; with --strict it has status 1."""
    assert toy("--requirement", "REPL-12").status == 0
    assert toy("--requirement", "REPL-12", "--strict").status == 1


def test_errors_have_their_own_status(toy: Runner) -> None:
    """When a driver is dead, the implementation is not blamed."""
    ended = toy("--case", "replay/records/dead_driver")
    assert ended.status == 3
    assert set(verdicts(ended).values()) == {"error"}
    assert "it ended with status 7" in ended.out


def test_a_failure_is_explained(toy: Runner) -> None:
    """The requirement, its source, what was done, expected and seen, the wire, stderr and the command are shown."""
    out = toy("--case", f"replay/records/bad/{STACK_TRANSPORT}-psk").out
    for words in (
        f"FAIL  replay/records/bad/{STACK_TRANSPORT}-psk  [REPL-01, MUST]",
        "Within a session no protected record is delivered more than once",
        "CWE-294",
        "duplicated record 0",
        "expected: each message once",
        "seen:     the first message twice",
        "0.002 c2s 1 record 32 aabb  duplicated",
        "hello\\x1b[31m from the server\\x00",
        f"ipc-gauntlet replay replay/records/bad/{STACK_TRANSPORT}-psk --driver",
        "--seed 7",
    ):
        assert words in out
    assert "\x1b" not in out


def test_output_is_plain_in_a_pipe(toy: Runner) -> None:
    """No escape sequences and no control characters reach a pipe, and nothing reaches standard error."""
    ended = toy("-n", "2")
    assert not [char for char in ended.out if ord(char) < 32 and char != "\n"]
    assert ended.err == ""
    assert "cases per CPU second" in ended.out


@pytest.mark.parametrize("workers", ["0", "3"])
def test_the_seed_reproduces_the_order(toy: Runner, workers: str) -> None:
    """Two runs with one seed start the cases in the same order; another seed gives another order."""

    def order(seed: str) -> list[str]:
        ended = toy("-n", workers, "--seed", seed, "--suite", "ordering", "--out", f"out{seed}")
        lines = (ended.folder / f"out{seed}" / "events.jsonl").read_text(encoding="utf-8").splitlines()
        events = [json.loads(line) for line in lines]
        return [event["case"] for event in events if event["event"] == "case-started"]

    first, again, other = order("1"), order("1"), order("2")
    assert sorted(first) == sorted(other)
    if workers == "0":
        assert first == again
        assert first != other


def test_fixed_order(toy: Runner) -> None:
    """Without random order, cases run in reading order."""
    ended = toy("-n", "0", "--fixed-order", "--suite", "ordering", "--out", "out")
    lines = (ended.folder / "out" / "events.jsonl").read_text(encoding="utf-8").splitlines()
    names = [event["case"] for event in map(json.loads, lines) if event["event"] == "case-started"]
    assert names == sorted(names)
    assert names[0] == "ordering/plain/many/tcp-psk-0"


def test_all_reports_in_one_folder(toy: Runner) -> None:
    """--out makes the folder with both reports, the events and a file for each case that has something to tell."""
    ended = toy("--out", "deep/out", "--suite", "replay")
    out = ended.folder / "deep" / "out"
    cases = 10 * len(STACK_TRANSPORTS) + 1  # one is about none of them
    assert ended.json("deep/out/report.json")["summary"] == ended.json()["summary"]
    assert junitparser.JUnitXml.fromfile(str(out / "junit.xml")).tests == cases
    events = [
        json.loads(line)["event"] for line in (out / "events.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert events[0] == "run-started"
    assert events[-1] == "run-finished"
    assert Counter(events)["case-finished"] == cases
    text = (out / "cases" / "replay" / "records" / "bad" / f"{STACK_TRANSPORT}-psk.txt").read_text(
        encoding="utf-8"
    )
    assert "0.001 c2s 0 record 32 aabb" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--suite", "replayy"], "did you mean replay?"),
        (["--suite", "replay", "--case", "nothing/*"], "--case nothing/*: no case matches"),
        (["--requirement", "AUD-01"], "no case covers it yet"),
        (["--transport", "pigeon"], "there is no such transport"),
        (["--profile", "strong"], "strong"),
        (["-n", "many"], "neither 'auto' nor a number"),
        (["--seed", "-1"], "seed"),
        (["--no-such-option"], "--no-such-option"),
        (["--package", "no_such_package"], "there is no such package"),
        (["--json", "missing/folder/r.json"], "there is no folder"),
        (["nosuchname"], "not both"),
    ],
)
def test_wrong_use(toy: Runner, words: list[str], said: str) -> None:
    """Whatever is wrong with the command line, nothing runs, the reason is said, and the status is 2."""
    ended = toy(*words)
    assert ended.status == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert not (ended.folder / "report.json").exists()


def test_an_unknown_implementation(command: Runner) -> None:
    """A name that is not bundled is wrong use, with the names that are."""
    ended = command("run", "the-reference")
    assert ended.status == 2
    assert "did you mean reference?" in ended.err


@pytest.mark.parametrize("driver", ["/no/such/driver --flag", "true", "echo hello", "false"])
def test_a_driver_that_does_not_work(command: Runner, driver: str) -> None:
    """Status 3, one clear message, and reports that are valid and say so."""
    ended = command("run", "--driver", driver, "--json", "report.json", "--junit", "junit.xml")
    assert ended.status == 3
    assert "driver" in ended.out
    assert "Traceback" not in ended.out + ended.err
    report = ended.json()
    assert report["error"]
    assert report["exit_status"] == 3
    assert report["cases"] == []
    (suite,) = junitparser.JUnitXml.fromfile(str(ended.folder / "junit.xml"))
    assert (suite.name, suite.errors) == ("harness", 1)


def test_the_user_s_own_pytest_is_left_out(toy: Runner, folder: Path) -> None:
    """A conftest, an ini file and variables of the user's own neither break a run nor change it."""
    (folder / "conftest.py").write_text("raise RuntimeError('loaded')\n", encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n", encoding="utf-8")
    (folder / "toy_driver.py").write_text("raise RuntimeError('loaded')\n", encoding="utf-8")
    ended = toy(
        "-n", "2", "--suite", "ordering", env={"PYTEST_ADDOPTS": "--bad", "PYTEST_PLUGINS": "no_such_plugin"}
    )
    assert ended.status == 0
    assert not list(folder.glob("**/.pytest_cache"))


def test_what_lies_beyond_the_profile(toy: Runner) -> None:
    """With a lesser profile the same cases do not apply, and a run that tested nothing says so."""
    ended = toy("--suite", "replay", "--profile", "local")
    assert ended.status == 0
    assert set(verdicts(ended).values()) == {"not_applicable"}
    assert "NOTHING TESTED" in ended.out
    assert "nothing was tested" in ended.out


def test_an_old_report_does_not_survive_a_failed_run(command: Runner, folder: Path) -> None:
    """What stands in the file after a run is that run's report."""
    (folder / "report.json").write_text('{"old": true}', encoding="utf-8")
    ended = command("run", "--driver", "/no/such/driver", "--json", "report.json")
    assert "old" not in ended.json()


def test_quiet_shows_the_end_only(toy: Runner) -> None:
    """With -q nothing is shown before the result."""
    out = toy("-q", "--suite", "ordering").out
    assert out.lstrip().startswith("PASS")


def test_mixed_pair(command: Runner, plain: str) -> None:
    """Two drivers with one role each make a pair that is called after both."""
    ended = command(
        "run",
        "--client-driver",
        plain,
        "--server-driver",
        plain + " --other",
        "--package",
        "toy_suites",
        "--suite",
        "ordering",
        "--json",
        "report.json",
    )
    assert ended.status == 0
    assert ended.json()["implementation"]["name"] == "plain_driver with plain_driver"


def test_both_roles_taken(command: Runner, plain: str) -> None:
    """A third driver for a pair that is complete is wrong use."""
    ended = command("run", "reference", "--client-driver", plain, "--server-driver", plain)
    assert ended.status == 2
    assert "no role" in ended.err


def test_parts_and_their_merger(toy: Runner, command: Runner) -> None:
    """Two parts hold what the whole run holds; merged they give its verdicts and its exit status."""
    chosen = ("-n", "0", "--suite", "replay", "--transport", STACK_TRANSPORT)
    ended = toy(*chosen)
    whole = verdicts(ended)
    (ended.folder / "report.json").rename(ended.folder / "before.json")
    sizes = []
    for number in ("1", "2"):
        part = toy(*chosen, "--shard", f"{number}/2", "--durations", "before.json")
        sizes.append(len(verdicts(part)))
        (ended.folder / "report.json").rename(ended.folder / f"part{number}.json")
    assert min(sizes) > 0
    merged = command(
        "report", "merge", "part1.json", "part2.json", "--json", "all.json", "--junit", "all.xml"
    )
    assert merged.status == 1
    assert {case["id"]: case["verdict"] for case in merged.json("all.json")["cases"]} == whole
    assert len(list(junitparser.JUnitXml.fromfile(str(ended.folder / "all.xml")))) == 1
    shown = command("report", "show", "all.json")
    assert (shown.status, shown.out) == (1, merged.out)
    lonely = command("report", "merge", "part1.json")
    assert lonely.status in (1, 3)
    assert "part 2/2 is missing" in lonely.out
    twice = command("report", "merge", "part1.json", "part1.json")
    assert twice.status == 2
    assert "is in two reports" in twice.err


def test_a_part_needs_a_seed(command: Runner) -> None:
    """Without one, each machine would make other choices."""
    ended = command("run", "--shard", "1/2")
    assert ended.status == 2
    assert "--shard needs --seed" in ended.err
