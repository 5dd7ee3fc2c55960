"""Which edges some inputs take, measured by a process of its own: `python -m ipc_gauntlet.fuzz.engines.replaying SPEC OUT`.

An engine with coverage of its own kind (atheris: libFuzzer's counters are out of Python's sight) cannot name the edges
that it reached, and one module cannot be instrumented twice in one process. So at the end of its slice the inputs run
once more here, under the portable coverage, and all engines count in the same edges.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.coverage.instrument import install
from ipc_gauntlet.fuzz.plant import transform
from ipc_gauntlet.fuzz.registry import Source, load
from ipc_gauntlet.fuzz.spec import Spec, read_spec
from ipc_gauntlet.fuzz.watched import watch_starter
from ipc_gauntlet.fuzz.work import write_whole


class Measured(msgspec.Struct, kw_only=True):
    """What the inputs took.

    Attributes:
        inputs: How many were run.
        edges: Edges taken.
        total: Edges there are in the modules that were imported.
        features: Edges with their counts in buckets.
        covered: Names of the edges.
        functions: Functions entered, `module:qualified.name`.
    """

    inputs: int = 0
    edges: int = 0
    total: int = 0
    features: int = 0
    covered: list[str] = []
    functions: list[str] = []


def replay(spec: Spec, folders: list[str], work: Path, seconds: float) -> Measured:
    """Start the other process and wait for what it says.

    Args:
        spec: The slice's orders.
        folders: Further folders of inputs, beside those of the orders and the target's seeds.
        work: A folder for the files between the two processes.
        seconds: How long it may take.

    Raises:
        GauntletError: It did not say anything usable; the message has the end of its standard error.
    """
    orders, out, errors = work / "replay-spec.json", work / "replay.json", work / "replay-stderr.txt"
    asked = msgspec.structs.replace(spec, corpus=(*spec.corpus, *folders))
    write_whole(orders, msgspec.json.encode(asked))
    command = [sys.executable, "-m", "ipc_gauntlet.fuzz.engines.replaying", str(orders), str(out)]
    with errors.open("wb") as file:
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=file, cwd=Path.cwd()
        )
        try:
            # The open pipe tells it that somebody still waits.
            status = child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise GauntletError(f"measuring the inputs took longer than {seconds:g} s") from None
        finally:
            child.kill()
            child.wait()
            if child.stdin is not None:
                child.stdin.close()
    if status:
        said = errors.read_text(encoding="utf-8", errors="replace").strip()[-500:]
        raise GauntletError(f"measuring the inputs failed with exit status {status}: {said}")
    try:
        return msgspec.json.decode(out.read_bytes(), type=Measured)
    except (OSError, msgspec.DecodeError) as error:
        raise GauntletError(f"measuring the inputs left no result: {error}") from error


def measure(spec: Spec) -> Measured:
    """Run the inputs of some orders in this process.

    Raises:
        GauntletError: A measured module is imported already, or the target cannot be had.
    """
    coverage = install(spec.measured, (transform(spec.plant),) if spec.plant else ())
    targets = {target.name: target for target in load(Source(spec.module, "orders"))}
    if spec.target not in targets:
        raise GauntletError(f"{spec.module} has no target {spec.target}")
    target = targets[spec.target]
    seen: set[int] = set()
    count = 0
    for data in _inputs(spec, [bytes(seed) for seed in target.seeds()]):
        coverage.begin()
        try:
            target.judge(data)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001, S110 - findings were reported when they were found
            pass
        seen.update(coverage.features())
        count += 1
    return Measured(
        inputs=count,
        edges=coverage.covered_count(),
        total=coverage.total,
        features=len(seen),
        covered=sorted(coverage.covered()),
        functions=sorted(coverage.functions()),
    )


def _inputs(spec: Spec, seeds: list[bytes]) -> list[bytes]:
    found = dict.fromkeys(seed[: spec.longest] for seed in seeds)
    for folder in spec.corpus:
        for path in sorted(Path(folder).glob("*")):
            if path.is_file() and not path.name.startswith("."):
                found[path.read_bytes()[: spec.longest]] = None
    return list(found)


def main(arguments: list[str]) -> int:
    """Measure for whoever started this process.

    Args:
        arguments: The path of the orders, and where to write the result.
    """
    orders, out = arguments
    watch_starter()
    try:
        measured = measure(read_spec(Path(orders)))
        write_whole(Path(out), msgspec.json.encode(measured))
    except GauntletError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
