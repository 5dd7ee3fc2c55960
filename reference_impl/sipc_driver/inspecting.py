"""The verb `inspect`."""

import os
import sys
import threading
from collections.abc import Callable, Iterator

from sipc_driver.application import LEDGER_QUERY
from sipc_driver.rpc import INVALID_PARAMS, UNSUPPORTED, Json, RpcError, encoded
from sipc_driver.world import World

# These are there also while nothing was counted.
_METRICS = (
    "established",
    "rejected",
    "handshake_timeout",
    "integrity",
    "legacy_refused",
    "late_reply",
    "replayed",
    "running",
)


def inspect(world: World, params: Json) -> Json:
    """One member for each topic that was asked for."""
    what = params.get("what", [])
    if not isinstance(what, list):
        raise RpcError(INVALID_PARAMS, "what must be a list")
    result: Json = {}
    for topic in what:
        read = _TOPICS.get(topic) if isinstance(topic, str) else None
        if read is None:
            raise RpcError(UNSUPPORTED, f"{topic} cannot be inspected")
        result[topic] = read(world)
    return result


def _ledger(world: World) -> list[Json]:
    return [row for store in world.stores() for row in _rows(store.query(LEDGER_QUERY))]


def _rows(rows: list[tuple[object, ...]]) -> Iterator[Json]:
    for operation, payload, peer, conn, key in rows:
        row: Json = {"operation": operation, "payload": _base64(payload), "peer": peer, "conn": conn}
        if key is not None:
            row["key"] = _base64(key)
        yield row


def _base64(value: object) -> str:
    return encoded(value if isinstance(value, bytes) else b"")


def _resources(world: World) -> Json:
    count = sum(1 for conn in world.all_conns() if not conn.ended)
    resources: Json = {"threads": threading.active_count(), "connections": count}
    if sys.platform != "win32":
        # The listing itself has one descriptor open.
        resources["fds"] = len(os.listdir("/dev/fd")) - 1  # noqa: PTH208 - the names are not needed as paths
    return resources


def _metrics(world: World) -> Json:
    numbers: Json = dict.fromkeys(_METRICS, 0)
    return numbers | world.metrics.snapshot() | {"half_open": world.half_open()}


_TOPICS: dict[str, Callable[[World], object]] = {
    "ledger": _ledger,
    "resources": _resources,
    "metrics": _metrics,
}
