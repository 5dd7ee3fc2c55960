"""Sessions to begin with: one for each thing that can happen, and one for each fault."""

from __future__ import annotations

from collections.abc import Iterator

from ipc_gauntlet.peer import cbor
from sipc_targets import seeds
from sipc_targets.session_steps import FAULTS, SESSION

Steps = list[tuple[str, bytes]]
TOKENS = (b"\xa5\0\1\1", b"\xa6\0\1\1", b"app.echo", b"\x0e\x45hello", b"\0\5\2", b"\1\0\xa5", b"\6\0\xa3")

_READY: Steps = [("ready", b"")]
_EVENT = b"\1" + cbor.encode({0: 1, 1: 2, 2: 0, 4: "app.message", 14: b"hello"})
_CLOSE_FIVE, _CLOSE_NONE = cbor.encode({0: 0, 1: 0, 2: 5}), cbor.encode({0: 0, 1: 0, 2: 0})
_REQUEST = b"\1" + cbor.encode({0: 1, 1: 0, 2: 0, 4: "app.echo", 7: 1000, 14: b"hello"})


def _named(fields: dict[int, object]) -> bytes:
    return b"\1" + cbor.encode(fields)


def _scenes() -> Iterator[Steps]:
    yield [
        ("message", _EVENT),
        ("message", _REQUEST),
        ("answer", b"\0done"),
        ("close", b""),
        ("close_here", b""),
    ]
    yield [("message", _REQUEST), ("answer", b"\4"), ("message", _named({0: 1, 1: 3, 2: 0, 3: 0}))]
    yield [("message", _REQUEST), ("message", _named({0: 1, 1: 3, 2: 0, 3: 0})), ("wait", b"\xff\xff")]
    yield [("message", _REQUEST), ("wait", b"\x10\0"), ("end_of_stream", b"")]
    yield [("send_request", b"\x10\0hello"), ("respond_to", b"\0\0"), ("respond_to", b"\0\0")]
    yield [
        ("send_request", b"\0\5hello"),
        ("wait", b"\0\x10"),
        ("respond_to", b"\0\0"),
        ("close_here", b""),
        ("close", b""),
    ]
    yield [("send_request", b"\x10\0x"), ("send_request", b"\x10\0x"), ("cancel", b"\0\0"), ("close", b"")]
    yield [
        ("send_request", b"\x10\0x"),
        ("message", _named({0: 1, 1: 1, 2: 0, 3: 0, 15: 0, 18: "f", 19: "t"})),
    ]
    yield [
        ("rekey", b""),
        ("message", _EVENT),
        ("rekey_here", b""),
        ("send_event", b"x"),
        ("ping", b"12345678"),
    ]
    yield [("fragments", b"\0\4" + _EVENT[1:]), ("pieces", b"\0\1"), ("fragments", b"\0\x10" + _REQUEST[1:])]
    yield [("wait", b"\xff\xff"), ("pong", b""), ("wait", b"\xff\xff"), ("due", b""), ("due", b"")]
    yield [("blocked", b"\0\1"), ("wait", b"\xff\xff")]
    yield [("set_counter", b"\0\2\1"), ("send_event", b"a"), ("send_event", b"b"), ("send_event", b"c")]
    yield [("abort_here", b"")]
    yield [("expel_here", b"")]
    yield [("error", b"\xa2\0\1\1\x48rrrrrrrr")]
    yield [("raw", b"\0\x20" + bytes(32))]
    yield [("raw", b"\0"), ("message", _EVENT)]
    yield [("body", b"\2\1" + _EVENT[1:6]), ("wait", b"\xff\xff"), ("due", b"")]
    yield [("close_here", b""), ("message", _REQUEST), ("close", b"")]
    yield [("message", _REQUEST), ("close", b""), ("answer", b"\0x")]
    yield [("message", _REQUEST), ("close_here", b""), ("wait", b"\xff\xff")]
    yield [("message", _REQUEST)] * 10
    yield [("send_event", b"x")] * 6
    yield [("message", b"\0" + _EVENT[1:])] * 2
    yield [("body", b"\6\0" + _CLOSE_FIVE)]
    yield [("send_request", b"\x10\0x"), ("body", b"\6\0" + _CLOSE_NONE)]
    yield [("message", _REQUEST), ("close", b""), ("end_of_stream", b"")]
    yield [("wait", b"\xea\x60"), ("message", _EVENT)] * 9
    yield [
        ("wait", b"\xea\x60"),
        ("message", _EVENT),
        ("wait", b"\xea\x60"),
        ("body", b"\4\0" + (1).to_bytes(8)),
    ]
    yield [("large", b"\x40\0"), ("large", b"\xfd\xe8"), ("pieces", b"\0\x3f"), ("large", b"\x50\0")]
    yield [("send_large", b"\x80\0"), ("send_large", b"\x0f\xff"), ("close_here", b""), ("close", b"")]


def sessions() -> Iterator[bytes]:
    """Lists of steps."""
    for at, scene in enumerate(_scenes()):
        yield SESSION.encode([*_READY, *scene], bytes((at % 5, (0, 2, 1, 4)[at % 4])))
        yield SESSION.encode([*_READY, *scene], bytes((at % 5, 24)))
    for at, fault in enumerate(FAULTS):
        before: Steps = [
            *_READY,
            ("message", _EVENT),
            ("rekey", b""),
            ("send_event", b"x"),
            ("ping", b"12345678"),
        ]
        yield SESSION.encode([*before, (fault.name, b"\0\2"), ("message", _EVENT)], bytes((at % 5, 0)))
        yield SESSION.encode([(fault.name, b"\0\2"), *_READY], bytes((at % 5, 0)))
        yield SESSION.encode([*_READY, (fault.name, b"\0\2"), ("message", _EVENT)], bytes((at % 5, 0)))
    bodies = [("body", body) for body in seeds.record_bodies()]
    yield from (SESSION.encode([*_READY, one], b"\0\0") for one in bodies)
    yield from (SESSION.encode([*_READY, ("message", b"\1" + one)], b"\1\4") for one in seeds.messages())
    yield from (SESSION.encode([one], b"\0\0") for one in bodies[:2])
