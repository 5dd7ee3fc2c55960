"""`python -m benchmarks.fuzzing_atheris`: what the engine atheris costs beside a bare atheris script on the same parser.

Both are told the same seed, start from the same inputs and instrument the same modules, so that libFuzzer asks both the same
questions. Each runs with some executions and with four times as many; the difference of the CPU times, divided by the
executions that were added, is what one execution costs, whatever starting, measuring and ending cost. The two take turns.
Neighbours on the machine only make things slower, so the quickest round of each counts.

Exit status 1 if the engine is more than `--limit` slower.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from ipc_gauntlet.fuzz.engines.atheris import ENGINE
from ipc_gauntlet.fuzz.spec import Spec, read_result

_LONGEST = 256
_SEED = 7


@dataclass(frozen=True)
class Subject:
    """A parser to be fuzzed.

    Args:
        name: What it is called in the table.
        parse: An expression of Python: its function.
        encode: An expression: from its value back to bytes, if that is one of its checks.
        module: What has to be imported for the two.
        seeds: Inputs to start from.
    """

    name: str
    parse: str
    encode: str
    module: str
    seeds: tuple[bytes, ...]


SUBJECTS = (
    Subject("records", "records.parse_plaintext", "", "records", (b"\0\7\2\3HELLO", b"\0\3\1\0A")),
    Subject("negotiation", "negotiation.Offer.parse", "", "negotiation", (b"SIPC\0\1\1\1\1\0\1\0\3svc",)),
    Subject("cbor", "cbor.decode", "cbor.encode", "cbor", (b"\xa2\1Ax\2\x83\1\xf6\xf5", b"\x64text")),
)

_BARE = """
import sys
import atheris

with atheris.instrument_imports(include=["sipc"]):
    from sipc import {module}
from sipc.errors import SipcError

def one(data):
    try:
        value = {parse}(data)
    except SipcError:
        return
    {check}

atheris.Setup(sys.argv, one)
atheris.Fuzz()
"""
_CHECK = "if {encode}(value) != data:\n        raise ValueError(data)"

_TARGETS = """
from ipc_gauntlet.fuzz import Target
from sipc import {module}
from sipc.errors import SipcError

TARGETS = (
    Target(
        name="bench", title="Bench.", layer="other", parse={parse}, rejects=(SipcError,), measured=("sipc",),
        encode={encode}, canonical={canonical}, seeds=lambda: {seeds!r}, longest={longest},
    ),
)
"""


def run_bare(subject: Subject, folder: Path, executions: int) -> None:
    """The script that anybody would write, in a process of its own."""
    command = bare_command(subject, folder, executions)
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=_environment())


def bare_command(subject: Subject, folder: Path, executions: int) -> list[str]:
    """Write that script and what it starts from; return what starts it."""
    script, seeds, kept = folder / "bare.py", folder / "seeds", folder / "kept"
    check = _CHECK.format(encode=subject.encode) if subject.encode else "del value"
    script.write_text(_BARE.format(module=subject.module, parse=subject.parse, check=check), encoding="utf-8")
    seeds.mkdir()
    kept.mkdir()
    for number, data in enumerate(subject.seeds):
        (seeds / f"{number:06}").write_bytes(data)
    options = [f"-runs={executions}", f"-seed={_SEED + 1}", f"-max_len={_LONGEST}", "-verbosity=0"]
    return [sys.executable, str(script), *options, "-rss_limit_mb=0", str(kept), str(seeds)]


def run_engine(subject: Subject, folder: Path, executions: int) -> None:
    """A slice of ours.

    Raises:
        RuntimeError: It did not do what it was told.
    """
    targets, orders, out = folder / "bench_targets.py", folder / "spec.json", folder / "slice"
    text = _TARGETS.format(
        module=subject.module,
        parse=subject.parse,
        encode=subject.encode or None,
        canonical=bool(subject.encode),
        seeds=subject.seeds,
        longest=_LONGEST,
    )
    targets.write_text(text, encoding="utf-8")
    spec = Spec(
        target="bench",
        module=str(targets),
        measured=("sipc",),
        folder=str(out),
        engine="atheris",
        seed=_SEED,
        executions=executions,
        longest=_LONGEST,
    )
    orders.write_bytes(msgspec.json.encode(spec))
    command = [sys.executable, "-m", "ipc_gauntlet.fuzz.slice", str(orders)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=_environment())
    result = read_result(out)
    if result is None or result.progress.executions != executions or result.progress.edges == 0:
        raise RuntimeError("the slice did not do what it was told")


def cpu_of(run: Callable[[Subject, Path, int], None], subject: Subject, executions: int) -> float:
    """CPU seconds of a process and all that it starts."""
    with tempfile.TemporaryDirectory(prefix="bench") as path:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(subject, Path(path), executions)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def each(run: Callable[[Subject, Path, int], None], subject: Subject, executions: int) -> float:
    """CPU microseconds of one execution."""
    few = cpu_of(run, subject, executions)
    many = cpu_of(run, subject, 4 * executions)
    return (many - few) / (3 * executions) * 1e6


@dataclass(frozen=True)
class Comparison:
    """What came of one parser: what an execution costs the bare script and ours, and how many times as much."""

    subject: str
    bare: float
    engine: float
    ratios: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Of the quickest rounds."""
        return self.engine / self.bare


def compare(subject: Subject, executions: int, rounds: int) -> Comparison:
    """Measure one parser in turns."""
    samples = [
        (each(run_bare, subject, executions), each(run_engine, subject, executions)) for _ in range(rounds)
    ]
    return Comparison(
        subject.name,
        min(bare for bare, _ in samples),
        min(ours for _, ours in samples),
        tuple(ours / bare for bare, ours in samples),
    )


def _environment() -> dict[str, str]:
    # Sets of texts in another order would be another program.
    return {**os.environ, "PYTHONHASHSEED": "0"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Args:
        arguments: The command line without the program; the process's own when None.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzzing_atheris", description=__doc__)
    parser.add_argument("subjects", nargs="*", help="some of: " + ", ".join(one.name for one in SUBJECTS))
    parser.add_argument("--executions", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", type=float, default=0.05, help="so much more per execution is too much")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    if why := ENGINE.missing():
        print(f"nothing measured: {why}")
        return 0
    chosen = [one for one in SUBJECTS if not options.subjects or one.name in options.subjects]
    print(f"{'parser':12} {'bare':>10} {'engine':>10} {'ratio':>7}   CPU microseconds of one execution")
    results = []
    for subject in chosen:
        found = compare(subject, options.executions, options.rounds)
        results.append(found)
        spread = ", ".join(f"{ratio:.3f}" for ratio in sorted(found.ratios))
        print(f"{found.subject:12} {found.bare:10.2f} {found.engine:10.2f} {found.ratio:7.3f}   of {spread}")
    if options.json is not None:
        text = json.dumps([{**asdict(found), "ratio": found.ratio} for found in results], indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")
    return int(any(found.ratio > 1 + options.limit for found in results))


if __name__ == "__main__":
    sys.exit(main())
