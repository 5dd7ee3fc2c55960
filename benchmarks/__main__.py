"""`python -m benchmarks`: the reference beside other stacks, in CPU time and ratios."""

import argparse
import json
import socket
import sys
from pathlib import Path

from benchmarks.measure import measure
from benchmarks.registry import STACKS
from benchmarks.report import document, missed, table


def main() -> int:
    """Measure, print one table, write JSON; with --gate the exit status says whether the targets are met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("stacks", nargs="*", default=list(STACKS), help=f"from: {', '.join(STACKS)}")
    parser.add_argument("--rounds", type=int, default=7, help="samples of each metric (default 7)")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the operations in each sample")
    parser.add_argument(
        "--json", type=Path, default=Path("benchmark-results.json"), help="where the JSON goes"
    )
    parser.add_argument("--gate", action="store_true", help="fail when the reference misses a target")
    options = parser.parse_args()
    if not hasattr(socket, "AF_UNIX"):
        parser.error("the stacks are measured over Unix sockets, which this system's Python does not have")
    unknown = sorted(set(options.stacks) - STACKS.keys())
    if unknown:
        parser.error(f"no such stack: {', '.join(unknown)}")
    samples = measure(
        options.stacks, options.rounds, options.scale, lambda line: print(line, file=sys.stderr)
    )
    print(table(samples))
    options.json.write_text(json.dumps(document(samples), indent=1) + "\n", encoding="utf-8")
    problems = missed(samples)
    for problem in problems:
        print(f"target missed: {problem}")
    return 1 if problems and options.gate else 0


if __name__ == "__main__":
    sys.exit(main())
