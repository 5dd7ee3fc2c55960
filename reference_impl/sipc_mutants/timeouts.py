"""Defects in time-outs and deadlines."""

from sipc_mutants.model import Mutant, Patch

MUTANTS: tuple[Mutant, ...] = (
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
        ),
    ),
    Mutant(
        id="TIME-05.m1",
        defect="no default deadline",
        patches=(
            Patch(
                module="sipc_driver.sending",
                old='params.get("deadline_ms", conn.default_ms)',
                new='params.get("deadline_ms", 600_000)',
            ),
        ),
    ),
)
