"""What the targets do with inputs before they parse them: signing again, putting numbers right, cutting in pieces."""

import json
from collections.abc import Iterator

import pytest

from ipc_gauntlet.fuzz.execute import execute
from sipc import cbor, framing, signing, tokens
from sipc.errors import AuthenticationError, MalformedError
from sipc_targets import TARGETS, credentials, driver, grants, seeds, streams, violations
from sipc_targets.material import material

BY_NAME = {target.name: target for target in TARGETS}


def test_claims_are_signed_whatever_they_say() -> None:
    """So that a mutator gets behind the signature."""
    good = seeds.claims()
    assert isinstance(good, dict)
    assert grants.read_claims(cbor.encode(good)) == good
    with pytest.raises(AuthenticationError, match="another operation"):
        grants.read_claims(cbor.encode({**good, tokens.OPS: ["a.b"]}))
    with pytest.raises(MalformedError):
        grants.read_claims(b"\xff")


def test_messages_are_signed_where_they_have_a_signature() -> None:
    """And left alone where they have none."""
    inputs = list(BY_NAME["sipc.signing"].seeds())
    claim = grants.read_signed(inputs[0])
    assert claim is not None
    assert claim.ident == b"i" * 16
    assert grants.signed_message(b"\xff") == b"\xff"
    assert grants.read_signed(seeds.messages()[0]) is None


def test_a_signature_that_covers_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The body can be another one."""
    monkeypatch.setattr(signing, "signed_octets", lambda fields: b"nothing")
    execution = execute(BY_NAME["sipc.signing"], next(iter(BY_NAME["sipc.signing"].seeds())))
    assert execution.finding is not None
    assert execution.finding.error == violations.ForgedAccepted.__name__


def test_certificates_are_signed_again() -> None:
    """With the content as it is; what is no certificate stays as it is."""
    made = material()
    assert credentials.resigned(made.initiator, made.authority) == made.initiator
    assert credentials.resigned(b"\x30\x80", made.authority) == b"\x30\x80"
    assert credentials.resigned(b"", made.authority) == b""
    changed = made.initiator.replace(b"app/alice", b"app/bobby")
    path = credentials.PATH.encode([("certificate", b"\0" + changed)])
    assert credentials.read_path(path).name.endswith("app/bobby")
    unsigned = credentials.PATH.encode([("certificate", b"\2" + changed)])
    with pytest.raises(AuthenticationError):
        credentials.read_path(unsigned)


def test_a_reader_that_depends_on_pieces_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame that is only seen when it comes at once."""
    usual = framing.FrameReader.feed

    def hasty(self: framing.FrameReader, data: bytes) -> tuple[bytes, bytes] | None:
        return usual(self, data) if len(data) != 1 else None

    monkeypatch.setattr(framing.FrameReader, "feed", hasty)
    frame = framing.encode_frame(b"", b"message")
    with pytest.raises(violations.SegmentationMatters):
        streams.read_frames(b"\0" + frame)


def test_records_behind_a_fault_that_are_yielded_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame that is not authentic is left out, and the stream goes on."""
    from sipc.records import RecordOpener

    usual = RecordOpener._decrypt

    def deaf(self: RecordOpener, sealed: bytes | memoryview) -> bytes:
        try:
            return usual(self, sealed)
        except Exception:  # noqa: BLE001 - as if it had been a PING
            return b"\0\x0a\3\0" + bytes(60)

    monkeypatch.setattr(RecordOpener, "_decrypt", deaf)
    target = BY_NAME["sipc.records.sealed"]
    kinds = {
        found.finding.error for found in (execute(target, seed) for seed in target.seeds()) if found.finding
    }
    assert violations.FaultAccepted.__name__ in kinds


def test_lines_are_answered_once() -> None:
    """A result, an error by its code, or nothing for a request that is answered later."""
    lines = [
        json.loads(seed) for seed in BY_NAME["sipc.driver.lines"].seeds() if seed.startswith(b'{"jsonrpc"')
    ]
    verbs = {line["method"] for line in lines}
    assert verbs == {"listen", "connect", "send", "parse", "describe", "configure", "inspect", "nonsense"}
    with pytest.raises(driver.Refused) as refused:
        driver.read_line(b'{"method": "nonsense"}')
    assert refused.value.reason == "-32601"
    assert (
        driver.read_line(b'{"method": "parse", "params": {"parser": "cbor", "data": "oA=="}}')["accepted"]
        is True
    )


def test_a_driver_that_answers_twice_or_never_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are against its protocol."""
    for answer in (lambda line, methods, output: None, twice):
        monkeypatch.setattr(driver, "answer_line", answer)
        with pytest.raises(violations.WrongAnswer):
            driver.read_line(b"{}")


def twice(_line: bytes, _methods: object, output: driver.Output) -> None:
    """Answer two times."""
    output.result(1, {})
    output.result(1, {})


@pytest.mark.parametrize("lost", [0, 1])
def test_lines_that_are_cut_wrongly_are_found(lost: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One is lost, or the rest of one that is too long is read as another one."""
    usual = driver.Lines.__iter__

    def cut(self: driver.Lines) -> Iterator[bytes]:
        lines = list(usual(self))
        yield from lines[1:] if lost else [*lines, b"rest"]

    monkeypatch.setattr(driver.Lines, "__iter__", cut)
    with pytest.raises(violations.WrongAnswer):
        driver.read_stream(b"a\nb\n")
