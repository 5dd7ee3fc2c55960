"""Target for the lines that the reference's driver reads: a harness, or whoever holds its standard input, writes them."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import cache
from typing import cast

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.mutate.schema import Const, Record, Repeat, Schema, Until
from ipc_gauntlet.fuzz.mutate.schema_json import JsonStructure
from sipc.exchange import Exchange, Outlets
from sipc.rpc import Call, Message
from sipc_driver import configuring, inspecting, parsers, sending
from sipc_driver.conns import Conn
from sipc_driver.credentials import initiator_config, responder_config
from sipc_driver.options import parse_address, parse_options
from sipc_driver.reports import Reports
from sipc_driver.rpc import Json, Lines, Output, Reply, answer_line, octets, text
from sipc_driver.statement import statement
from sipc_driver.world import World
from sipc_runtime.endpoint import Endpoint
from sipc_runtime.faults import FAULTS
from sipc_targets.material import material, names, signing_key
from sipc_targets.violations import WrongAnswer

_CONN = "c1"


class Refused(Exception):
    """A line that was answered with an error; `reason` is its code."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.reason = str(code)


class _Answers(Output):
    """Keeps answers in place of writing them.

    Attributes:
        lines: What would have been written.
    """

    def __init__(self) -> None:
        super().__init__(-1)
        self.lines: list[Json] = []

    def _write(self, message: Json) -> None:
        try:
            line = json.dumps(message, allow_nan=False)
        except ValueError as error:
            raise WrongAnswer(f"an answer that is not JSON: {error}") from error
        self.lines.append(cast("Json", json.loads(line)))


class _Endpoint:
    """The end of a connection as `send` sees it: messages are made, and go nowhere."""

    def __init__(self) -> None:
        self._exchange = Exchange(Outlets(lambda pieces: None, lambda event: None, lambda n: bytes(n)), 64)
        self._exchange.peer_max_inflight = 1 << 30

    def request(self, call: Call, done: Callable[[object], None], full: object) -> int:
        """Make a request; nobody answers."""
        return self._exchange.request(call, 0.0)

    def try_send_event(self, message: Message) -> None:
        """Make an event."""
        self._exchange.send_event(message)

    def cancel(self, mid: int) -> bool:
        """Cancel a request."""
        return self._exchange.cancel(mid)

    def rekey(self) -> None:
        """Nothing to do."""

    def set_counter(self, number: int, *, sending: bool, messages: bool = False) -> None:
        """Set a counter of messages."""
        if messages:
            self._exchange.set_number(number, sending=sending)


class _Methods:
    """The driver's verbs, up to the point where they would open a socket.

    Attributes:
        deferred: The last line may be answered later.
    """

    def __init__(self, output: Output) -> None:
        self.deferred = False
        self._world = World(output)
        conn = Conn(_CONN, Reports(output), 1000.0)
        conn.endpoint = cast("Endpoint", _Endpoint())
        self._world.add_conn(conn)
        self._verbs: dict[str, Callable[[Json, Reply], None]] = {
            "describe": lambda params, reply: reply.result(statement()),
            "parse": self._parse,
            "listen": self._listen,
            "connect": self._connect,
            "send": self._send,
            "configure": self._configure,
            "inspect": self._inspect,
        }

    def method(self, name: str) -> Callable[[Json, Reply], None] | None:
        """See `sipc_driver.rpc.Methods`."""
        return self._verbs.get(name)

    def _parse(self, params: Json, reply: Reply) -> None:
        reply.result(parsers.parse(text(params, "parser"), octets(params, "data")))

    def _listen(self, params: Json, reply: Reply) -> None:
        options = parse_options(params, server=True)
        # A store would be opened as a file.
        responder_config(params, options)
        reply.result()

    def _connect(self, params: Json, reply: Reply) -> None:
        options = parse_options(params, server=False)
        parse_address(params)
        initiator_config(params, options)
        reply.result()

    def _send(self, params: Json, reply: Reply) -> None:
        self.deferred = params.get("kind") == "request"
        sending.send(self._world, params, reply)

    def _inspect(self, params: Json, reply: Reply) -> None:
        reply.result(inspecting.inspect(self._world, params))

    def _configure(self, params: Json, reply: Reply) -> None:
        configuring.configure(self._world, params)
        reply.result()


def read_line(line: bytes) -> Json:
    """Answer one line.

    Returns:
        The result, empty where it would come later.

    Raises:
        Refused: The answer is an error.
        WrongAnswer: There is none, more than one, or none that is JSON.
    """
    output = _Answers()
    methods = _Methods(output)
    try:
        answer_line(line, methods, output)
    finally:
        FAULTS.clear()
    if len(output.lines) > 1 or (not output.lines and not methods.deferred):
        raise WrongAnswer(f"{len(output.lines)} answers to one line")
    if not output.lines:
        return {}
    (answer,) = output.lines
    error = answer.get("error")
    if isinstance(error, dict):
        raise Refused(int(error["code"]))
    return cast("Json", answer["result"])


# --- lines to begin with ---


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


@cache
def _x509(initiator: bool) -> Json:
    made, (one, other, _, _) = material(), names()
    key = X25519PrivateKey.from_private_bytes(made.initiator_key if initiator else made.responder_key)
    der = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain = [_base64(made.initiator if initiator else made.responder)]
    return {"kind": "x509", "name": one if initiator else other, "chain": chain, "private_key": _base64(der)}


def _psk(own: str, other: str) -> Json:
    return {"kind": "psk", "id": "k1", "key": _base64(material().psk), "self": own, "other": other}


def _opening() -> Iterator[tuple[str, Json]]:
    """Listening and connecting."""
    one, other, service, _ = names()
    trust: Json = {"kind": "x509", "roots": [_base64(material().root)], "crls": []}
    public = _base64(signing_key("signer").public_key().public_bytes_raw())
    server: Json = {
        "timeouts": {"handshake": 1000, "idle": 60_000},
        "suites": ["Noise_XX_25519_ChaChaPoly_SHA256"],
        "versions": [1, 127],
        "clock": "virtual",
        "mode": "datagram",
        "epoch_bits": 8,
        "roles": {"write": "writer"},
        "signers": [{"name": one, "public": public, "via": [other]}],
        "issuers": [{"name": "issuer", "public": public}],
        "require_token": ["write"],
        "store_capacity": 10,
    }
    yield (
        "listen",
        {
            "service": service,
            "credential": _x509(initiator=False),
            "trust": trust,
            "options": server,
            "peer": one,
        },
    )
    keys = {"kind": "psk", "keys": [_psk(other, one)]}
    yield "listen", {"service": service, "credential": _psk(other, one), "trust": keys}
    address = {"transport": "tcp", "host": "127.0.0.1", "port": 1}
    both: Json = {
        "psk": _psk(one, other),
        "suites": ["Noise_XXpsk3_25519_ChaChaPoly_SHA256"],
        "clock": "system",
    }
    base: Json = {"service": service, "peer": other, "address": address, "trust": trust}
    yield "connect", {**base, "credential": _x509(initiator=True), "options": both}
    yield (
        "connect",
        {**base, "credential": _x509(initiator=True), "address": {"transport": "unix", "path": "/x"}},
    )


def _talking() -> Iterator[tuple[str, Json]]:
    """All other verbs."""
    one, other, _, _ = names()
    message: Json = {
        "conn": _CONN,
        "payload": _base64(b"hello"),
        "lane": "a",
        "label": 1,
        "purpose": "test",
        "schema": 1,
    }
    yield "send", message
    yield "send", {**message, "token": _base64(b"t"), "schema": "12"}
    yield (
        "send",
        {
            **message,
            "kind": "request",
            "operation": "echo",
            "key": _base64(b"k" * 16),
            "deadline_ms": 500,
            "tag": "t",
        },
    )
    key = signing_key("signer").private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    yield (
        "send",
        {**message, "signed": {"key": _base64(key), "from": one, "to": other, "id": _base64(b"i" * 16)}},
    )
    yield "parse", {"parser": "cbor", "data": _base64(b"\xa0")}
    yield "parse", {"parser": "offer", "data": ""}
    yield "describe", {}
    yield "configure", {"action": "step-wall", "ms": -5}
    yield "configure", {"action": "arm", "point": "verify", "what": "raise"}
    counter: Json = {
        "action": "set-counter",
        "conn": _CONN,
        "direction": "send",
        "of": "messages",
        "value": 5,
    }
    yield "configure", counter
    yield "configure", {"action": "cancel", "conn": _CONN, "tag": "t"}
    yield "inspect", {"what": ["metrics", "ledger"]}
    yield "inspect", {"what": ["weather"]}
    yield "nonsense", {}


@cache
def _lines() -> tuple[Json, ...]:
    return tuple(
        {"jsonrpc": "2.0", "id": 7, "method": name, "params": params}
        for name, params in (*_opening(), *_talking())
    )


_LONGEST_LINE = 64


class LineTooLong(Exception):
    """Some line was too long."""

    reason = "too-long"


def read_stream(data: bytes) -> list[bytes]:
    """Cut the driver's input into lines.

    Raises:
        LineTooLong: One of them was replaced by an empty one, which is no request.
        WrongAnswer: They are something else than what lies between line feeds.
    """
    lines = list(Lines(io.BytesIO(data), _LONGEST_LINE))
    expected = [line if len(line.removesuffix(b"\n")) <= _LONGEST_LINE else b"" for line in _cut(data)]
    if lines != expected:
        raise WrongAnswer("lines are something else than what lies between line feeds")
    if b"" in lines:
        raise LineTooLong
    return lines


def _cut(data: bytes) -> list[bytes]:
    """The lines, each with what ends it."""
    *lines, last = data.split(b"\n")
    return [*(line + b"\n" for line in lines), *([last] if last else [])]


def _stream() -> Target:
    lines = Repeat(
        "lines",
        Record(
            "line",
            (
                Until("text", high=70, samples=(b"{}", b"x" * _LONGEST_LINE, b"x" * (_LONGEST_LINE + 1))),
                Const("end", b"\n"),
            ),
        ),
    )
    long = [b"x" * size + b"\n{}\n" for size in (_LONGEST_LINE - 1, _LONGEST_LINE, _LONGEST_LINE + 1, 300)]
    return Target(
        name="sipc.driver.stream",
        title="The driver's input cut into lines: one that is too long costs nothing, and the next one is read.",
        layer="driver",
        parse=read_stream,
        rejects=(LineTooLong,),
        measured=("sipc_driver.rpc",),
        seeds=lambda: [b"", b"{}\n", b"{}\n\n[]", *long],
        tokens=(b"\n", b"\r\n", b"x" * _LONGEST_LINE),
        structure=Schema(lines),
        reach=("sipc_driver.rpc:Lines.__iter__",),
        longest=1024,
    )


def targets() -> Iterator[Target]:
    """Both."""
    yield _stream()
    yield Target(
        name="sipc.driver.lines",
        title="Lines of the driver protocol: each is answered, with a result or an error, whatever it is.",
        layer="driver",
        parse=read_line,
        rejects=(Refused,),
        measured=("sipc_driver",),
        seeds=lambda: [
            *(json.dumps(line).encode() + b"\n" for line in _lines()),
            b"",
            b"[]\n",
            b'{"id":1}\n',
            b"\xff\n",
        ],
        tokens=(
            b'"params"',
            b'"method"',
            b'"parse"',
            b'"send"',
            b'"connect"',
            b'"listen"',
            b"\\ud800",
            b"1e999",
            b"[[[[",
        ),
        structure=JsonStructure(
            _lines(), words=("c1", "x509", "psk", "cbor", 7, [1, 127], "virtual", "datagram")
        ),
        reach=(
            "sipc_driver.rpc:answer_line",
            "sipc_driver.options:parse_options",
            "sipc_driver.options:psk_credential",
            "sipc_driver.credentials:initiator_config",
            "sipc_driver.credentials:responder_config",
            "sipc_driver.parsers:parse",
            "sipc_driver.sending:send",
            "sipc_driver.configuring:configure",
            "sipc_driver.inspecting:inspect",
        ),
        longest=8192,
    )
