"""The verb `send`: events and requests, and what a caller may say about them."""

import threading
from dataclasses import replace
from typing import TypeVar

from sipc import signing
from sipc.envelope import MAX_UINT, Field, Label
from sipc.errors import LocalError
from sipc.events import RequestFailed, ResponseReceived
from sipc.rpc import Call, Message
from sipc_driver.application import MESSAGE, PREFIX, REPEATABLE
from sipc_driver.conns import Conn
from sipc_driver.outcomes import not_sent, outcome_of
from sipc_driver.rpc import (
    FAILED,
    INVALID_PARAMS,
    UNSUPPORTED,
    Json,
    Reply,
    RpcError,
    octets,
    optional_object,
    optional_text,
    text,
    whole,
)
from sipc_driver.world import World
from sipc_runtime.endpoint import Endpoint, Handlers
from sipc_runtime.endpoint_parts import PeerBehind, WhenFull
from sipc_runtime.retry import Caller, RetryPolicy, new_key
from sipc_runtime.turns import Turn
from sipc_runtime.workers import CONNECTION_THREADS

M = TypeVar("M", bound=Message)

_SIGNED_FOR_S = 60
_MOST_ATTEMPTS = 1000
_LONGEST_PAUSE_MS = 600_000


def send(world: World, params: Json, reply: Reply) -> None:
    """Send a message or a request."""
    conn = world.conn(params)
    kind = optional_text(params, "kind") or "event"
    if kind == "request":
        _send_request(world, conn, params, reply)
    elif kind == "event":
        _send_event(conn, _dressed(Message(MESSAGE, octets(params, "payload")), conn, params), reply)
    else:
        raise RpcError(UNSUPPORTED, f"messages of kind {kind} are not supported")


# --- what a message carries ---


def _dressed(message: M, conn: Conn, params: Json) -> M:
    """The message with label, lane, token, signature and whatever else is asked for."""
    lane = optional_text(params, "lane")
    message = replace(
        message,
        okey=None if lane is None else lane.encode(),
        label=None if params.get("label") is None else Label(whole(params, "label", (0, 3))),
        purpose=optional_text(params, "purpose"),
        schema=_schema(params),
    )
    if params.get("token") is not None:
        message = replace(message, extra={int(Field.CAP): octets(params, "token")})
    signed = optional_object(params, "signed")
    return message if signed is None else _signed(message, conn, signed)


def _schema(params: Json) -> int | None:
    given = params.get("schema")
    if isinstance(given, str) and given.isdecimal() and len(given) < 20:
        given = int(given)
    if given is None or (type(given) is int and 0 <= given <= MAX_UINT):
        return given
    raise RpcError(INVALID_PARAMS, "schema must be a whole number")


def _signed(message: M, conn: Conn, given: Json) -> M:
    try:
        key = signing.load_private_key(octets(given, "key"))
    except LocalError as error:
        raise RpcError(FAILED, str(error), error.reason) from error
    if key is None:
        raise RpcError(UNSUPPORTED, "messages are signed with Ed25519")
    now = int(conn.clock.wall())
    claim = signing.Claim(
        text(given, "from"),
        text(given, "to"),
        octets(given, "id"),
        whole(given, "expires_s", (0, MAX_UINT), now + _SIGNED_FOR_S),
    )
    try:
        return signing.sign(message, claim, key)
    except LocalError as error:
        raise RpcError(FAILED, str(error), error.reason) from error


# --- requests ---


def _send_request(world: World, conn: Conn, params: Json, reply: Reply) -> None:
    deadline = params.get("deadline_ms", conn.default_ms)
    if type(deadline) not in {int, float}:
        raise RpcError(INVALID_PARAMS, "deadline_ms must be a number")
    operation = text(params, "operation")
    call = Call(
        PREFIX + operation,
        octets(params, "payload"),
        idem=_key(params),
        budget_ms=deadline,  # type: ignore[arg-type]  # checked above
    )
    call = _dressed(call, conn, params)
    retry = optional_object(params, "retry")
    if retry is not None:
        if params.get("tag") is not None:
            raise RpcError(UNSUPPORTED, "a request that is tried again has no tag")
        caller = _caller(world, conn, retry)
        repeatable = operation in REPEATABLE
        turn = caller.turns.take(call.okey)
        CONNECTION_THREADS.submit(lambda: _call(caller, (call, turn), reply, repeatable=repeatable))
        return
    tag = optional_text(params, "tag")
    try:
        _ask(conn, call, reply, tag, WhenFull.RAISE)
    except PeerBehind:
        # The sending call waits for the peer; the driver must not.
        CONNECTION_THREADS.submit(lambda: _ask(conn, call, reply, tag, WhenFull.WAIT))


def _ask(conn: Conn, call: Call, reply: Reply, tag: str | None, full: WhenFull) -> None:
    try:
        mid = conn.use().request(call, lambda outcome: reply.result(outcome_of(outcome)), full)
    except PeerBehind:
        raise
    except LocalError as error:
        reply.result(not_sent(error))
        return
    if tag is not None:
        conn.tags[tag] = mid


def _key(params: Json) -> bytes | None:
    if params.get("own_key") is True:
        return new_key()
    return None if params.get("key") is None else octets(params, "key")


def _caller(world: World, conn: Conn, given: Json) -> Caller:
    """The implementation's own client, which begins with the connection there is."""
    policy = RetryPolicy(
        whole(given, "attempts", (1, _MOST_ATTEMPTS)),
        whole(given, "base_ms", (0, _LONGEST_PAUSE_MS), 100) / 1000,
        whole(given, "cap_ms", (0, _LONGEST_PAUSE_MS), 30_000) / 1000,
    )
    dial = conn.dial
    if dial is None:
        raise RpcError(UNSUPPORTED, "only a client tries again")

    def again(handlers: Handlers) -> Endpoint:
        conn.further.append(dial(handlers))
        return conn.further[-1]

    quiet = Handlers(lambda _endpoint, _event: None, lambda _endpoint, _event: None, world.metrics)
    present = conn.further[-1] if conn.further else conn.endpoint
    caller = Caller(again, quiet, policy, conn.clock, endpoint=present)
    caller.turns = conn.turns = conn.turns or caller.turns
    conn.callers.append(caller)
    return caller


def _call(caller: Caller, placed: tuple[Call, Turn], reply: Reply, *, repeatable: bool) -> None:
    call, turn = placed
    try:
        outcome: ResponseReceived | RequestFailed = caller.call(call, idempotent=repeatable, turn=turn)
    except LocalError as error:
        reply.result(not_sent(error))
    else:
        reply.result(outcome_of(outcome))


# --- events ---


def _send_event(conn: Conn, message: Message, reply: Reply) -> None:
    endpoint = conn.use()
    try:
        endpoint.try_send_event(message)
    except PeerBehind:
        # The sending call waits for the peer; the driver must not.
        threading.Thread(target=_send_and_wait, args=(endpoint, message, reply), daemon=True).start()
        return
    except LocalError as error:
        raise RpcError(FAILED, str(error), error.reason) from error
    reply.result()


def _send_and_wait(endpoint: Endpoint, message: Message, reply: Reply) -> None:
    try:
        endpoint.send_event(message)
    except LocalError as error:
        reply.error(RpcError(FAILED, str(error), error.reason))
    else:
        reply.result()
