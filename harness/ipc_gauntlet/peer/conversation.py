"""Messages (docs/sipc1.md, sections 9 and 13 to 15): numbering and making those we send, joining those we hear."""

from __future__ import annotations

from typing import Any

from ipc_gauntlet.peer.cbor import CborError, decode, encode, pairs, wide
from ipc_gauntlet.peer.quirks import EnvelopeQuirks
from ipc_gauntlet.peer.records import FIRST, LAST, RecordError

(
    VER,
    KIND,
    MID,
    CORR,
    METHOD,
    SCHEMA,
    IDEM,
    BUDGET,
    LABEL,
    PURPOSE,
    CAP,
    PROV,
    OKEY,
    TRACE,
    BODY,
    STATUS,
    ERR,
) = range(17)
CRIT, FROM, TO, SIG, ONCE = range(17, 22)
REQUEST, RESPONSE, EVENT, CANCEL = range(4)
KINDS = {REQUEST: "request", RESPONSE: "response", EVENT: "event", CANCEL: "cancel"}

METHOD_PREFIX = "app."
"""Operations of the driver protocol's test application are methods with this prefix."""
EVENT_METHOD = "app.message"
"""What the test application calls its events."""
DEFAULT_BUDGET_MS = 30_000

Fields = dict[int, Any]
"""A message's map."""

NAMES = {
    name: number
    for number, name in enumerate(
        [
            "ver",
            "kind",
            "mid",
            "corr",
            "method",
            "schema",
            "idem",
            "budget",
            "label",
            "purpose",
            "cap",
            "prov",
            "okey",
            "trace",
            "body",
            "status",
            "err",
            "crit",
            "from",
            "to",
            "sig",
            "once",
        ]
    )
}
"""The keys of a message by the names of section 13."""


class Outbound:
    """Makes messages.

    Args:
        quirks: How they are spoiled.
    """

    def __init__(self, quirks: EnvelopeQuirks) -> None:
        self.next_mid = quirks.first_mid
        self.sent = 0
        self.requests: dict[int, Fields] = {}
        self._quirks = quirks

    def encode(self, fields: Fields) -> bytes:
        """Number a message, fill in what it lacks, and encode it.

        Args:
            fields: Its map; `ver` and `mid` are added unless they are there. A key whose value is `...` is left out.
        """
        complete: Fields = {VER: 1, MID: self.next_mid, **fields}
        complete = {
            key: one for key, one in complete.items() if one is not ... and key not in self._quirks.without
        }
        self.next_mid += self._quirks.mid_step
        self.sent += 1
        mid = complete.get(MID)
        if complete.get(KIND) == REQUEST and isinstance(mid, int):
            self.requests[mid] = complete
        if self._quirks.wide:
            complete = {key: _widened(one) for key, one in complete.items()}
        if self._quirks.descending:
            return encode(pairs(sorted(complete.items(), reverse=True)))
        return encode(complete)

    def response(self, corr: int, status: int, body: object, more: Fields) -> Fields:
        """The map of a response."""
        fields: Fields = {
            KIND: RESPONSE,
            CORR: corr + self._quirks.corr_off,
            STATUS: status,
            LABEL: 0,
            **more,
        }
        return {**fields, BODY: body} if status == 0 else fields


def request(method: str, body: object, more: Fields) -> Fields:
    """The map of a request."""
    return {KIND: REQUEST, METHOD: method, BUDGET: DEFAULT_BUDGET_MS, BODY: body, **more}


def event(body: object, more: Fields) -> Fields:
    """The map of an event of the test application."""
    return {KIND: EVENT, METHOD: EVENT_METHOD, BODY: body, **more}


class Inbound:
    """Joins fragments and checks the numbers of what the other side sends.

    Attributes:
        received: How many messages came; the number of the next one.
        highest: The highest number that came.
        misnumbered: What is wrong with the number of the last message; empty for nothing. The message is heard all the
            same: whoever gives numbers wrongly must be seen doing it.
    """

    def __init__(self, *, ordered: bool) -> None:
        self.misnumbered = ""
        self.received = 0
        self.highest = -1
        self.partial: bytearray | None = None
        self._ordered = ordered

    def fragment(self, flags: int, payload: bytes) -> Fields | None:
        """Take one MSG record; a message when it is complete.

        Raises:
            RecordError: The fragments, the encoding or the number break a rule.
        """
        if flags & ~(FIRST | LAST) or not payload:
            raise RecordError("MSG with an undefined flag, or without a byte")
        if bool(flags & FIRST) == (self.partial is not None):
            raise RecordError("MSG out of turn: FIRST inside of a message, or none at its start")
        self.partial = (self.partial or bytearray()) + payload
        if not flags & LAST:
            return None
        whole, self.partial = bytes(self.partial), None
        return self._message(whole)

    def _message(self, whole: bytes) -> Fields:
        try:
            fields = decode(whole)
        except CborError as problem:
            raise RecordError(f"a message that is no deterministic CBOR: {problem}") from problem
        if not isinstance(fields, dict) or not isinstance(fields.get(MID), int):
            raise RecordError("a message that is no map, or has no number")
        mid = fields[MID]
        expected = self.received
        self.received += 1
        self.highest = max(self.highest, mid)
        self.misnumbered = (
            f"message number {mid} instead of {expected}" if self._ordered and mid != expected else ""
        )
        return fields


def _widened(value: object) -> object:
    return wide(value) if isinstance(value, int) and not isinstance(value, bool) else value
