"""Defects in telling whose answer an answer is."""

from sipc_mutants.model import Mutant, Patch

_STRANGER = (
    "        if mid not in self._abandoned:\n"
    '            raise ProtocolError(f"a response to {mid}, which is not an open request")\n'
)
_ANSWERED = (
    "            if self._calls.settle(envelope.corr):\n"
    "                self._emit(ResponseReceived(envelope.corr, envelope))\n"
)
_NUMBERED = (
    "            mid = self.sent\n"
    "            self._post(shapes.request(mid, method, clamp_budget(call.budget_ms), body))\n"
    "            self.sent = mid + 1\n"
)


def _answers(number: str) -> Patch:
    """Responses are given to another request than the one they name."""
    return Patch(
        module="sipc.exchange",
        old=_ANSWERED,
        new=(
            f"            corr = {number}\n"
            "            if self._calls.settle(corr):\n"
            "                self._emit(ResponseReceived(corr, envelope))\n"
        ),
    )


MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="ORD-05.m1",
        defect="FIFO matching",
        patches=(_answers("next(iter(self._calls.open), envelope.corr)"),),
    ),
    Mutant(
        id="ORD-05.m2",
        defect="dict.pop default to last",
        patches=(
            _answers(
                "envelope.corr if envelope.corr in self._calls.open else next(reversed(self._calls.open), envelope.corr)"
            ),
        ),
    ),
    Mutant(
        id="ORD-05.m3",
        defect="an answer that nobody asked for is dropped, and the session goes on",
        patches=(
            Patch(
                module="sipc.rpc",
                old=_STRANGER,
                new="        if mid not in self._abandoned:\n            return False\n",
            ),
        ),
    ),
    Mutant(
        id="ORD-05.m4",
        defect="the number of an answer is looked at in eight bits",
        patches=(_answers("envelope.corr & 0xFF"),),
    ),
    Mutant(
        id="ORD-05.m5",
        defect="whatever carries the number of an open request is its answer, of whatever kind",
        patches=(
            Patch(
                module="sipc.envelope",
                old="    Field.CORR: Rule(_uint(0, MAX_UINT), _ANSWERS, _ANSWERS),\n",
                new="    Field.CORR: Rule(_uint(0, MAX_UINT), frozenset(Kind), _ANSWERS),\n",
            ),
            Patch(
                module="sipc.exchange",
                old="        kind = envelope.kind\n        if kind is _EVENT:\n",
                new=(
                    "        kind = envelope.kind\n"
                    "        if envelope.fields.get(_CORR) in self._calls.open:\n"
                    "            kind = _ANSWER\n"
                    "        if kind is _EVENT:\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="ORD-05.m6",
        defect="answers are given in the order of the requests, whichever is ready",
        patches=(
            Patch(
                module="sipc.exchange",
                old="        if not self._owed.settle(mid):\n            return False\n        try:\n",
                new=(
                    "        mid = next(iter(self._owed.open), mid)\n"
                    "        if not self._owed.settle(mid):\n"
                    "            return False\n"
                    "        try:\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="ORD-06.m1",
        defect="id wraps at 2^16",
        patches=(
            Patch(
                module="sipc.exchange",
                old=_NUMBERED,
                new=_NUMBERED.replace("mid = self.sent\n", "mid = self.sent & 0xFFFF\n"),
            ),
        ),
    ),
    Mutant(
        id="ORD-06.m2",
        defect="slot index as id",
        patches=(
            Patch(
                module="sipc.exchange",
                old=_NUMBERED,
                new=(
                    "            mid = next(slot for slot in range(65536) if slot not in self._calls.open)\n"
                    "            self._post(shapes.request(mid, method, clamp_budget(call.budget_ms), body))\n"
                    "            self.sent += 1\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="ORD-06.m3",
        defect="a late answer is given to the request that is waiting now",
        patches=(
            Patch(
                module="sipc.exchange",
                old=_ANSWERED,
                new=(
                    "            if self._calls.settle(envelope.corr):\n"
                    "                self._emit(ResponseReceived(envelope.corr, envelope))\n"
                    "            elif self._calls.open:\n"
                    "                corr = next(iter(self._calls.open))\n"
                    "                self._calls.settle(corr)\n"
                    "                self._emit(ResponseReceived(corr, envelope))\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="ORD-06.m4",
        defect="a request that was given up can be answered any number of times",
        patches=(Patch(module="sipc.rpc", old="        self._abandoned.remove(mid)\n", new=""),),
    ),
    Mutant(
        id="ORD-06.m5",
        defect="an answer has the number of its request",
        patches=(
            Patch(
                module="sipc.exchange",
                old="            self._post(shapes.response(sent, mid, body))\n",
                new="            self._post(shapes.response(mid, mid, body))\n",
            ),
        ),
    ),
)
