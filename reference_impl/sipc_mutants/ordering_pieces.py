"""Defects in putting messages together, and in what a CLOSE says about them."""

from sipc_mutants.model import Mutant, Patch
from sipc_mutants.ordering_records import UNNUMBERED

_BEGINNING = "        if bool(flags & FLAG_FIRST) == bool(self._parts):\n"
_EMPTY = '        if not payload:\n            raise MalformedError("an empty fragment")\n'

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
)
