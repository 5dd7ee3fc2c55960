"""The driver's methods: they translate between the driver protocol and the reference implementation."""

from collections.abc import Callable

from sipc_driver import opening, parsers, sending
from sipc_driver.configuring import configure
from sipc_driver.inspecting import inspect
from sipc_driver.rpc import INVALID_PARAMS, Json, Output, Reply, RpcError, octets, text
from sipc_driver.statement import statement
from sipc_driver.world import World
from sipc_runtime.clock import SYSTEM_CLOCK


class ReferenceDriver:
    """Hosts the reference implementation.

    Attributes:
        leaving: `shutdown` was asked for.

    Args:
        output: Where answers and notifications go.
    """

    def __init__(self, output: Output) -> None:
        self.leaving = False
        self._output = output
        self._world = World(output)
        # Starts the clock's thread now, so that threads can be counted before and after a connection.
        SYSTEM_CLOCK.call_at(SYSTEM_CLOCK.monotonic(), lambda: None)
        self._methods: dict[str, Callable[[Json, Reply], None]] = {
            "describe": self._describe,
            "listen": lambda params, reply: opening.listen(self._world, params, reply),
            "connect": lambda params, reply: opening.connect(self._world, params, reply),
            "send": lambda params, reply: sending.send(self._world, params, reply),
            "close": lambda params, reply: opening.close(self._world, params, reply),
            "reset": self._reset,
            "inspect": self._inspect,
            "configure": self._configure,
            "advance_clock": self._advance_clock,
            "parse": self._parse,
            "shutdown": self._shutdown,
        }

    def method(self, name: str) -> Callable[[Json, Reply], None] | None:
        """See `Methods`."""
        return self._methods.get(name)

    def _describe(self, _params: Json, reply: Reply) -> None:
        reply.result(statement())

    def _parse(self, params: Json, reply: Reply) -> None:
        reply.result(parsers.parse(text(params, "parser"), octets(params, "data")))

    def _shutdown(self, _params: Json, reply: Reply) -> None:
        self.leaving = True
        reply.result()

    def _inspect(self, params: Json, reply: Reply) -> None:
        reply.result(inspect(self._world, params))

    def _configure(self, params: Json, reply: Reply) -> None:
        configure(self._world, params)
        reply.result()

    def _advance_clock(self, params: Json, reply: Reply) -> None:
        milliseconds = params.get("ms")
        if type(milliseconds) not in {int, float} or not 0 <= milliseconds <= 1e12:  # type: ignore[operator]
            raise RpcError(INVALID_PARAMS, "ms must be a number of milliseconds")
        self._world.clock.advance(milliseconds / 1000)  # type: ignore[operator]  # checked above
        reply.result()

    def _reset(self, _params: Json, reply: Reply) -> None:
        self._output.new_generation()
        ended, self._world = self._world, World(self._output)
        ended.end()
        reply.result()
