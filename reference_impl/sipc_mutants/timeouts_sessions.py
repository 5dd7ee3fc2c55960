"""Defects in the time-outs of an established session."""

from sipc_mutants.model import Mutant, Patch

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="TIME-04.m1",
        defect="any bytes (unauthenticated) refresh idle timer",
        patches=(
            Patch(
                module="sipc.session",
                old="        if self.phase is not _OPEN and self.phase in _DEAF:\n            return\n",
                new=(
                    "        if self.phase is not _OPEN and self.phase in _DEAF:\n            return\n"
                    "        self._heard = now\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="TIME-04.m2",
        defect="idle timer disabled while a request is pending",
        patches=(
            Patch(
                module="sipc.session",
                old="        if len(self._pings) >= _MOST_PINGS:\n",
                new=(
                    "        if self._exchange.next_deadline() is not None:\n"
                    "            self._heard = now\n"
                    "            self._timers.arm(_IDLE, now + self._idle)\n"
                    "            return\n"
                    "        if len(self._pings) >= _MOST_PINGS:\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="TIME-04.m3",
        defect="an answer to a probe begins a new lifetime",
        patches=(
            Patch(
                module="sipc.session",
                old='            raise ProtocolError("PONG does not answer our PING")\n',
                new=(
                    '            raise ProtocolError("PONG does not answer our PING")\n'
                    "        self._timers.arm(Timer.LIFETIME, _now + self._start.lifetime)\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="TIME-04.m4",
        defect="messages do not count as signs of life",
        patches=(
            Patch(
                module="sipc.session",
                old="                self._heard = now\n                self._exchange.receive",
                new="                self._exchange.receive",
            ),
            Patch(
                module="sipc.session",
                old="        self._heard = now\n        if kind == _MSG and",
                new="        if kind != _MSG:\n            self._heard = now\n        if kind == _MSG and",
            ),
        ),
    ),
    Mutant(
        id="TIME-04.m5",
        defect="an answered probe ends the session all the same",
        patches=(
            Patch(
                module="sipc.session",
                old="        self._timers.disarm(_PROBE)\n        self._timers.arm(_IDLE, now + self._idle)\n",
                new="        self._timers.arm(_IDLE, now + self._idle)\n",
            ),
        ),
    ),
    Mutant(
        id="TIME-04.m6",
        defect="a silent session of a name that was shut out goes on",
        patches=(
            Patch(
                module="sipc_runtime.server",
                old="        for endpoint in ended:\n",
                new="        for endpoint in ended[:0]:\n",
            ),
        ),
    ),
)
