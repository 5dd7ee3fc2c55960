"""`ipc-gauntlet replay`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ipc_gauntlet.cli.options import (
    no_color_option,
    package_option,
    profile_option,
    target_from,
    target_options,
    time_scale_option,
)

if TYPE_CHECKING:
    from rich.console import Console

    from ipc_gauntlet.engine.repeat import Answer
    from ipc_gauntlet.events import CaseResult
    from ipc_gauntlet.report.model import Report


@click.command("replay", short_help="Run one case again and say whether it is fixed.")
@click.argument("case_id", metavar="ID")
@target_options
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), metavar="N", help="The seed that the report names."
)
@click.option(
    "--report",
    "report_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Take seed and implementation from this JSON report (default: the last run in this folder).",
)
@profile_option
@time_scale_option
@package_option
@no_color_option
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:  # noqa: ANN401 - click's options
    """Run the case ID again, with the same seed, and say FIXED, STILL FAILING or CHANGED.

    \b
    ipc-gauntlet replay replay/records/duplicated_record/unix-x509-c2s
    ipc-gauntlet replay ID --seed 42 --driver "python my_driver.py"
    """  # noqa: D301 - a real backspace is how click keeps lines apart
    import uuid

    from ipc_gauntlet.cli.console import make_console
    from ipc_gauntlet.engine.prepare import Wish
    from ipc_gauntlet.engine.repeat import compare, now, selection_for, status
    from ipc_gauntlet.engine.run import Order, run
    from ipc_gauntlet.report.model import ReportBuilder

    case_id: str = values["case_id"]
    before, values = _recall(case_id, values)
    console = make_console(ctx)
    builder = ReportBuilder()
    wish = Wish(
        target=target_from(values),
        selection=selection_for(case_id),
        seed=values["seed"],
        profile=values["profile"],
        packages=tuple(values["packages"]),
        time_scale=values["time_scale"],
        traces=True,
    )
    ended = run(Order(wish=wish, workers=0, run=uuid.uuid4().hex[:12]), [builder])
    report = builder.report()
    if report.error or report.interrupted:
        _print_failure(console, report)
        ctx.exit(int(ended))
    verdict, reason = now(case_id, report.cases)
    answer = compare(before, verdict, reason)
    _print(console, report, case_id, before)
    _print_answer(console, answer, before, f"{verdict} {reason}".strip())
    ctx.exit(int(status(answer, ended)))


def _recall(case_id: str, values: dict[str, Any]) -> tuple[CaseResult | None, dict[str, Any]]:
    """The earlier result, if it is known, and the options to repeat it with: the user's, or else the report's."""
    from ipc_gauntlet.engine.repeat import recorded, recorded_options
    from ipc_gauntlet.engine.state import last_report
    from ipc_gauntlet.errors import UsageError
    from ipc_gauntlet.report.files import read_report

    path: Path | None = values["report_path"]
    targets = [
        name for name in ("name", "driver", "client_driver", "server_driver") if values[name] is not None
    ]
    if values["seed"] is not None and path is None:
        return _earlier(case_id, values["seed"]), values
    report = last_report() if path is None else read_report(path)
    before = recorded(report, case_id)
    stored = command.make_context(
        "replay", [case_id, *recorded_options(before)], resilient_parsing=False
    ).params
    if stored["seed"] is None:
        raise UsageError(f"the report does not say with which seed {case_id} was run")
    given = {name: values[name] for name in ("seed", "profile", "time_scale") if values[name] is not None}
    if targets:  # another implementation, or another version of it
        given |= {name: values[name] for name in ("name", "driver", "client_driver", "server_driver")}
    return before, {**stored, **given}


def _earlier(case_id: str, seed: int) -> CaseResult | None:
    """The result of the last run in this folder, if that had this case and this seed."""
    from ipc_gauntlet.engine.repeat import recorded
    from ipc_gauntlet.engine.state import last_report
    from ipc_gauntlet.errors import UsageError

    try:
        report = last_report()
        return recorded(report, case_id) if report.seed == seed else None
    except UsageError:
        return None


def _print_failure(console: Console, report: Report) -> None:
    from ipc_gauntlet.cli.outcome import print_outcome

    print_outcome(console, report)


def _print(console: Console, report: Report, case_id: str, before: CaseResult | None) -> None:
    from ipc_gauntlet.cli.console import STYLES, put
    from ipc_gauntlet.report.explain import explanation

    del before
    shown = [result for result in report.cases if result.id == case_id] or list(report.cases)
    for result in shown:
        first, *rest = explanation(result)
        put(console, (first, STYLES[result.verdict]))
        for line in rest:
            put(console, line)
    put(console, "")


def _print_answer(console: Console, answer: Answer, before: CaseResult | None, after: str) -> None:
    from ipc_gauntlet.cli.console import put

    style = {"FIXED": "bold green", "UNCHANGED": "green", "STILL FAILING": "bold red"}.get(
        answer, "bold yellow"
    )
    then = f"{before.verdict} {before.reason}".strip() if before is not None else ""
    explained = f"  was {then}, is {after}" if then else f"  is {after}; no earlier result is on record"
    put(console, (str(answer), style), explained)
