"""Targets that two implementations parse: the reference, and the harness's peer, which was written from the page alone.

Where they judge differently one of them is wrong, or docs/sipc1.md is unclear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.differential.pair import Second, both
from ipc_gauntlet.peer import cbor as peer_cbor
from ipc_gauntlet.peer import negotiation as peer_negotiation
from ipc_gauntlet.peer.grammar import wrong_with
from ipc_gauntlet.peer.payloads import PayloadError, chain_of, names_of, unpack
from ipc_gauntlet.peer.records import RecordError, RecordType, check_values, control_map
from sipc import control, envelope, negotiation
from sipc.errors import MalformedError

_NEGOTIATION: dict[int, Callable[[bytes], object]] = {
    peer_negotiation.OFFER: peer_negotiation.Offer.decode,
    peer_negotiation.RETRY: peer_negotiation.Retry.decode,
    peer_negotiation.CHOICE: peer_negotiation.Choice.decode,
    peer_negotiation.REJECT: peer_negotiation.Reject.decode,
}
_CONTROL = {
    "ready": (RecordType.READY, set(range(5))),
    "close": (RecordType.CLOSE, {0, 1, 2}),
    "error": (RecordType.ERROR, {0, 1}),
}


def read_negotiation(data: bytes) -> object:
    """What the peer makes of the negotiation field of a frame.

    Raises:
        NegotiationError: It is none.
    """
    if not data:
        return None
    read = _NEGOTIATION.get(data[4]) if len(data) > 4 else None
    if read is None:
        raise peer_negotiation.NegotiationError("no kind of negotiation data")
    return read(data)


def same_negotiation(mine: object, theirs: object) -> bool:
    """Whether the two read the same fields."""
    if isinstance(mine, negotiation.Offer) and isinstance(theirs, peer_negotiation.Offer):
        low, high = mine.versions
        fields = (low, high, mine.chosen, mine.suites, mine.psk_id, mine.service)
        return fields == (
            theirs.lowest,
            theirs.highest,
            theirs.chosen,
            theirs.suites,
            theirs.psk_id,
            theirs.service,
        )
    if isinstance(mine, negotiation.Reject) and isinstance(theirs, peer_negotiation.Reject):
        read = (mine.highest, mine.code, mine.retry_after_ms)
        return read == (theirs.highest, theirs.code, theirs.retry_after_ms)
    if isinstance(mine, tuple) and isinstance(theirs, peer_negotiation.Retry | peer_negotiation.Choice):
        kind, selection = mine
        named = peer_negotiation.Retry if kind is negotiation.Kind.RETRY else peer_negotiation.Choice
        same = (selection.version, selection.suite) == (theirs.version, theirs.suite)
        return isinstance(theirs, named) and same
    return mine is None and theirs is None


def read_control(name: str) -> Second:
    """What the peer makes of a control record's map."""
    kind, keys = _CONTROL[name]

    def read(data: bytes) -> Mapping[int, object]:
        value = control_map(data, keys)
        check_values(kind, value)
        return value

    return Second("the peer", read, (RecordError,), same_control)


def same_control(mine: object, theirs: Mapping[int, object]) -> bool:
    """Whether the two read the same fields."""
    if isinstance(mine, int):
        return repr(mine) == repr(theirs[0])
    if isinstance(mine, control.Ready):
        fields: tuple[object, ...] = (
            mine.max_message,
            mine.max_inflight,
            mine.rekey_after_records,
            mine.idle_ms,
            list(mine.features),
        )
    elif isinstance(mine, control.Close):
        fields = (mine.reason, mine.sent, mine.processed)
    else:
        return False
    return repr(fields) == repr(tuple(theirs[key] for key in range(len(fields))))


def read_message(data: bytes) -> object:
    """What the grammar of the reference makes of a message; whether it is supported is another question."""
    try:
        return envelope.decode(data).fields
    except envelope.UnsupportedEnvelope as error:
        return error.envelope.fields


def read_grammar(data: bytes) -> object:
    """What the peer makes of a message.

    Raises:
        CborError: It is no deterministic CBOR.
        RecordError: It is not in the grammar.
    """
    fields = peer_cbor.decode(data)
    if not isinstance(fields, dict):
        raise RecordError("a message that is no map")
    if (wrong := wrong_with(fields)) is not None:
        raise RecordError(wrong)
    return fields


def _same_list(mine: Iterable[object], theirs: Iterable[object]) -> bool:
    return repr(list(mine)) == repr(list(theirs))


def targets(known: Mapping[str, Target]) -> Iterator[Target]:
    """All of them.

    Args:
        known: The reference's own targets, by name.
    """
    peer = "ipc_gauntlet.peer"
    decoded = Second("the peer", peer_cbor.decode, (peer_cbor.CborError,))
    yield both(known["sipc.cbor"], decoded, name="differential.cbor", measured=(f"{peer}.cbor",))
    negotiated = Second("the peer", read_negotiation, (peer_negotiation.NegotiationError,), same_negotiation)
    yield both(
        known["sipc.negotiation"],
        negotiated,
        name="differential.negotiation",
        measured=(f"{peer}.negotiation",),
    )
    for name in _CONTROL:
        yield both(
            known[f"sipc.control.{name}"],
            read_control(name),
            name=f"differential.control.{name}",
            measured=(f"{peer}.records", f"{peer}.cbor"),
        )
    for name, read in (("certificates", chain_of), ("names", names_of)):

        def unpacked(data: bytes, read: Callable[[bytes], object] = read) -> object:
            return read(unpack(data))

        yield both(
            known[f"sipc.handshake.payload.{name}"],
            Second("the peer", unpacked, (PayloadError,), _same_list),
            name=f"differential.handshake.{name}",
            measured=(f"{peer}.payloads", f"{peer}.cbor"),
        )
    # It takes what is in the grammar and not supported, which no parser of a driver does.
    message = replace(
        known["sipc.envelope"], parse=read_message, rejects=(MalformedError,), reference_parser=""
    )
    yield both(
        message,
        Second("the peer", read_grammar, (peer_cbor.CborError, RecordError)),
        name="differential.envelope",
        measured=(f"{peer}.grammar", f"{peer}.cbor"),
    )
