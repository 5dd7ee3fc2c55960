"""Defects in reading and writing a stream whose pieces say nothing."""

from sipc_mutants.model import Mutant, Patch

_REST = "        if start < end:\n            self._pieces.append(buffer[start:])\n            self._missing = self._missing or 1\n"
_YIELDED = "            start = stop\n            yield record\n"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="ORD-09.m1",
        defect="recv() == one message",
        patches=(
            # What is behind the first record of a read is forgotten.
            Patch(module="sipc.records", old=_YIELDED, new=_YIELDED + "            return\n"),
        ),
    ),
    Mutant(
        id="ORD-09.m2",
        defect="short read dropped",
        patches=(Patch(module="sipc.records", old=_REST, new="        self._missing = 0\n"),),
    ),
    Mutant(
        id="ORD-09.m3",
        defect="message-mode pipe assumed",
        patches=(
            # A read that holds more or less than one record is an error.
            Patch(
                module="sipc.records",
                old=_YIELDED + "            if self.has_ended():\n                return\n",
                new=_YIELDED
                + (
                    "            if self.has_ended():\n"
                    "                return\n"
                    "            if start < end:\n"
                    '                raise ProtocolError("more than one record in a read")\n'
                ),
            ),
        ),
    ),
    Mutant(
        id="ORD-09.m4",
        defect="what a short write leaves is dropped",
        patches=(
            Patch(
                module="sipc_runtime.outbox",
                old="        if count < len(chunk):\n            self._chunks.appendleft((chunk[count:], since))\n        self.size -= count\n",
                new="        self.size -= len(chunk)\n",
            ),
        ),
    ),
    Mutant(
        id="ORD-09.m5",
        defect="the first byte of a length is lost when the second one comes later",
        patches=(
            Patch(
                module="sipc.records",
                old="        if start < end:\n            self._pieces.append(",
                new="        if start + 1 < end:\n            self._pieces.append(",
            ),
        ),
    ),
)
