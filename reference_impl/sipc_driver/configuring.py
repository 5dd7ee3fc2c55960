"""The verb `configure`: what a test has the implementation do besides talking."""

from collections.abc import Callable
from typing import Literal, cast

from sipc.envelope import MAX_UINT
from sipc.errors import LocalError
from sipc_driver.credentials import responder_config
from sipc_driver.options import parse_options
from sipc_driver.rpc import FAILED, INVALID_PARAMS, UNSUPPORTED, Json, RpcError, optional_text, text, whole
from sipc_driver.world import World
from sipc_runtime.faults import FAULTS, POINTS

_MOST_MS = 10**12
_WHAT = {"kill", "raise", "hang", "none"}
_DIRECTIONS = {"send": True, "receive": False}


def configure(world: World, params: Json) -> None:
    """Do what `action` says."""
    action = text(params, "action")
    do = _ACTIONS.get(action)
    if do is None:
        raise RpcError(UNSUPPORTED, f"action {action} is not supported")
    try:
        do(world, params)
    except LocalError as error:
        raise RpcError(FAILED, str(error), error.reason) from error


def _rekey(world: World, params: Json) -> None:
    world.conn(params).use().rekey()


def _revoke(world: World, params: Json) -> None:
    if "listener" not in params:
        raise RpcError(UNSUPPORTED, "a principal is shut out of a listener")
    world.listening(params).server.revoke(text(params, "name"))


def _policy(world: World, params: Json) -> None:
    listening = world.listening(params)
    changed = {name: params[name] for name in ("suites", "versions") if params.get(name) is not None}
    given = dict(listening.params)
    given["options"] = cast("Json", given.get("options") or {}) | changed
    given.update({name: params[name] for name in ("trust", "peer") if params.get(name) is not None})
    config = responder_config(given, parse_options(given, server=True))
    listening.server.reconfigure(config)
    # The next change begins where this one ends.
    listening.params.update(given)


def _grant(world: World, params: Json) -> None:
    role = (text(params, "name"), text(params, "role"), optional_text(params, "credential"))
    world.listening(params).roles.grant(*role)


def _withdraw(world: World, params: Json) -> None:
    role = (text(params, "name"), text(params, "role"), optional_text(params, "credential"))
    world.listening(params).roles.withdraw(*role)


def _cancel(world: World, params: Json) -> None:
    conn = world.conn(params)
    mid = conn.tags.get(text(params, "tag"))
    if mid is None:
        raise RpcError(INVALID_PARAMS, f"no request has the tag {params['tag']}")
    if not conn.ended:
        conn.use().cancel(mid)


def _open_gate(world: World, params: Json) -> None:
    world.listening(params).stage.gate.set()


def _step_wall(world: World, params: Json) -> None:
    world.clock.step_wall(whole(params, "ms", (-_MOST_MS, _MOST_MS)) / 1000)


def _set_counter(world: World, params: Json) -> None:
    direction = text(params, "direction")
    if direction not in _DIRECTIONS:
        raise RpcError(INVALID_PARAMS, f"there is no direction {direction}")
    of = optional_text(params, "of") or "records"
    if of not in {"records", "messages"}:
        raise RpcError(INVALID_PARAMS, f"{of} are not counted")
    number = whole(params, "value", (0, MAX_UINT))
    endpoint = world.conn(params).use()
    endpoint.set_counter(number, sending=_DIRECTIONS[direction], messages=of == "messages")


def _arm(_world: World, params: Json) -> None:
    point, what = text(params, "point"), text(params, "what")
    if point not in POINTS or what not in _WHAT:
        raise RpcError(UNSUPPORTED, f"{what} cannot happen at {point}")
    FAULTS.arm(point, cast('Literal["kill", "raise", "hang", "none"]', what))


_ACTIONS: dict[str, Callable[[World, Json], None]] = {
    "rekey": _rekey,
    "revoke": _revoke,
    "policy": _policy,
    "grant": _grant,
    "withdraw": _withdraw,
    "cancel": _cancel,
    "open-gate": _open_gate,
    "step-wall": _step_wall,
    "set-counter": _set_counter,
    "arm": _arm,
}
