"""Valid inputs of every format, and some that are not: made of the golden sessions and by the reference itself."""

from __future__ import annotations

from collections.abc import Iterator

from sipc import cbor, control, tokens
from sipc.control import Close, Ready
from sipc.framing import encode_frame, pad
from sipc.handshake_payload import encode_certificates, encode_names
from sipc.negotiation import Offer, Reject, Selection, encode_choice, encode_retry
from sipc_targets.material import ISSUER, golden, material, names, signing_key

Map = dict[int, object]


def handshake_frames() -> Iterator[bytes]:
    """Of the golden sessions."""
    for session in golden()["sessions"]:
        for frame in session["frames"]:
            if "negotiation" in frame:
                yield bytes.fromhex(frame["hex"])


def negotiation() -> list[bytes]:
    """Of the golden sessions, and each kind once."""
    _, _, service, psk_id = names()
    made = (
        b"",
        Offer((1, 127), 1, (0x0001, 0x0002, 0x0A0A), b"", service.encode()).encode(),
        Offer((1, 1), 1, (0x0011,), psk_id.encode(), service.encode()).encode(),
        Offer((1, 255), 200, tuple(range(16)), b"i" * 64, b"s" * 255).encode(),
        encode_retry(Selection(1, 2)),
        encode_choice(Selection(127, 0x0021)),
        Reject(1, 3, 500).encode(),
        Reject(1, 9).encode(),
        b"SIPC\0\1\1\1\1\0\1\0\0",
        b"SIPC\0\2\1\1\1\0\1\0\1s",
        b"SIPC\1\1\0\1\1\0\0",
        b"SIPC\4",
        b"HTTP\0",
    )
    golden_ones = (bytes.fromhex(one["negotiation"]) for one in _golden_frames() if "negotiation" in one)
    return list(dict.fromkeys((*made, *golden_ones)))


def _golden_frames() -> Iterator[dict[str, str]]:
    for session in golden()["sessions"]:
        yield from session["frames"]


def chains() -> list[bytes]:
    """Payloads with certificates."""
    made = material()
    return [
        pad(encode_certificates([made.initiator])),
        pad(encode_certificates([made.responder, made.root, made.root])),
        pad(cbor.encode({1: []})),
    ]


def name_pairs() -> list[bytes]:
    """Payloads with names."""
    one, other, _, _ = names()
    return [pad(encode_names(one, other)), pad(encode_names("", "ü")), pad(cbor.encode({2: "a"}))]


def readies() -> list[bytes]:
    """READY."""
    usual: dict[cbor.Key, cbor.Value] = {0: 1 << 20, 1: 64, 2: 1 << 20, 3: 60_000, 4: []}
    return [
        control.encode_ready(Ready()),
        control.encode_ready(Ready(1 << 10, 1, 2, 1, (0, 7, 65535))),
        cbor.encode({**usual, 64: [[0]]}),
        cbor.encode({**usual, 4: [2, 1]}),
        cbor.encode({**usual, 0: 1023}),
    ]


def closes() -> list[bytes]:
    """CLOSE."""
    return [
        control.encode_close(Close(0, 0, 0)),
        control.encode_close(Close(2, 3, 1 << 40)),
        cbor.encode({0: 0, 1: 0}),
    ]


def errors() -> list[bytes]:
    """ERROR."""
    return [
        control.encode_error(1, b"r" * 8),
        control.encode_error(255, bytes(8)),
        cbor.encode({0: 0, 1: b"r" * 8}),
    ]


def message_maps() -> Iterator[Map]:
    """Messages of each kind, with every key somewhere."""
    yield {0: 1, 1: 0, 2: 0, 4: "app.echo", 7: 30_000, 14: b"hello"}
    yield {0: 1, 1: 2, 2: 0, 4: "app.message", 14: b"hello"}
    yield {0: 1, 1: 1, 2: 0, 3: 0, 14: b"hello", 15: 0}
    yield {0: 1, 1: 1, 2: 0, 3: 0, 15: 4, 16: {0: b"r" * 8, 1: True, 2: 100}}
    yield {0: 1, 1: 3, 2: 1, 3: 0, 13: b"t" * 25}
    full: Map = {
        0: 1,
        1: 0,
        2: 0,
        4: "app.write_file",
        5: 1,
        6: b"k" * 16,
        7: 1000,
        8: 0,
        9: "test",
        10: token(),
        12: b"lane",
    }
    yield {**full, 11: [["who", "what", b"digest"]], 14: {1: [None, "text"]}, 17: [10, 14, 64], 64: b"more"}
    yield {
        0: 1,
        1: 2,
        2: 0,
        4: "app.message",
        17: [18],
        18: "from",
        19: "to",
        20: b"s" * 64,
        21: [b"i" * 16, 5],
    }
    yield {0: 2, 1: 2, 2: 0, 4: "app.message"}
    yield {0: 1, 1: 2, 2: 0, 4: "app.message", 11: [], 17: [11]}
    yield {0: 1, 1: 2, 2: 0, 4: "app.message", 17: [14]}
    yield {0: 1, 1: 4, 2: 0}
    yield {0: 1, 1: 0, 2: 0, 4: "echo", 7: 1}
    yield {0: 1, 1: 0, 2: 0, 4: "app.echo"}


def messages() -> list[bytes]:
    """Their encodings."""
    return [cbor.encode(fields) for fields in message_maps()]  # type: ignore[arg-type]  # all of them are of the subset


def record_bodies() -> list[bytes]:
    """Type, flags and payload of records."""
    fixed = (
        b"\x03\0" + bytes(8),
        b"\x04\0" + bytes(8),
        b"\x05\0",
        b"\x80\xff?",
        b"\x08\0",
        b"\x03\x01" + bytes(8),
    )
    made = [(1, 0, readies()[0]), (6, 0, closes()[0]), (7, 0, errors()[0])]
    made += [(2, flags, message) for message in messages()[:3] for flags in (3, 1)]
    return [*fixed, *(bytes((kind, flags)) + content for kind, flags, content in made)]


def plaintexts() -> list[bytes]:
    """Records before they are sealed."""
    return [*(pad(body) for body in record_bodies()), b"\0\2\5\0", b"\0\1\2\0"]


def claims() -> cbor.Value:
    """Of a token that is good for `app.echo`."""
    one, other, _, _ = names()
    now = int(material().wall)
    return {1: ISSUER, 2: one, 3: other, 4: now + 60, 6: now, 7: b"c" * 16, tokens.OPS: ["app.echo"]}


def token() -> bytes:
    """A token that is good for `app.echo`."""
    made = claims()
    assert isinstance(made, dict)  # noqa: S101 - for the type checker
    return tokens.issue(made, signing_key("issuer").private_bytes_raw())


def frames() -> list[bytes]:
    """Handshake frames, and what other protocols begin with."""
    return [
        *handshake_frames(),
        encode_frame(b"", b""),
        b"\x16\x03\x01\x02\0",
        b"GET / HTTP/1.1\r\n",
        b"\xff" + bytes(8),
    ]
