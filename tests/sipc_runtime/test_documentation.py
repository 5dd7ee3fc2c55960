"""docs/reference-implementation.md says what is so: its table is the code's, and its example runs."""

import re
from pathlib import Path

from systems import needs_unix_sockets

from sipc.timers import TIMERS, Timer

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference-implementation.md").read_text("utf-8")


def row(timer: Timer) -> str:
    """The line of the page for one timer."""
    rule = TIMERS[timer]
    cells = (
        timer.value,
        f"{rule.default:g} s; {rule.low:g} to {rule.high:g} s",
        f"{rule.starts} / {rule.stops}",
        rule.noticed_by,
        rule.reason or "-",
        rule.wire,
        rule.caller,
        rule.effect,
        rule.resend.value,
    )
    return f"| {' | '.join(cells)} |"


def test_the_table_of_timers_is_complete() -> None:
    """Every timer has exactly the line that the code stands for."""
    lines = PAGE.splitlines()
    assert [line for timer in Timer if (line := row(timer)) not in lines] == []


@needs_unix_sockets
def test_the_example_runs() -> None:
    """What the page tells people to write works as it stands."""
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    scope: dict[str, object] = {}
    exec(compile(example, "reference-implementation.md", "exec"), scope)  # noqa: S102 - our own page
    assert scope["booked"] == ["a table for two"]
