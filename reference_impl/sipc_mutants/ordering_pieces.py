"""Defects in putting messages together, and in what a CLOSE says about them."""

from sipc_mutants.model import Mutant, Patch
from sipc_mutants.ordering_records import UNCOUNTED, UNNUMBERED

_BEGINNING = "        if bool(flags & FLAG_FIRST) == bool(self._parts):\n"
_EMPTY = '        if not payload:\n            raise MalformedError("an empty fragment")\n'
_COUNTED = "        if close.sent != self._exchange.received:\n"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="ORD-04.m1",
        defect="buffers keyed only by direction mix two messages",
        patches=(
            Patch(
                module="sipc.fragments",
                old=_BEGINNING,
                new="        if not flags & FLAG_FIRST and not self._parts:\n",
            ),
        ),
    ),
    Mutant(
        id="ORD-04.m2",
        defect="empty fragments free of charge",
        patches=(Patch(module="sipc.fragments", old=_EMPTY, new=""),),
    ),
    Mutant(
        id="ORD-04.m3",
        defect="other records may lie between the pieces of a message",
        patches=(
            Patch(
                module="sipc.session",
                old="        if self._reassembler.active and kind not in _MAY_INTERRUPT:\n",
                new="        if self._reassembler.active and kind is RecordType.READY:\n",
            ),
        ),
    ),
    Mutant(
        id="ORD-04.m4",
        defect="a piece that is not marked as the first one begins a message",
        patches=(
            Patch(
                module="sipc.fragments",
                old=_BEGINNING,
                new="        if flags & FLAG_FIRST and self._parts:\n",
            ),
        ),
    ),
    Mutant(
        id="ORD-04.m5",
        defect="the pieces are kept when the message is complete",
        patches=(
            Patch(
                module="sipc.fragments",
                old="            self.clear()\n            return message\n",
                new="            self._kept = self._parts or [b'']\n            self.clear()\n            return message\n",
            ),
            Patch(
                module="sipc.fragments",
                old='    __slots__ = ("_length", "_limit", "_parts")\n',
                new="    _kept: list[bytes] = []\n",
            ),
            Patch(
                module="sipc.fragments",
                old=_BEGINNING,
                new=(
                    "        if not flags & FLAG_FIRST and not self._parts:\n"
                    "            self._parts = self._kept\n"
                )
                + _BEGINNING,
            ),
            UNNUMBERED,
        ),
    ),
    Mutant(
        id="ORD-04.m6",
        defect="a message without an end is forgotten when the next one begins",
        patches=(
            Patch(
                module="sipc.fragments",
                old=_BEGINNING,
                new="        if flags & FLAG_FIRST:\n            self.clear()\n" + _BEGINNING,
            ),
        ),
    ),
    Mutant(
        id="ORD-04.m7",
        defect="a piece that comes twice is taken once",
        patches=(
            Patch(
                module="sipc.fragments",
                old=_BEGINNING,
                new="        if self._parts and self._parts[-1] == payload:\n            return None\n"
                + _BEGINNING,
            ),
        ),
    ),
    Mutant(
        id="ORD-08.m1",
        defect="count ignored",
        patches=(UNCOUNTED,),
    ),
    Mutant(
        id="ORD-08.m2",
        defect="data after CLOSE delivered",
        patches=(
            Patch(
                module="sipc.session",
                old="            for record in self._opener.feed(data):\n",
                new="            for record in sorted(self._opener.feed(data), key=lambda one: one.type == RecordType.CLOSE):\n",
            ),
            UNCOUNTED,
        ),
    ),
    Mutant(
        id="ORD-08.m3",
        defect="only a count that is too high is an error",
        patches=(
            Patch(
                module="sipc.session", old=_COUNTED, new="        if close.sent > self._exchange.received:\n"
            ),
        ),
    ),
    Mutant(
        id="ORD-08.m4",
        defect="only a count that is too low is an error",
        patches=(
            Patch(
                module="sipc.session", old=_COUNTED, new="        if close.sent < self._exchange.received:\n"
            ),
        ),
    ),
    Mutant(
        id="ORD-08.m5",
        defect="the count is compared in eight bits",
        patches=(
            Patch(
                module="sipc.session",
                old=_COUNTED,
                new="        if close.sent % 256 != self._exchange.received % 256:\n",
            ),
        ),
    ),
    Mutant(
        id="ORD-08.m6",
        defect="a CLOSE without a count is taken for one that counts nothing amiss",
        patches=(
            Patch(
                module="sipc.control",
                old="    if known != count:\n",
                new=(
                    "    if count == 3:\n"
                    "        fields = {0: 0, 1: None, 2: 0} | fields\n"
                    "    elif known != count:\n"
                ),
            ),
            Patch(
                module="sipc.control",
                old="    return Close(*(_number(fields[key], 0, (1 << 64) - 1) for key in range(3)))\n",
                new="    return Close(*(fields[key] for key in range(3)))\n",
            ),
            Patch(
                module="sipc.session",
                old=_COUNTED,
                new="        if close.sent is not None and close.sent != self._exchange.received:\n",
            ),
        ),
    ),
    Mutant(
        id="ORD-08.m7",
        defect="messages that were never sent may be acknowledged",
        patches=(
            Patch(
                module="sipc.session",
                old="        if close.processed > self._exchange.sent:\n",
                new="        if close.processed > 2**63:\n",
            ),
        ),
    ),
    Mutant(
        id="ORD-08.m8",
        defect="CLOSE is legal before READY",
        patches=(
            Patch(
                module="sipc.session",
                old="        if self.phase not in legal:\n",
                new=(
                    "        if self.phase is Phase.CONFIRMING and kind is RecordType.CLOSE:\n"
                    "            self._events.append(self._start.established)\n"
                    "            self.phase = Phase.OPEN\n"
                    "        if self.phase not in legal:\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="ORD-08.m9",
        defect="messages are still sent after the own CLOSE",
        patches=(
            Patch(
                module="sipc.session",
                old='        if self.phase is not _OPEN:\n            raise LocalError(f"the session',
                new='        if self.phase not in (Phase.OPEN, Phase.DRAINING):\n            raise LocalError(f"the session',
            ),
            Patch(
                module="sipc.session",
                old="        self._sealer.end()\n        self._exchange.muted = True\n",
                new="",
            ),
        ),
    ),
    Mutant(
        id="ORD-08.m10",
        defect="CLOSE counts what was received",
        patches=(
            Patch(
                module="sipc.session",
                old="Close(self._close_reason, self._exchange.sent, self._exchange.processed)",
                new="Close(self._close_reason, self._exchange.processed, self._exchange.processed)",
            ),
        ),
    ),
    Mutant(
        id="ORD-08.m11",
        defect="a message that is not complete yet is forgotten when CLOSE comes",
        patches=(
            Patch(
                module="sipc.session",
                old="        if self._reassembler.active and kind not in _MAY_INTERRUPT:\n",
                new=(
                    "        if self._reassembler.active and kind is RecordType.CLOSE:\n"
                    "            self._reassembler.clear()\n"
                    "        if self._reassembler.active and kind not in _MAY_INTERRUPT:\n"
                ),
            ),
        ),
    ),
)
