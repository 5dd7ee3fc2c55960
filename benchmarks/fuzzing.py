"""`python -m benchmarks.fuzzing`: CPU time to find planted bugs, and executions per CPU second, by engine.

Everything runs as a slice in a process of its own, with one seed after the other, and no corpus. CPU seconds are those
of the whole process, start-up included. What is not installed is left out, and said.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks import fuzzing_properties as properties
from benchmarks.fuzzing_process import ROOT, Found, measured
from ipc_gauntlet.fuzz.engines.base import engine
from ipc_gauntlet.fuzz.findings import from_json
from ipc_gauntlet.fuzz.spec import Spec, read_result

BUGS = ("MagicBug", "NestedBug", "SessionBug")
MEASURED = ("benchmarks.planted.parser",)
MODULE = "benchmarks.planted.targets"


@dataclass(frozen=True)
class SetUp:
    """One row of the table.

    Attributes:
        engine: Which engine; `bare` is atheris as its documentation shows it, without this project.
        target: Which target.
    """

    engine: str
    target: str


SET_UPS = {
    "portable, bytes": SetUp("portable", "planted.bytes"),
    "portable, structured": SetUp("portable", "planted.structured"),
    "atheris, bytes": SetUp("atheris", "planted.bytes"),
    "atheris, structured": SetUp("atheris", "planted.structured"),
    "bare atheris": SetUp("bare", "planted.bytes"),
    "hypothesis, bytes": SetUp("hypothesis", "planted.bytes"),
    "hypothesis, structured": SetUp("hypothesis", "planted.structured"),
    "plain hypothesis, bytes": SetUp(properties.PLAIN, "planted.bytes"),
    "plain hypothesis, structured": SetUp(properties.PLAIN, "planted.structured"),
    "hypofuzz, bytes": SetUp(properties.HYPOFUZZ, "planted.bytes"),
    "hypofuzz, structured": SetUp(properties.HYPOFUZZ, "planted.structured"),
}


_PROPERTIES = (properties.PLAIN, properties.HYPOFUZZ)


def missing(name: str, hypofuzz: str) -> str:
    """Why an engine cannot run here, empty if it can."""
    if name in _PROPERTIES:
        return properties.missing(name, hypofuzz)
    return str(engine("atheris" if name == "bare" else name).missing())


def one_slice(setup: SetUp, seed: int, limit: float, bug: str) -> Found:
    """Look for one bug, others being known already.

    Args:
        setup: Engine and target.
        seed: Of everything.
        limit: CPU seconds to give up after.
        bug: Its exception; empty to look for none.
    """
    with tempfile.TemporaryDirectory() as folder:
        known = tuple(signatures()[other] for other in BUGS if other != bug)
        spec = Spec(
            target=setup.target,
            module=MODULE,
            measured=MEASURED,
            folder=folder,
            engine=setup.engine,
            seed=seed,
            seconds=4 * limit,
            stop_at_first=bool(bug),
            known=known,
        )
        path = Path(folder) / "spec.json"
        path.write_bytes(msgspec.json.encode(spec))
        cpu = measured([sys.executable, "-m", "ipc_gauntlet.fuzz.slice", str(path)], limit)
        result = read_result(Path(folder))
        written = {from_json(file.read_bytes()).error for file in Path(folder).glob("findings/*/*.json")}
        return Found(cpu, result.progress.executions if result is not None else 0, bug in written)


def bare(seed: int, limit: float, bug: str) -> Found:
    """The same with a script as atheris' documentation shows one."""
    command = [sys.executable, "-m", "benchmarks.planted.bare", bug, f"-seed={seed}", "-print_final_stats=1"]
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        cpu = measured([*command, f"-artifact_prefix={folder}/"], limit, said)
        text = said.read_text(encoding="utf-8", errors="replace")
    executions = [int(line.split()[-1]) for line in text.splitlines() if "number_of_executed_units" in line]
    return Found(
        cpu, executions[-1] if executions else 0, f"planted.parser.{bug}" in text or f" {bug}" in text
    )


_SIGNATURES: dict[str, str] = {}


def signatures() -> dict[str, str]:
    """The signature of each bug, so that a slice can be told that it is known."""
    if not _SIGNATURES:
        code = (
            "import json, zlib\n"
            "from benchmarks.planted.targets import TARGETS\n"
            "from benchmarks.planted.inputs import INPUTS\n"
            "from ipc_gauntlet.fuzz.execute import execute\n"
            "found = [execute(TARGETS[0], data).finding for data in INPUTS]\n"
            "print(json.dumps({f.error: f.signature for f in found}))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        _SIGNATURES.update(json.loads(done.stdout))
    return _SIGNATURES


def time_to_find(name: str, seeds: int, limit: float, hypofuzz: str) -> dict[str, list[Found]]:
    """Look for each bug with each seed."""
    setup = SET_UPS[name]

    def look(seed: int, bug: str) -> Found:
        if setup.engine in _PROPERTIES:
            mode = setup.target.removeprefix("planted.")
            return properties.look_for(setup.engine, mode, seed, limit, bug, hypofuzz)
        return bare(seed, limit, bug) if setup.engine == "bare" else one_slice(setup, seed, limit, bug)

    return {bug: [look(seed, bug) for seed in range(1, seeds + 1)] for bug in BUGS}


def rate(name: str, cpu_s: float) -> float:
    """Executions per CPU second without looking for anything, start-up included.

    Args:
        name: Of the set-up.
        cpu_s: How long, in CPU seconds.
    """
    setup = SET_UPS[name]
    found = bare(1, cpu_s, "none") if setup.engine == "bare" else rated(setup, cpu_s)
    return found.executions / found.cpu_s if found.cpu_s else 0.0


def rated(setup: SetUp, cpu_s: float) -> Found:
    """A slice of some seconds of wall-clock time, with all bugs known."""
    with tempfile.TemporaryDirectory() as folder:
        spec = Spec(
            target=setup.target,
            module=MODULE,
            measured=MEASURED,
            folder=folder,
            engine=setup.engine,
            seconds=cpu_s,
            known=tuple(signatures().values()),
        )
        path = Path(folder) / "spec.json"
        path.write_bytes(msgspec.json.encode(spec))
        subprocess.run(
            [sys.executable, "-m", "ipc_gauntlet.fuzz.slice", str(path)],
            check=False,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        result = read_result(Path(folder))
        if result is None:
            return Found(0.0, 0, found=False)
        return Found(result.progress.cpu_seconds, result.progress.executions, found=False)


def shown(found: list[Found], limit: float) -> str:
    """Median and how many of them found it; what was not found counts as the limit."""
    hits = sum(one.found for one in found)
    median = statistics.median(one.cpu_s if one.found else limit for one in found)
    text = f"{median:.2f}" if median < limit else f">{limit:.0f}"
    return f"{text} ({hits}/{len(found)})"


def main() -> int:
    """Measure, print, write JSON; with --gate the exit status says whether the default set-up is quick enough."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzzing", description=__doc__)
    parser.add_argument("set_ups", nargs="*", help=f"from: {', '.join(map(repr, SET_UPS))}; all by default")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--limit", type=float, default=20.0, help="CPU seconds to give up after (default 20)")
    parser.add_argument(
        "--rate-seconds", type=float, default=4.0, help="how long rates are measured; 0 for not"
    )
    parser.add_argument(
        "--gate", type=float, default=0.0, help="most CPU seconds, median, of 'portable, structured'"
    )
    parser.add_argument(
        "--hypofuzz", default=sys.executable, metavar="PYTHON", help="an interpreter that has HypoFuzz"
    )
    parser.add_argument("--json", type=Path, default=Path("benchmark-results-fuzzing.json"))
    options = parser.parse_args()
    unknown = [name for name in options.set_ups if name not in SET_UPS]
    if unknown:
        parser.error(f"no such set-up: {', '.join(unknown)}; there are {', '.join(map(repr, SET_UPS))}")
    results: dict[str, object] = {}
    slowest = 0.0
    print("| set-up | " + " | ".join(BUGS) + " | executions per CPU second |\n|---|---|---|---|---|")
    for name in options.set_ups or list(SET_UPS):
        if why := missing(SET_UPS[name].engine, options.hypofuzz):
            print(f"| {name} | not here: {why} |")
            continue
        found = time_to_find(name, options.seeds, options.limit, options.hypofuzz)
        measurable = options.rate_seconds and SET_UPS[name].engine not in _PROPERTIES
        rates = rate(name, options.rate_seconds) if measurable else 0.0
        cells = " | ".join(shown(found[bug], options.limit) for bug in BUGS)
        print(f"| {name} | {cells} | {f'{rates:,.0f}' if measurable else '-'} |", flush=True)
        results[name] = {"rate": rates, "bugs": {bug: [vars(one) for one in found[bug]] for bug in BUGS}}
        if name == "portable, structured":
            slowest = max(
                statistics.median(one.cpu_s if one.found else options.limit for one in found[bug])
                for bug in BUGS
            )
    options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if options.gate and slowest > options.gate:
        print(f"target missed: {slowest:.2f} CPU seconds, not {options.gate:.2f}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
