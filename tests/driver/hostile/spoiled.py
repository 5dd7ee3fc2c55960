"""The plain driver with one line of it changed; the others in this folder that end in `_plain` use it."""

from pathlib import Path

PLAIN = Path(__file__).resolve().parents[2] / "fixtures" / "plain_driver.py"


def run(good: str, bad: str) -> None:
    """Run the plain driver with one text replaced, which must occur."""
    source = PLAIN.read_text(encoding="utf-8")
    if source.count(good) != 1:
        raise SystemExit(f"{good!r} is not in the plain driver exactly once")
    exec(compile(source.replace(good, bad), str(PLAIN), "exec"), {"__name__": "__main__"})  # noqa: S102 - our own text
