"""The reference's driver, but `reset` keeps what the environment says."""

import os
from typing import Any

from sipc_driver import driver, inspecting
from sipc_driver.program import main
from sipc_driver.rpc import UNSUPPORTED, RpcError
from sipc_driver.world import World
from sipc_runtime.faults import FAULTS

WORD = os.environ.get("KEEPS", "")
kept: dict[str, Any] = {"ledger": []}
tell = inspecting._ledger


class Keeping(World):
    """What was made since the last `reset`, and something of what was made before."""

    def __init__(self, output: Any) -> None:  # noqa: ANN401
        super().__init__(output)
        if WORD == "counters":
            self.metrics = kept.setdefault("metrics", self.metrics)
        if WORD == "clock":
            self.clock = kept.setdefault("clock", self.clock)
        if WORD == "records":
            self._stores = kept.setdefault("stores", self._stores)

    def store(self, options: Any) -> Any:  # noqa: ANN401
        if WORD == "file" and options.server.store is None and "options" in kept:
            return super().store(kept["options"])
        if WORD == "file" and options.server.store is not None:
            kept["options"] = options
        return super().store(options)

    def end(self) -> None:
        kept["ledger"] += tell(self)
        if WORD == "records":
            self._stores = {}
        super().end()


def no_ledger(_world: World) -> Any:  # noqa: ANN401
    raise RpcError(UNSUPPORTED, "the ledger is not told")


def whole_ledger(world: World) -> Any:  # noqa: ANN401
    return kept["ledger"] + tell(world)


if WORD == "ledger":
    inspecting._TOPICS["ledger"] = whole_ledger
if WORD == "records":
    inspecting._TOPICS["ledger"] = no_ledger
if WORD == "faults":
    FAULTS.clear = lambda: None  # type: ignore[method-assign]
driver.World = Keeping  # type: ignore[misc]
main()
