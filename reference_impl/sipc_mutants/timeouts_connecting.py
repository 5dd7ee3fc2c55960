"""Defects in the time-outs before a session exists."""

from sipc_mutants.model import Mutant, Patch

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="TIME-01.m1",
        defect="blocking connect",
        patches=(
            Patch(
                module="sipc_runtime.sockets",
                old="    sock.setblocking(False)\n",
                new="    sock.setblocking(True)\n",
            ),
        ),
    ),
    Mutant(
        id="TIME-01.m2",
        defect="WaitNamedPipe default forever: only a time-out that was set counts",
        patches=(
            Patch(
                module="sipc_runtime.client",
                old="    deadline = clock.monotonic() + used.timeouts.connect\n",
                new=(
                    "    set_ = used.timeouts.connect != Settings().timeouts.connect\n"
                    '    deadline = clock.monotonic() + used.timeouts.connect if set_ else float("inf")\n'
                ),
            ),
        ),
    ),
    Mutant(
        id="TIME-01.m3",
        defect="an attempt that found the backlog full starts its time again",
        patches=(
            Patch(
                module="sipc_runtime.sockets",
                old="            pause(_DIAL_STEP_S)\n",
                new=(
                    "            limits = DialLimits(clock.monotonic() + 5.0, limits.cancelled)\n"
                    "            alarm.cancel()\n"
                    "            alarm = clock.call_at(limits.deadline, expired.set)\n"
                    "            pause(_DIAL_STEP_S)\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="TIME-01.m4",
        defect="the attempt fails without saying that it was a time-out",
        patches=(
            Patch(
                module="sipc_runtime.sockets",
                old="                raise ConnectTimeout(",
                new="                raise TransportError(",
            ),
        ),
    ),
    Mutant(
        id="TIME-01.m5",
        defect="the attempt is given up before its time is over",
        patches=(
            Patch(
                module="sipc_runtime.client",
                old="    deadline = clock.monotonic() + used.timeouts.connect\n",
                new="    deadline = clock.monotonic() + used.timeouts.connect * 0.9\n",
            ),
        ),
    ),
    Mutant(
        id="TIME-02.m1",
        defect="timer started at first byte",
        patches=(
            Patch(
                module="sipc.connection",
                old="        self.timers.arm(Timer.HANDSHAKE, now + settings.timeouts.handshake)\n",
                new="",
            ),
            Patch(
                module="sipc.connection",
                old="            self.timers.arm(Timer.FIRST, now + settings.timeouts.first)\n",
                new="            self.timers.clear()\n",
            ),
            Patch(
                module="sipc.connection",
                old="        elif not self._ended:\n            self._advance_handshake(data, now)\n",
                new=(
                    "        elif not self._ended:\n"
                    "            self.timers.arm_earlier(Timer.HANDSHAKE, now + self._settings.timeouts.handshake)\n"
                    "            self._advance_handshake(data, now)\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="TIME-02.m2",
        defect="timer not cancelled, kills a later good session",
        patches=(
            Patch(
                module="sipc.session",
                old="        self._timers.disarm(Timer.HANDSHAKE)\n",
                new="",
            ),
        ),
    ),
    Mutant(
        id="TIME-02.m3",
        defect="a completed step of the handshake gives more time",
        patches=(
            Patch(
                module="sipc.connection",
                old="        outcome = self._handshake.result\n        if outcome is not None:\n",
                new=(
                    "        self.timers.arm(Timer.HANDSHAKE, now + self._settings.timeouts.handshake)\n"
                    "        outcome = self._handshake.result\n        if outcome is not None:\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="TIME-02.m4",
        defect="a stalled connection is dropped but its descriptor is kept",
        patches=(
            Patch(
                module="sipc_runtime.endpoint",
                old="            if self._stream is not None:\n                self._stream.close()\n",
                new=(
                    "            if self._stream is not None and self._connection is not None:\n"
                    "                if self._connection._session is not None:\n"
                    "                    self._stream.close()\n"
                    "                else:\n"
                    "                    _KEPT.append(self._stream)\n"
                ),
            ),
            Patch(
                module="sipc_runtime.endpoint",
                old='T = TypeVar("T")\n',
                new='T = TypeVar("T")\n_KEPT: list[Stream] = []\n',
            ),
        ),
    ),
    Mutant(
        id="TIME-02.m5",
        defect="the last step, the confirmation, has no deadline",
        patches=(
            Patch(
                module="sipc.connection",
                old="        self._session = session\n",
                new="        self._session = session\n        self.timers.disarm(Timer.HANDSHAKE)\n",
            ),
        ),
    ),
    Mutant(
        id="TIME-03.m1",
        defect="handshake inside accept loop",
        patches=(
            Patch(
                module="sipc_runtime.server",
                old="        CONNECTION_THREADS.submit(lambda: self._serve(endpoint))\n",
                new=(
                    "        CONNECTION_THREADS.submit(lambda: self._serve(endpoint))\n"
                    "        while not (endpoint.established or endpoint.over or endpoint.finished.is_set()):\n"
                    "            time.sleep(0.001)\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="TIME-03.m2",
        defect="lock held over recv",
        patches=(
            Patch(
                module="sipc_runtime.endpoint",
                old='T = TypeVar("T")\n',
                new='T = TypeVar("T")\n_HANDSHAKES = threading.Lock()\n',
            ),
            Patch(
                module="sipc_runtime.endpoint",
                old="            data = stream.read(READ_SIZE)\n",
                new=(
                    "            if connection.established:\n"
                    "                data = stream.read(READ_SIZE)\n"
                    "            else:\n"
                    "                with _HANDSHAKES:\n"
                    "                    data = stream.read(READ_SIZE)\n"
                ),
            ),
        ),
    ),
)
