"""The driver as a program: reads requests, answers them, and leaves when stdin ends."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from typing import BinaryIO, NoReturn

from ipc_gauntlet.sdk import wire
from ipc_gauntlet.sdk.driver import Driver
from ipc_gauntlet.sdk.endpoints import Connection
from ipc_gauntlet.sdk.epoch import Epoch
from ipc_gauntlet.sdk.errors import BadParams, DriverRequestError, Failed, NoSuchMethod, reason_of
from ipc_gauntlet.sdk.lanes import Job, Lanes
from ipc_gauntlet.sdk.output import Output
from ipc_gauntlet.sdk.params import Abilities, raw, request_params, text

Result = dict[str, object]

_TASKS = "/proc/self/task"
_DEAD_THREADS_S = 0.2
_CLOSE_PATIENCE_S = 1.0


class Program:
    """Serves the requests of one harness.

    Args:
        driver: What to drive.
        output: Where answers and notifications go.
    """

    def __init__(self, driver: Driver, output: Output) -> None:
        self._driver = driver
        self._output = output
        self._abilities = Abilities.of(driver.statement, driver.options)
        self._epoch = Epoch(output)
        self._threads = _entries(_TASKS) or 0
        # Served by the reader itself: they are quick, and what follows them in the input may rely on them.
        self._inline: dict[str, Callable[[wire.JsonObject], Result]] = {
            "describe": self._describe,
            "listen": self._listen,
            "connect": self._connect,
            "reset": self._reset,
            "inspect": self._inspect,
            "advance_clock": self._advance_clock,
            "parse": self._parse,
            "shutdown": lambda _: {},
        }
        self._in_lane: dict[str, Callable[[Epoch, wire.JsonObject], Result]] = {
            "send": _send,
            "close": _close,
            "configure": self._configure,
        }

    def serve(self, stream: BinaryIO) -> None:
        """Serve until the stream ends or `shutdown`."""
        for line in wire.read_lines(stream):
            try:
                request = wire.parse(line)
            except wire.Refused as refused:
                self._output.write(wire.refusal(refused.id, refused.error))
                continue
            if request is None:
                continue
            self._dispatch(request)
            if request.method == "shutdown":
                return

    def _dispatch(self, request: wire.Request) -> None:
        if (inline := self._inline.get(request.method)) is not None:
            self._answer(request, partial(inline, request.params))
        elif (handler := self._in_lane.get(request.method)) is not None:
            job = partial(self._answer, request, partial(handler, self._epoch, request.params))
            _enqueue(self._epoch.lanes, request, job)
        else:
            self._answer(request, partial(_no_such_method, request.method))

    def _answer(self, request: wire.Request, work: Callable[[], Result]) -> None:
        try:
            message = wire.answer(request.id, work())
        except DriverRequestError as error:
            message = wire.refusal(request.id, error)
        except OSError as problem:
            message = wire.refusal(request.id, Failed(reason_of(problem), str(problem)))
        except Exception as problem:  # noqa: BLE001 - the process boundary: a defect is answered, the driver lives on
            traceback.print_exc(file=sys.stderr)
            message = wire.refusal(request.id, Failed("internal", repr(problem)))
        self._output.write(message)

    # -- methods ----------------------------------------------------------------------------------------------------

    def _describe(self, _: wire.JsonObject) -> Result:
        return {"protocol": 1, "language": "Python", **self._driver.statement}

    def _listen(self, params: wire.JsonObject) -> Result:
        checked = self._abilities.listen(params)
        self._epoch.check_free(checked.listener)
        listener = self._driver.listen(checked)
        self._epoch.open(listener)
        return {"address": listener.address}

    def _connect(self, params: wire.JsonObject) -> Result:
        checked = self._abilities.connect(params)
        self._epoch.check_free(checked.conn)
        self._epoch.adopt(self._driver.connect(checked))
        return {}

    def _reset(self, _: wire.JsonObject) -> Result:
        self._epoch.end()
        self._epoch = self._epoch.next()
        self._driver.reset()
        self._await_dead_threads()
        return {}

    def _await_dead_threads(self) -> None:
        """Wait, shortly, until the operating system has noticed too that threads have ended.

        `Thread.join` returns a moment earlier, and who counts threads right after `reset` would count a dead one.
        """
        deadline = time.monotonic() + _DEAD_THREADS_S
        while (count := _entries(_TASKS) or 0) > self._threads and time.monotonic() < deadline:
            time.sleep(0.001)
        self._threads = count

    def _inspect(self, params: wire.JsonObject) -> Result:
        what = params.get("what")
        if not isinstance(what, list) or not all(isinstance(one, str) for one in what):
            raise BadParams("what must be a list of texts")
        return {one: self._resources() if one == "resources" else self._driver.inspect(one) for one in what}

    def _resources(self) -> Result:
        counts: Result = {"threads": _entries(_TASKS) or threading.active_count()}
        if fds := _entries("/proc/self/fd") or _entries("/dev/fd"):
            counts["fds"] = fds
        return {**counts, "connections": self._epoch.count_live()}

    def _configure(self, _: Epoch, params: wire.JsonObject) -> Result:
        self._driver.configure(text(params, "action"), params)
        return {}

    def _advance_clock(self, params: wire.JsonObject) -> Result:
        ms = params.get("ms")
        if isinstance(ms, bool) or not isinstance(ms, int) or ms < 0:
            raise BadParams("ms must be a whole number of milliseconds")
        self._driver.advance_clock(ms)
        return {}

    def _parse(self, params: wire.JsonObject) -> Result:
        return self._driver.parse(text(params, "parser"), raw(params, "data"))


def _send(epoch: Epoch, params: wire.JsonObject) -> Result:
    connection = epoch.connection(params.get("conn"))
    kind = params.get("kind", "event")
    if kind == "event":
        connection.hand_over(raw(params, "payload"))
        return {}
    if kind != "request":
        raise BadParams(f"kind must be event or request, not {kind!r}")
    request = request_params(params)
    connection.await_usable()
    return connection.request(request)


def _close(epoch: Epoch, params: wire.JsonObject) -> Result:
    mode = params.get("mode", "graceful")
    if mode not in ("graceful", "abort"):
        raise BadParams(f"mode must be graceful or abort, not {mode!r}")
    if "listener" in params:
        epoch.listener(params["listener"]).close()
    else:
        connection: Connection = epoch.connection(params.get("conn"))
        connection.close(graceful=mode == "graceful")
    return {}


def _enqueue(lanes: Lanes, request: wire.Request, job: Job) -> None:
    """Choose the lane: in order on one connection, except for what may or must overtake.

    A graceful close lets earlier calls on its connection finish, but not for ever: one that hangs, because the peer
    does not read, must not keep a program from closing.
    """
    name, params = f"{request.params.get('conn')!r} {request.params.get('listener')!r}", request.params
    alone = f"{name} {request.id!r}"
    if params.get("mode") == "abort" or params.get("kind") == "request":
        lanes.put(alone, job)
    elif request.method == "close":
        passed = threading.Event()
        lanes.put(name, passed.set)
        lanes.put(alone, partial(_after, passed, job))
    else:
        lanes.put(name, job)


def _after(earlier: threading.Event, job: Job) -> None:
    earlier.wait(_CLOSE_PATIENCE_S)
    job()


def _no_such_method(name: str) -> Result:
    raise NoSuchMethod(f"no method {name!r}")


def _entries(folder: str) -> int | None:
    try:
        return len(os.listdir(folder))  # noqa: PTH208 - a Path object would be one more thing in a hot count
    except OSError:
        return None


def run(driver: Driver) -> NoReturn:
    """Serve the harness on stdin and stdout until it leaves; never returns.

    What the driver or a library prints goes to stderr, also what C code prints.
    """
    output = Output(_claim_stdout(), on_broken=partial(os._exit, 1))
    with contextlib.suppress(KeyboardInterrupt):
        Program(driver, output).serve(sys.stdin.buffer)
    output.settle()
    sys.stderr.flush()
    # Not sys.exit: a thread or a library's own clean-up must not keep a driver alive that nobody talks to.
    os._exit(0)


def _claim_stdout() -> BinaryIO:
    """Keep the real stdout for the protocol and lead everything else to stderr."""
    sys.stdout.flush()
    channel = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return os.fdopen(channel, "wb")
