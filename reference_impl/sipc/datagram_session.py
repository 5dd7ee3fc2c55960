"""A session over records that may be lost: what profile D changes in the rules of `sipc.session`.

Rule of this file: a record that is missing is never an error, and a message is delivered at most once. What an
authentic peer does against the rules still ends the session.
"""

from collections.abc import Sequence

from sipc.control import decode_close
from sipc.datagram import DatagramOpener, DatagramSealer
from sipc.errors import LocalError, ProtocolError
from sipc.exchange import UnorderedExchange
from sipc.records import FLAG_FIRST, FLAG_LAST, MAX_PAYLOAD, Record, RecordType
from sipc.session import Phase, Session

_WHOLE = FLAG_FIRST | FLAG_LAST


class DatagramSession(Session):
    """Records and messages of one connection of profile D."""

    _EXCHANGE = UnorderedExchange
    _sealer: DatagramSealer
    _opener: DatagramOpener

    def _make_directions(self) -> None:
        start, bits = self._start, self._settings.epoch_bits
        self._sealer = DatagramSealer(start.outcome.send, bits)
        self._opener = DatagramOpener(start.outcome.receive, bits, start.count)

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes of the peer; see `Session.receive`."""
        self._opener.now = now
        super().receive(data, now)

    def _on_record(self, record: Record, now: float) -> None:
        if self.phase is Phase.CONFIRMING and record.type != RecordType.READY and self._opener.number != 0:
            # READY may still be on its way, or it is lost and this attempt runs into its deadline.
            return
        super()._on_record(record, now)

    def _on_ready(self, flags: int, payload: bytes, now: float) -> None:
        if self._opener.number != 0:
            raise ProtocolError("READY is not the first record")
        super()._on_ready(flags, payload, now)

    def _on_message(self, flags: int, payload: bytes | memoryview, now: float) -> None:
        if flags != _WHOLE:
            raise ProtocolError("a message is in more than one record")
        super()._on_message(flags, payload, now)

    def _on_pong(self, _flags: int, payload: bytes, _now: float) -> None:
        """A PONG settles its PING and the older ones; one that comes too late does nothing."""
        if payload in self._pings:
            while self._pings.popleft() != payload:
                continue

    def _on_rekey(self, _flags: int, _payload: bytes, _now: float) -> None:
        raise ProtocolError("there is no REKEY in profile D")

    def _on_close(self, _flags: int, payload: bytes, now: float) -> None:
        close = decode_close(payload)
        if close.sent < max(self._exchange.received, self._exchange.processed):
            raise ProtocolError(f"CLOSE counts {close.sent} messages, more arrived")
        self._on_counted_close(close, now)

    def _post(self, pieces: Sequence[bytes]) -> None:
        if sum(map(len, pieces)) > MAX_PAYLOAD:
            raise LocalError("the message does not fit one record", reason="limit")
        super()._post(pieces)

    def _rekey_if_due(self) -> None:
        if self._sealer.octets >= self._settings.rekey_after_octets:
            self._sealer.rekey()
