"""The reference's parsers, one by one: what they accept, and what they make of it."""

from collections.abc import Callable

from sipc import cbor, certificates, control, envelope, negotiation, records
from sipc.errors import SipcError
from sipc_driver.rpc import UNSUPPORTED, Json, RpcError, encoded


def parse(parser: str, data: bytes) -> Json:
    """The result of the method `parse`.

    Raises:
        RpcError: There is no such parser.
    """
    read = PARSERS.get(parser)
    if read is None:
        raise RpcError(UNSUPPORTED, f"there is no parser {parser}")
    try:
        return {"accepted": True, "value": read(data)}
    except SipcError as error:
        return {"accepted": False, "reason": error.reason}


def _offer(data: bytes) -> Json:
    offer = negotiation.Offer.parse(data)
    return {
        "versions": list(offer.versions),
        "chosen": offer.chosen,
        "suites": list(offer.suites),
        "psk_id": encoded(offer.psk_id),
        "service": encoded(offer.service),
    }


def _negotiation(data: bytes) -> Json:
    kind = negotiation.kind_of(data)
    value: Json = {"kind": kind.name.lower()}
    if kind is negotiation.Kind.OFFER:
        value |= _offer(data)
    elif kind is negotiation.Kind.REJECT:
        reject = negotiation.Reject.parse(data)
        value |= {"highest": reject.highest, "code": reject.code, "retry_after_ms": reject.retry_after_ms}
    elif kind is not negotiation.Kind.NONE:
        read = negotiation.parse_retry if kind is negotiation.Kind.RETRY else negotiation.parse_choice
        selection = read(data)
        value |= {"version": selection.version, "suite": selection.suite}
    return value


def _certificate(data: bytes) -> Json:
    certificate = certificates.load(data)
    return {
        "uris": list(certificate.uris),
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
        "unknown_critical": certificate.unknown_critical,
    }


def _cbor(data: bytes) -> str:
    return encoded(cbor.encode(cbor.decode(data)))


def _envelope(data: bytes) -> str:
    return encoded(envelope.encode(envelope.decode(data)))


def _record(data: bytes) -> Json:
    record = records.parse_plaintext(data)
    return {"type": int(record.type), "flags": record.flags, "payload": encoded(bytes(record.payload))}


def _ready(data: bytes) -> Json:
    ready = control.decode_ready(data)
    return {
        "max_message": ready.max_message,
        "max_inflight": ready.max_inflight,
        "rekey_after_records": ready.rekey_after_records,
        "idle_ms": ready.idle_ms,
        "features": list(ready.features),
    }


def _close(data: bytes) -> Json:
    close = control.decode_close(data)
    return {"reason": close.reason, "sent": close.sent, "processed": close.processed}


PARSERS: dict[str, Callable[[bytes], object]] = {
    "offer": _offer,
    "negotiation": _negotiation,
    "certificate": _certificate,
    "cbor": _cbor,
    "envelope": _envelope,
    "record": _record,
    "ready": _ready,
    "close": _close,
}
"""Each parser's value is plain JSON; where a value has one encoding, that encoding in base64."""
