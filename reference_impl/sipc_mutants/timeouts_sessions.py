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
    Mutant(
        id="TIME-04.m7",
        defect="silence is never noticed",
        patches=(
            Patch(
                module="sipc.session",
                old="        self._timers.arm(_IDLE, now + self._idle)\n        rule =",
                new="        rule =",
            ),
        ),
    ),
    Mutant(
        id="TIME-07.m1",
        defect="time.time() for timeouts",
        patches=(
            Patch(
                module="sipc_runtime.clock",
                old="        self._wall_offset += seconds\n",
                new="        self._now += seconds\n",
            ),
        ),
    ),
    Mutant(
        id="TIME-07.m2",
        defect="monotonic used for expiry (never expires across suspend)",
        patches=(
            Patch(
                module="sipc_runtime.server",
                old="    def _connection(self, accepted_at: float) -> Connection:\n        wall = self._clock.wall()\n",
                new=(
                    "    def _connection(self, accepted_at: float) -> Connection:\n"
                    "        wall = time.time() + accepted_at - accepted_at\n"
                ),
            ),
            Patch(
                module="sipc_runtime.client",
                old="        wall = clock.wall()\n",
                new="        wall = SYSTEM_CLOCK.wall()\n",
            ),
        ),
    ),
    Mutant(
        id="TIME-07.m3",
        defect="what was once not valid is refused for good",
        patches=(
            Patch(
                module="sipc_runtime.clock",
                old="        self._wall_offset += seconds\n",
                new="        self._wall_offset += max(0.0, seconds)\n",
            ),
        ),
    ),
    Mutant(
        id="TIME-09.m1",
        defect="reader task leaked",
        patches=(
            Patch(
                module="sipc_runtime.endpoint",
                old="        if not self._outbox.size:\n            self._hang_up()\n",
                new=(
                    "        if not self._outbox.size:\n"
                    "            if threading.get_ident() == self._own:\n"
                    "                self._hang_up()\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="TIME-09.m2",
        defect='always reports "failed" although executed',
        patches=(
            Patch(
                module="sipc.exchange",
                old='RequestFailed(mid, "timeout", "deadline_exceeded", Executed.UNKNOWN)',
                new='RequestFailed(mid, "timeout", "deadline_exceeded", Executed.NO)',
            ),
        ),
    ),
    Mutant(
        id="TIME-09.m3",
        defect="a request that never left has an unknown outcome",
        patches=(
            Patch(
                module="sipc_driver.outcomes",
                old="    return _failed(error.reason, Executed.NO, code)\n",
                new="    return _failed(error.reason, Executed.UNKNOWN, code)\n",
            ),
        ),
    ),
    Mutant(
        id="TIME-09.m4",
        defect="a late reply is given to the oldest open request",
        patches=(
            Patch(
                module="sipc.exchange",
                old='                self._out.count("late_reply")\n',
                new=(
                    "                for other in list(self._calls.open)[:1]:\n"
                    "                    self._calls.settle(other)\n"
                    "                    self._emit(ResponseReceived(other, envelope))\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="TIME-09.m5",
        defect="a message whose record took long to arrive is delivered again",
        patches=(
            Patch(
                module="sipc.session",
                old="                for record in self._opener.feed(data):\n                    self._on_record(record, now)\n",
                new=(
                    "                late = now - self._heard > 0.3\n"
                    "                for record in self._opener.feed(data):\n"
                    "                    self._on_record(record, now)\n"
                    "                if late and self._events and hasattr(self._events[-1], 'envelope'):\n"
                    "                    self._events.append(self._events[-1])\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="TIME-10.m1",
        defect="flush forever",
        patches=(
            Patch(
                module="sipc.session",
                old="            self._timers.arm(Timer.DRAIN, now + self._settings.timeouts.drain)\n",
                new="",
            ),
        ),
    ),
    Mutant(
        id="TIME-10.m2",
        defect="hard close loses accepted data silently",
        patches=(
            Patch(
                module="sipc.session",
                old="            self._close_reason = reason\n",
                new=(
                    "            self._close_reason = reason\n"
                    "            self.lingers = False\n"
                    "            self._say_close()\n"
                    '            self._end(How.LOCAL, None, "closed")\n'
                    "            return\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="TIME-10.m3",
        defect="whatever the peer says while this end closes gives it more time",
        patches=(
            Patch(
                module="sipc.session",
                old="        kind, flags, payload = record\n",
                new=(
                    "        kind, flags, payload = record\n"
                    "        if self._timers.is_armed(Timer.DRAIN):\n"
                    "            self._timers.arm(Timer.DRAIN, now + self._settings.timeouts.drain)\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="TIME-11.m1",
        defect="unbounded outbound queue",
        patches=(
            Patch(
                module="sipc_runtime.endpoint",
                old="        while self._outbox.size > HIGH_WATER and full is not _PASS:\n",
                new="        while self._outbox.size > HIGH_WATER << 12 and full is not _PASS:\n",
            ),
        ),
    ),
    Mutant(
        id="TIME-11.m2",
        defect="sendall in the shared thread",
        patches=(
            Patch(
                module="sipc_runtime.writing",
                old="            count = stream.write_some(data)\n        except StreamBroken:\n            # The reader",
                new=(
                    "            count = stream.write_some(data)\n"
                    "            while count < len(data):\n"
                    "                stream.wait_writable()\n"
                    "                count += stream.write_some(memoryview(data)[count:])\n"
                    "        except StreamBroken:\n            # The reader"
                ),
            ),
        ),
    ),
    Mutant(
        id="TIME-11.m3",
        defect="what is blocked stays blocked: writing has no time-out",
        patches=(
            Patch(
                module="sipc.connection",
                old="            self.timers.arm(Timer.WRITE, since + self._settings.timeouts.write)\n",
                new="            self.timers.disarm(Timer.WRITE)\n",
            ),
        ),
    ),
)
