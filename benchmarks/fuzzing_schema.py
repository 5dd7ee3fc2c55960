"""`python -m benchmarks.fuzzing_schema`: the engine portable beside atheris with the same mutator, a wire schema.

Both fuzz the parser with planted bugs from nothing. Atheris makes every input with the schema, through its custom mutator; the
engine portable does what it does by default: with the schema, part by part, and by what is compared, checksums put right. As
in `benchmarks.fuzzing_atheris`, each runs with some executions and with four times as many, the two take turns, the
difference is what an execution costs, and the quickest round of each counts.

Exit status 1 if portable is the slower one.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import msgspec

from benchmarks.fuzzing import MEASURED, MODULE, signatures
from benchmarks.fuzzing_atheris import Comparison, Subject, each
from benchmarks.fuzzing_process import ROOT
from ipc_gauntlet.fuzz.engines.atheris import ENGINE
from ipc_gauntlet.fuzz.spec import Spec, read_result

_LONGEST = 256
_PLANTED = Subject("planted", "", "", "", ())


def run_atheris(subject: Subject, folder: Path, executions: int) -> None:
    """Atheris with the schema as its custom mutator, in a process of its own."""
    del subject
    options = [f"-runs={executions}", "-seed=8", f"-max_len={_LONGEST}", "-verbosity=0", "-rss_limit_mb=0"]
    command = [
        sys.executable,
        "-m",
        "benchmarks.planted.bare_schema",
        *options,
        f"-artifact_prefix={folder}/",
    ]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=_environment())


def run_portable(subject: Subject, folder: Path, executions: int) -> None:
    """A slice of the engine portable.

    Raises:
        RuntimeError: It did not do what it was told.
    """
    del subject
    orders, out = folder / "spec.json", folder / "slice"
    spec = Spec(
        target="planted.structured",
        module=MODULE,
        measured=MEASURED,
        folder=str(out),
        seed=7,
        executions=executions,
        longest=_LONGEST,
        known=tuple(signatures().values()),
    )
    orders.write_bytes(msgspec.json.encode(spec))
    command = [sys.executable, "-m", "ipc_gauntlet.fuzz.slice", str(orders)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=_environment())
    result = read_result(out)
    if result is None or result.progress.executions != executions:
        raise RuntimeError("the slice did not do what it was told")


def compare(executions: int, rounds: int) -> Comparison:
    """Measure the two in turns."""
    samples = [
        (each(run_atheris, _PLANTED, executions), each(run_portable, _PLANTED, executions))
        for _ in range(rounds)
    ]
    return Comparison(
        "planted",
        min(bare for bare, _ in samples),
        min(ours for _, ours in samples),
        tuple(ours / bare for bare, ours in samples),
    )


def _environment() -> dict[str, str]:
    # Sets of texts in another order would be another program.
    return {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Args:
        arguments: The command line without the program; the process's own when None.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzzing_schema", description=__doc__)
    parser.add_argument("--executions", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    if why := ENGINE.missing():
        print(f"nothing measured: {why}")
        return 0
    found = compare(options.executions, options.rounds)
    spread = ", ".join(f"{ratio:.2f}" for ratio in sorted(found.ratios))
    print("CPU microseconds of one execution, all made by the same schema")
    print(
        f"atheris {found.bare:.1f}, portable {found.engine:.1f}: {found.ratio:.2f} times as much, of {spread}"
    )
    if options.json is not None:
        options.json.write_text(
            json.dumps({**asdict(found), "ratio": found.ratio}, indent=2) + "\n", encoding="utf-8"
        )
    return int(found.ratio > 1)


if __name__ == "__main__":
    sys.exit(main())
