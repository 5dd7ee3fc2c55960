"""`python -m benchmarks.instructions`: executed instructions of an operation, which do not depend on the machine's load.

Client and server run under valgrind, twice: with some operations and with three times as many. The difference, divided
by the operations that were added, is what one costs, whatever starting up costs. Only instructions of the processes
are counted, not those of the kernel; the number of Python functions called comes from a profile of the client.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import METRICS, ROOT
from benchmarks.registry import BASELINE, STACKS, load
from benchmarks.stack import Channel

# Fewer than for times: there is no noise to be averaged away. Under valgrind everything is some fifty times slower.
COUNTS = {"sessions": 8, "rr1k": 150, "rr64k": 40, "oneway1k": 300}
VALGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
_TOTAL = re.compile(r"I\s+refs:\s+([\d,]+)")


@dataclass(frozen=True)
class Cost:
    """What one operation costs.

    Args:
        client: Instructions of the client.
        server: Instructions of the server.
        calls: Python functions the client calls in the thread that asks.
    """

    client: float
    server: float
    calls: float


def patient() -> None:
    """Keep the reference from taking a pause, which valgrind makes fifty times longer, for a caller that has gone."""
    from sipc_runtime import lease

    lease.UNUSED_S = 3600.0


def run_client(name: str, folder: Path, metric: str, count: int) -> None:
    """What the client's process does: perform so many operations."""
    stack = load(name)
    _runs()[metric](lambda: stack.connect(folder), lambda: 0.0, count)


def run_server(name: str, folder: Path) -> None:
    """What the server's process does: serve until standard input ends."""
    from benchmarks import server

    sys.argv[1:] = [name, str(folder)]
    server.main()


def cost(name: str, metric: str) -> Cost:
    """Measure one operation of one stack."""
    count = COUNTS[metric]
    with tempfile.TemporaryDirectory(prefix="bench") as path:
        folder = Path(path)
        load(name).prepare(folder)
        few = _instructions(name, folder, metric, count)
        (folder / "s").unlink(missing_ok=True)
        many = _instructions(name, folder, metric, 3 * count)
        (folder / "s").unlink(missing_ok=True)
        calls = _calls(name, folder, metric, 3 * count) - _calls(name, folder, metric, count)
    client, server = ((after - before) / (2 * count) for before, after in zip(few, many, strict=True))
    return Cost(client, server, calls / (2 * count))


def _runs() -> dict[str, Callable[[Callable[[], Channel], Callable[[], float], int], float]]:
    return {metric.name: metric.run for metric in METRICS}


def _instructions(name: str, folder: Path, metric: str, count: int) -> tuple[int, int]:
    """Instructions of client and server, including their start."""
    server = _process(VALGRIND, "server", name, folder)
    if server.stdout is None or server.stdout.readline().strip() != "ready":
        raise RuntimeError(f"the server of {name} did not start")
    client = _process(VALGRIND, "client", name, folder, metric, str(count))
    told = client.communicate(timeout=600)[1]
    if client.returncode:
        raise RuntimeError(f"the client of {name} failed: {told}")
    return _total(told), _total(server.communicate(timeout=60)[1])


def _calls(name: str, folder: Path, metric: str, count: int) -> int:
    """Python functions called by the client's own thread; built-in ones are not counted."""
    server = _process((), "server", name, folder)
    if server.stdout is None or server.stdout.readline().strip() != "ready":
        raise RuntimeError(f"the server of {name} did not start")
    client = _process((), "calls", name, folder, metric, str(count))
    told = client.communicate(timeout=600)[0]
    server.communicate(timeout=60)
    (folder / "s").unlink(missing_ok=True)
    return int(told)


def _process(
    before: Sequence[str], role: str, name: str, folder: Path, *rest: str
) -> "subprocess.Popen[str]":
    command = [
        *before,
        sys.executable,
        "-m",
        "benchmarks.instructions",
        "--as",
        role,
        name,
        str(folder),
        *rest,
    ]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def _total(told: str) -> int:
    found = _TOTAL.search(told)
    if found is None:
        raise RuntimeError(f"valgrind said nothing of instructions: {told}")
    return int(found[1].replace(",", ""))


def _count_calls(name: str, folder: Path, metric: str, count: int) -> int:
    calls = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    run, stack = _runs()[metric], load(name)
    sys.setprofile(note)
    try:
        run(lambda: stack.connect(folder), lambda: 0.0, count)
    finally:
        sys.setprofile(None)
    return calls


def _act(role: str, arguments: Sequence[str]) -> None:
    """Be one of the processes that `cost` starts."""
    name, folder = arguments[0], Path(arguments[1])
    if name.startswith("sipc"):
        patient()
    if role == "server":
        run_server(name, folder)
        return
    metric, count = arguments[2], int(arguments[3])
    if role == "client":
        run_client(name, folder, metric, count)
    else:
        print(_count_calls(name, folder, metric, count))


def table(costs: dict[str, dict[str, Cost]]) -> str:
    """The result for people: thousands of instructions, and how many times those of the baseline."""
    lines = [f"{'':16}{'':10}{'client':>10}{'server':>10}{'both':>10}{'':>9}{'calls':>8}"]
    for name, metrics in costs.items():
        for metric, one in metrics.items():
            both = one.client + one.server
            base = costs.get(BASELINE, {}).get(metric)
            ratio = "" if base is None else f"({both / (base.client + base.server):.2f}x)"
            lines.append(
                f"{name:16}{metric:10}{one.client / 1e3:10.1f}{one.server / 1e3:10.1f}{both / 1e3:10.1f}{ratio:>9}{one.calls:8.1f}"
            )
    lines += ["", f"thousands of instructions per operation, in brackets as a multiple of {BASELINE}'s;"]
    lines += ["calls: Python functions called by the client's thread per operation"]
    return "\n".join(lines)


def main() -> None:
    """Measure, print, write JSON."""
    if sys.argv[1:2] == ["--as"]:
        _act(sys.argv[2], sys.argv[3:])
        return
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument(
        "stacks", nargs="*", default=["sipc-aesgcm", BASELINE], help=f"of {', '.join(STACKS)}"
    )
    parser.add_argument(
        "--metric", action="append", choices=sorted(COUNTS), help="which operation; default all"
    )
    parser.add_argument("--json", type=Path, default=Path("benchmark-results-instructions.json"))
    options = parser.parse_args()
    wanted = options.metric or list(COUNTS)
    costs = {name: {metric: cost(name, metric) for metric in wanted} for name in options.stacks}
    print(table(costs))
    document = {name: {metric: vars(one) for metric, one in row.items()} for name, row in costs.items()}
    options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
