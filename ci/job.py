"""What a job of continuous integration does, on any system that runs jobs: `python ci/job.py JOB [OPTIONS]`.

A workflow file names a job and nothing else, so that a job can be run by hand and tested. Results go to the folder
`ci-results`; what people should see goes to the summary page of the job, where there is one.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = "ci-results"
SUMMARY = "GITHUB_STEP_SUMMARY"
DURATIONS = "ci/durations.json"
"""How long cases took: `ipc-gauntlet report durations REPORT... --out ci/durations.json` refreshes it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command.

    Args:
        words: Without the interpreter; `gauntlet.py` is the first one of most.
        environment: Variables beside those of the job.
        summary: File in the results that goes onto the job's page.
    """

    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""


@dataclass(frozen=True)
class Options:
    """What a job can be told.

    Args:
        shard: Which part of how many, `2/5`; empty for all.
        base: What a pull request is compared with.
        time: Length of fuzzing, such as `60s`.
        folders: Results of other jobs.
    """

    shard: str = ""
    base: str = "origin/main"
    time: str = "60s"
    folders: tuple[str, ...] = ()


def _out(name: str) -> str:
    return f"{RESULTS}/{name}"


def _gauntlet(*words: str, summary: str = "") -> Step:
    return Step(("gauntlet.py", *words), summary=summary)


def _reports(stem: str) -> tuple[str, ...]:
    return ("--json", _out(f"{stem}.json"), "--junit", _out(f"{stem}.xml"), "--markdown", _out(f"{stem}.md"))


def _fuzz_reports(stem: str) -> tuple[str, ...]:
    return (*_reports(stem), "--sarif", _out(f"{stem}.sarif"), "--html", _out(f"{stem}.html"))


_OWN = {"IPC_GAUNTLET_VENV": ".venv"}
"""For what needs the packages of the environment that `gauntlet.py` makes."""


def _tox(environment: str) -> tuple[Step, ...]:
    tools = {"IPC_GAUNTLET_VENV": ".tox/tools"}
    return (
        Step(("gauntlet.py", "setup"), tools),
        Step(("-m", "tox", "run", *environment.split()), tools),
    )


def _test(_options: Options) -> tuple[Step, ...]:
    return (_gauntlet("test", f"--junit-xml={_out('tests.xml')}"),)


def _conformance(options: Options) -> tuple[Step, ...]:
    part: tuple[str, ...] = ("--shard", options.shard, "--seed", "1") if options.shard else ()
    if part and (ROOT / DURATIONS).is_file():
        part += ("--durations", DURATIONS)
    return (
        _gauntlet("doctor", "reference"),
        _gauntlet("run", "reference", *part, *_reports("conformance"), summary="conformance.md"),
    )


def _merge(options: Options) -> tuple[Step, ...]:
    files = sorted(str(path) for folder in options.folders for path in Path(folder).rglob("conformance.json"))
    return (_gauntlet("report", "merge", *files, *_reports("merged"), summary="merged.md"),)


MEASURED = (
    *("tests/sipc_runtime", "tests/sipc_driver", "tests/transport", "tests/reactor"),
    *("tests/driver/test_process_windows.py", "tests/lab/test_pipes.py", "tests/lab/test_pipe_tokens.py"),
    *("tests/adversary/test_transport.py", "tests/cli/test_code_pages.py"),
    *("tests/engine/test_parts.py", "tests/engine/test_die_together.py"),
)
"""Tests of what differs between systems; `.ci/run` runs them under Wine, too."""


def _measure(_options: Options) -> tuple[Step, ...]:
    words = ("coverage", "run", "--rcfile=ci/coverage.ini", f"--data-file={_out('measured/data')}")
    return (
        _gauntlet("setup"),
        Step(("-m", *words, "-m", "pytest", "-q", "-p", "no:cacheprovider", *MEASURED), _OWN),
    )


def _coverage(options: Options) -> tuple[Step, ...]:
    systems = sorted(
        str(path) for folder in options.folders for path in Path(folder).glob("*") if path.is_dir()
    )
    return (
        _gauntlet("setup"),
        Step(("ci/measured.py", RESULTS, *systems), _OWN, "coverage.md"),
    )


def _kills(_options: Options) -> tuple[Step, ...]:
    return (_gauntlet("kills", "--json", _out("kills.json")),)


def _fuzz_replay(_options: Options) -> tuple[Step, ...]:
    return (_gauntlet("fuzz", "replay", "--all"),)


def _fuzz_pr(options: Options) -> tuple[Step, ...]:
    words = ("fuzz", "pr", "--base", options.base, "--time", options.time)
    return (_gauntlet(*words, *_fuzz_reports("fuzz"), summary="fuzz.md"),)


def _fuzz_plan(options: Options) -> tuple[Step, ...]:
    count = options.shard.rpartition("/")[2] or "6"
    return (_gauntlet("fuzz", "plan", "--shards", count, "--time", options.time, "--out", _out("plan")),)


def _fuzz_work(options: Options) -> tuple[Step, ...]:
    number = options.shard.partition("/")[0]
    (plan,) = options.folders
    return (_gauntlet("fuzz", "work", f"{plan}/shard-{number}.json", "--out", _out(f"worked-{number}")),)


def _fuzz_collect(options: Options) -> tuple[Step, ...]:
    return (_gauntlet("fuzz", "collect", *options.folders, *_fuzz_reports("fuzz"), summary="fuzz.md"),)


JOBS: dict[str, tuple[str, Callable[[Options], tuple[Step, ...]]]] = {
    "test": ("the project's own tests", _test),
    "checks": ("style, types, import directions, packaging", lambda _options: _tox("-m check")),
    "wheel": ("the suites from the built wheel, in an empty folder", lambda _options: _tox("-e suites")),
    "audit": ("known vulnerabilities of the dependencies", lambda _options: _tox("-e audit")),
    "conformance": ("the reference through the suites", _conformance),
    "merge": ("one report of the parts of a run", _merge),
    "measure": ("tests of what differs between systems, measured", _measure),
    "coverage": ("what the measured tests of all systems executed", _coverage),
    "kills": ("whether the suites notice flawed implementations", _kills),
    "fuzz-replay": ("every regression and corpus, in seconds", _fuzz_replay),
    "fuzz-pr": ("the targets that a pull request changes", _fuzz_pr),
    "fuzz-plan": ("a campaign cut into parts", _fuzz_plan),
    "fuzz-work": ("one part of a campaign", _fuzz_work),
    "fuzz-collect": ("the parts of a campaign, put together", _fuzz_collect),
}
"""What each job is, and its steps."""


def run(steps: Sequence[Step], root: Path, environment: Mapping[str, str]) -> int:
    """Do the steps of a job, in the checkout; the first one that fails ends it.

    Args:
        steps: What to do.
        root: The checkout.
        environment: Variables of the job.

    Returns:
        The exit status of the job.
    """
    (root / RESULTS).mkdir(exist_ok=True)
    for step in steps:
        python = _interpreter(root, step)
        print(f"+ {' '.join(step.words)}", flush=True)
        ended = subprocess.run(
            [python, *step.words], cwd=root, env={**environment, **step.environment}, check=False
        )
        _show(step, root, environment)
        if ended.returncode:
            return ended.returncode
    return 0


def _interpreter(root: Path, step: Step) -> str:
    """That of the environment that a step names, else our own, which has no packages."""
    if step.words[0] == "gauntlet.py" or "IPC_GAUNTLET_VENV" not in step.environment:
        return sys.executable
    folder = "Scripts" if sys.platform == "win32" else "bin"
    return str(root / step.environment["IPC_GAUNTLET_VENV"] / folder / "python")


def _show(step: Step, root: Path, environment: Mapping[str, str]) -> None:
    page, file = environment.get(SUMMARY), root / RESULTS / step.summary
    if not page or not step.summary or not file.is_file():
        return
    with Path(page).open("a", encoding="utf-8") as summary:
        summary.write(file.read_text(encoding="utf-8") + "\n")


def main(arguments: Sequence[str]) -> int:
    """Run one job.

    Args:
        arguments: The command line without the program's name.
    """
    lines = "\n".join(f"  {name:13} {text}" for name, (text, _) in JOBS.items())
    parser = argparse.ArgumentParser(
        description=f"Jobs:\n{lines}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("job", choices=JOBS, metavar="JOB")
    parser.add_argument("--shard", default="", help="part of a job, such as 2/5")
    parser.add_argument("--base", default=Options.base, help="what a pull request is compared with")
    parser.add_argument("--time", default=Options.time, help="length of fuzzing")
    parser.add_argument("folders", nargs="*", help="results of other jobs")
    given = parser.parse_args(arguments)
    options = Options(given.shard, given.base, given.time, tuple(given.folders))
    return run(JOBS[given.job][1](options), ROOT, os.environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
