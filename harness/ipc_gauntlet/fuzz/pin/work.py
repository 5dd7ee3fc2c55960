"""The program that pins: `python -m ipc_gauntlet.fuzz.pin.work ORDERS.json`, one process for one target.

Mutants run in it. Steps are counted, so that most that never end are stopped. What no count reaches, such as one call
into C with a huge number, ends the process: a thread sees that nothing happens any more, or that memory runs away. Who
started the process starts it again without that mutant. A call that keeps the interpreter to itself stops this thread,
too; then its beat stays away, and the process is ended from outside.
"""

from __future__ import annotations

import base64
import itertools
import os
import sys
import threading
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

import msgspec
import psutil

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.address_space import AddressSpace
from ipc_gauntlet.fuzz.pin.bench import Bench
from ipc_gauntlet.fuzz.pin.cover import Chosen, minimal, shortest_accepted
from ipc_gauntlet.fuzz.pin.mutants import Mutants
from ipc_gauntlet.fuzz.pin.orders import (
    NAMES,
    RESULT,
    RUNNING,
    STATE,
    Orders,
    Pinned,
    Running,
    State,
    Survivor,
    read_orders,
)
from ipc_gauntlet.fuzz.pin.probes import Steps
from ipc_gauntlet.fuzz.pin.score import Score, Tally, score
from ipc_gauntlet.fuzz.pin.search import Limits, Search
from ipc_gauntlet.fuzz.pin.vectors import vector_file
from ipc_gauntlet.fuzz.registry import Source, load
from ipc_gauntlet.fuzz.spec import Exit
from ipc_gauntlet.fuzz.target import Target
from ipc_gauntlet.fuzz.work import write_whole

_LOOK = 0.1
_SAVE_EVERY = 2.0
_MB = 1 << 20


class Guard:
    """A thread that ends the process when one call takes too much CPU time or memory. Use it as a context.

    Args:
        running: Is told which mutant runs.
        orders: The limits.
    """

    def __init__(self, running: Running, orders: Orders) -> None:
        self._running = running
        self._orders = orders
        self._numbers: dict[str, int] = {}
        self._steps = Steps()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="pin-guard", daemon=True)
        self._process = psutil.Process()
        self._most = self._process.memory_info().rss + orders.memory_mb * _MB

    def told(self, name: str) -> None:
        """A mutant runs from now on; an empty name is the parser itself."""
        self._running.tell(self._numbers.get(name, -1))

    def know(self, made: Mutants, folder: Path) -> None:
        """From now on mutants have numbers, and whoever reads them finds their names."""
        self._steps = made.workshop.steps
        names = [mutant.name for mutant in made.all]
        write_whole(folder / NAMES, msgspec.json.encode(names))
        self._numbers = {name: number for number, name in enumerate(names)}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        calls, since = -1, time.process_time()
        for beat in itertools.count(1):
            self._running.beat(beat)
            if self._over.wait(_LOOK):
                return
            if self._process.memory_info().rss > self._most:
                os._exit(Exit.MEMORY)
            if not self._steps.busy or self._steps.calls != calls:
                calls, since = self._steps.calls, time.process_time()
            elif time.process_time() - since > self._orders.hang_seconds:
                os._exit(Exit.HANG)


class Pinning:
    """One target's run.

    Args:
        orders: What to do.
        target: The target.
        running: Where the mutant that runs is told.
    """

    def __init__(self, orders: Orders, target: Target, running: Running) -> None:
        self._orders = orders
        self._target = target
        self._folder = Path(orders.folder)
        self._guard = Guard(running, orders)

    def run(self) -> Pinned:
        """Score, search, cover.

        Raises:
            GauntletError: The target cannot be copied.
        """
        with self._guard:
            return self._run()

    def _run(self) -> Pinned:
        bench = Bench(self._target, self._guard.told, self._orders.without, self._known)
        corpus = self._corpus()
        before = score(bench, corpus)
        self._save(State(before=before))
        tally = Tally(bench)
        given = [base64.b64decode(one) for one in self._orders.inputs]
        for data in (*corpus, *given):
            tally.add(data)
        search, seconds = self._search(tally, [*corpus, *given], before)
        chosen = self._chosen(tally, corpus)
        executions, pool = (search.executions, search.pool) if search else (0, corpus)
        return Pinned(
            target=self._target.name,
            before=before,
            after=tally.score(),
            minimal=score(bench, [one.data for one in chosen]),
            same=bench.same,
            unviable=bench.unviable,
            deadly=dict.fromkeys(self._orders.without, "hangs or kills the process"),
            survivors=_survivors(tally, pool),
            vectors=vector_file(bench, chosen, {}),
            executions=executions,
            seconds=seconds,
            broke=[base64.b64encode(data).decode() for data in (search.broke if search else ())],
        )

    def _known(self, made: Mutants) -> None:
        self._guard.know(made, self._folder)

    def _corpus(self) -> list[bytes]:
        found: dict[bytes, None] = {}
        for folder in self._orders.corpus:
            for path in sorted(Path(folder).glob("*")):
                if path.is_file() and not path.name.startswith("."):
                    found[path.read_bytes()[: self._target.longest]] = None
        for seed in self._target.seeds():
            found[bytes(seed)] = None
        return list(found)

    def _search(self, tally: Tally, seeds: list[bytes], before: Score) -> tuple[Search | None, float]:
        orders = self._orders
        if not orders.seconds and not orders.executions:
            return None, 0.0
        begun = time.process_time()
        limits = Limits(orders.seconds, orders.executions, time.process_time)
        rng = Random(orders.seed)  # noqa: S311 - choices that can be made again, no secrets
        search = Search(tally, seeds, rng, limits)
        saved = begun

        def save() -> None:
            nonlocal saved
            now = time.process_time()
            if now - saved >= _SAVE_EVERY:
                saved = now
                inputs = dict.fromkeys(one.run.data for one in tally.pinned.values())
                self._save(
                    State(
                        before=before,
                        inputs=[base64.b64encode(data).decode() for data in inputs],
                        executions=search.executions,
                        seconds=now - begun,
                    )
                )

        search.run(save)
        return search, time.process_time() - begun

    def _chosen(self, tally: Tally, corpus: list[bytes]) -> list[Chosen]:
        chosen = minimal(tally, corpus)
        bench = tally.bench
        if not any(bench.run(one.data).outcome[0] == "accepted" for one in chosen):
            # Every parser must show that it accepts what is right; a parser that refuses everything pins nothing.
            accepted = shortest_accepted(bench, corpus)
            if accepted is not None:
                chosen.append(Chosen(accepted, ()))
        return chosen

    def _save(self, state: State) -> None:
        write_whole(self._folder / STATE, msgspec.json.encode(state))


def _survivors(tally: Tally, pool: Sequence[bytes]) -> list[Survivor]:
    bench = tally.bench
    entered: set[int] = set()
    for data in pool:
        entered |= {block for block, seen in enumerate(bench.run(data).seen) if seen}
    return [
        Survivor(
            name=mutant.name,
            function=mutant.function,
            before=mutant.before,
            after=mutant.after,
            source=mutant.source,
            entered=mutant.block < 0 or mutant.block in entered,
        )
        for at, mutant in enumerate(bench.mutants)
        if at not in tally.pinned
    ]


def pin(orders: Orders) -> Pinned:
    """Do what the orders say, in this process.

    Raises:
        UsageError: There is no such target, or it cannot be copied.
    """
    targets = {target.name: target for target in load(Source(orders.module, "orders"))}
    if orders.target not in targets:
        raise UsageError(f"{orders.module} has no target {orders.target}")
    # What a library warns of is no verdict, and thousands of mutants would say it again and again.
    warnings.simplefilter("ignore")
    with Running(Path(orders.folder) / RUNNING) as running:
        space = AddressSpace(orders.memory_mb * _MB)
        space.limit()
        try:
            return Pinning(orders, targets[orders.target], running).run()
        finally:
            space.release()


def main(arguments: list[str]) -> int:
    """Run one target's pinning.

    Args:
        arguments: The path of the orders.
    """
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m ipc_gauntlet.fuzz.pin.work ORDERS.json\n")
        return Exit.USAGE
    try:
        orders = read_orders(Path(arguments[0]))
        pinned = pin(orders)
        write_whole(Path(orders.folder) / RESULT, msgspec.json.encode(pinned))
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return Exit.USAGE
    except GauntletError as error:
        sys.stderr.write(f"{error}\n")
        return Exit.TROUBLE
    # A daemon thread and thousands of copies need no tidy end.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(Exit.DONE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
