"""What is put on the screen: aligned, bounded, and with all that matters."""

import io

import pytest
from rich.console import Console

from ipc_gauntlet.cli.console import Grid, put
from ipc_gauntlet.cli.live import Lines, LiveView, Tally, suite_grid
from ipc_gauntlet.cli.outcome import print_outcome, verdict_word
from ipc_gauntlet.events import (
    CaseFinished,
    CaseResult,
    CaseStarted,
    Implementation,
    Required,
    RunFinished,
    RunStarted,
    Warned,
)
from ipc_gauntlet.report.model import Report, from_events
from ipc_gauntlet.verdict import Verdict


@pytest.fixture
def console() -> Console:
    """A console that remembers what was put on it."""
    return Console(file=io.StringIO(), width=100, color_system=None, soft_wrap=True)


def shown(console: Console) -> str:
    """What was put on the console."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def result(case_id: str, verdict: str, **facts: object) -> CaseResult:
    """A result of the suite its id names."""
    members: dict[str, object] = {
        "requirement": "REPL-01",
        "level": "MUST",
        "required": Required("No record twice.", "x"),
    }
    return CaseResult(
        id=case_id,
        suite=case_id.partition("/")[0],
        profile="channel",
        title="t",
        verdict=Verdict(verdict),
        **(members | facts),  # type: ignore[arg-type]
    )


START = RunStarted(
    at=0.0,
    run="r",
    version="0.1",
    platform="p",
    seed=42,
    suites={"replay": 2, "ordering": 1},
    implementation=Implementation(name="toy", profile="local", claimed="channel", transports=("unix",)),
    workers=2,
)


def report_of(*results: CaseResult, **end: object) -> Report:
    """The report of a run."""
    facts: dict[str, object] = {"duration_s": 2.0, "cpu_s": 0.5, "exit_status": 1} | end
    finished = RunFinished(at=0.0, run="r", **facts)  # type: ignore[arg-type]
    return from_events([START, *(CaseFinished(at=0.0, run="r", result=one) for one in results), finished])


def test_columns_line_up(console: Console) -> None:
    """Numbers are right-aligned, wide characters count twice, hostile text is shown."""
    grid = Grid(right=[1], indent=1)
    grid.add("漢字", "5", "last")
    grid.add("a", "123", ("end\x1b[2J", "red"))
    grid.print(console)
    assert shown(console) == " 漢字    5  last\n a     123  end\\x1b[2J\n"


def test_markup_is_not_obeyed(console: Console) -> None:
    """Text that looks like the library's own markup is printed as it is."""
    put(console, "[bold]x[/bold] :smile:")
    assert shown(console) == "[bold]x[/bold] :smile:\n"


def test_lines_in_a_pipe(console: Console) -> None:
    """A suite's line appears when it is complete; at the end those that are not say so."""
    view = Lines(console)
    for event in (
        START,
        CaseStarted(at=0.0, run="r", case="replay/a/b/c"),
        CaseFinished(at=0.0, run="r", result=result("ordering/a/b/c", "pass")),
        CaseFinished(at=0.0, run="r", result=result("replay/a/b/c", "fail")),
        RunFinished(at=0.0, run="r", duration_s=1.0),
    ):
        view(event)
    text = shown(console)
    assert "profile local (claims channel)" in text
    assert "seed 42" in text
    assert text.splitlines()[-2:] == ["  ordering         1 pass", "  replay           1 fail, 1 not run"]


def test_live_lines_stay_on_the_screen() -> None:
    """On a terminal the table of suites is what remains when the run is over."""
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    view = LiveView(console)
    view(START)
    view(CaseStarted(at=0.0, run="r", case="replay/a/b/c"))
    view(CaseFinished(at=0.0, run="r", result=result("replay/a/b/c", "pass")))
    view(RunFinished(at=0.0, run="r", duration_s=1.0))
    view.stop()
    last = shown(console).rpartition("pass")[2]
    assert "replay" in last
    assert "→" not in last


def test_a_suite_can_get_more_cases_than_planned() -> None:
    """A result that nobody planned makes the total larger, not the bar longer."""
    tally = Tally(1)
    tally.add(Verdict.pass_)
    tally.add(Verdict.fail)
    assert (tally.total, tally.complete) == (2, True)
    assert len(suite_grid({"x": tally}, bars=True).lines()) == 2


def test_failures_of_one_kind_are_explained_once(console: Console) -> None:
    """Variants that fail for the same reason share an explanation; another reason has its own."""
    print_outcome(
        console,
        report_of(
            result("replay/a/b/unix-x509", "fail", reason="twice"),
            result("replay/a/b/tcp-x509", "fail", reason="twice"),
            result("replay/a/b/tcp-psk", "fail", reason="never"),
        ),
    )
    text = shown(console)
    assert text.count("FAIL  replay/a/b/") == 2
    assert "likewise: unix-x509" in text


def test_verbose_explains_everything(console: Console) -> None:
    """Asked for it, every failure is explained."""
    names = [f"replay/a/f{number}/unix" for number in range(30)]
    report = report_of(*(result(name, "fail") for name in names))
    print_outcome(console, report)
    assert "and 18 more kinds of failures" in shown(console)
    print_outcome(console, report, verbose=True)
    assert all(f"FAIL  {name}" in shown(console) for name in names)


def test_table_of_failing_suites(console: Console) -> None:
    """Suites in which something is wrong are shown by requirement, good ones are not."""
    print_outcome(
        console,
        report_of(
            result("replay/a/b/c", "inconclusive"),
            result("replay/a/d/c", "pass", requirement="REPL-02"),
            result("ordering/a/b/c", "pass", requirement="ORD-01"),
        ),
    )
    text = shown(console)
    assert "REPL-02" in text
    assert "No record twice." in text
    assert "ORD-01" not in text


def test_what_this_machine_cannot_verify_is_named(console: Console) -> None:
    """A pass says nothing about what could not be tried here, so that is listed; what does not apply is not."""
    cannot = {"reason": "not-verifiable", "message": "it takes the superuser"}
    print_outcome(
        console,
        report_of(
            result("replay/a/b/c", "not_applicable", **cannot),
            result("replay/a/b/d", "not_applicable", **cannot),
            result("replay/a/b/e", "not_applicable", reason="unsupported", message="has no pipes"),
        ),
    )
    text = shown(console)
    assert text.count("not verifiable here: REPL-01 (2 cases): it takes the superuser") == 1
    assert "has no pipes" not in text


def test_numbers_at_the_end(console: Console) -> None:
    """Counts, times, cases for each CPU second and the seed are there; what did not apply does not count as work."""
    cases = [result(f"replay/a/{number}/c", "pass") for number in range(9)]
    print_outcome(console, report_of(*cases, result("replay/a/x/c", "not_applicable"), exit_status=0))
    lines = shown(console).splitlines()
    assert lines[-2] == "PASS  10 cases, 9 pass, 1 n/a"
    assert lines[-1] == "  2.0 s, 0.5 s of CPU, 18 cases per CPU second; seed 42"


@pytest.mark.parametrize(
    ("report", "word"),
    [
        (report_of(result("replay/a/b/c", "pass"), exit_status=0), "PASS"),
        (report_of(result("replay/a/b/c", "not_applicable"), exit_status=0), "NOTHING TESTED"),
        (report_of(exit_status=0), "NOTHING TESTED"),
        (report_of(result("replay/a/b/c", "fail")), "FAIL"),
        (report_of(result("replay/a/b/c", "inconclusive")), "INCONCLUSIVE"),
        (report_of(exit_status=3, error="x"), "ERROR"),
        (report_of(exit_status=130, interrupted=True), "INTERRUPTED"),
    ],
)
def test_one_word_for_a_run(report: Report, word: str) -> None:
    """The word agrees with the exit status, and an empty run is not called good."""
    assert verdict_word(report) == word


def test_warnings_and_errors_are_shown(console: Console) -> None:
    """What a person should know is not only in the files."""
    finished = RunFinished(at=0.0, run="r", duration_s=1.0, error="driver x: gone\x1b[2J", exit_status=3)
    print_outcome(console, from_events([START, Warned(at=0.0, run="r", message="careful"), finished]))
    assert "warning: careful" in shown(console)
    assert "error: driver x: gone\\x1b[2J" in shown(console)
