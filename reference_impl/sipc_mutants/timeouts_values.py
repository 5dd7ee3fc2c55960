"""Defects in what is made of times that a peer says."""

from sipc_mutants.model import Mutant, Patch

_DEADLINE = "        deadline = now + envelope.budget_ms / 1000\n"
_RANGE = "    Field.BUDGET: Rule(_uint(1, MAX_BUDGET_MS), _REQUEST, _REQUEST),\n"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="TIME-08.m1",
        defect="ms/s confusion",
        patches=(Patch(module="sipc.exchange", old=_DEADLINE, new=_DEADLINE.replace(" / 1000", "")),),
    ),
    Mutant(
        id="TIME-08.m2",
        defect="OverflowError kills the loop",
        patches=(
            Patch(module="sipc.envelope", old=_RANGE, new=_RANGE.replace("MAX_BUDGET_MS", "(1 << 64) - 1")),
            Patch(
                module="sipc.exchange",
                old=_DEADLINE,
                new=(
                    "        from datetime import timedelta\n\n"
                    "        deadline = now + timedelta(milliseconds=envelope.budget_ms).total_seconds()\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="TIME-08.m3",
        defect="a budget of zero means for ever",
        patches=(
            Patch(module="sipc.envelope", old=_RANGE, new=_RANGE.replace("(1,", "(0,")),
            Patch(
                module="sipc.exchange",
                old=_DEADLINE,
                new='        deadline = now + (envelope.budget_ms / 1000 or float("inf"))\n',
            ),
        ),
    ),
    Mutant(
        id="TIME-08.m4",
        defect="an idle time of any length is taken",
        patches=(
            Patch(
                module="sipc.control",
                old="idle_ms=_number(fields[3], 1, _DAY_MS)",
                new="idle_ms=_number(fields[3], 0, 1 << 64)",
            ),
        ),
    ),
    Mutant(
        id="TIME-08.m5",
        defect="a limit for keys below two is taken",
        patches=(
            Patch(
                module="sipc.control",
                old="_number(fields[2], 2, 1 << 32)",
                new="_number(fields[2], 0, 1 << 32)",
            ),
        ),
    ),
    Mutant(
        id="TIME-08.m6",
        defect="a pause of any length is taken",
        patches=(
            Patch(
                module="sipc.envelope",
                old="    2: _uint(0, MAX_BUDGET_MS),\n",
                new="    2: _uint(0, (1 << 64) - 1),\n",
            ),
        ),
    ),
    Mutant(
        id="TIME-08.m7",
        defect="a refusal with a long pause is waited out before it is one",
        patches=(
            Patch(
                module="sipc.handshake_initiator",
                old="        reject = Reject.parse(negotiation)\n",
                new=(
                    "        reject = Reject.parse(negotiation)\n"
                    "        if reject.retry_after_ms > 60_000:\n"
                    "            return State.OFFERED\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="TIME-08.m8",
        defect="a pause between attempts may be longer than the deadline",
        patches=(
            Patch(
                module="sipc_runtime.retry",
                old="                if self._clock.monotonic() + pause >= deadline:\n                    break\n",
                new="",
            ),
            Patch(
                module="sipc_runtime.retry",
                old="min(deadline, self._clock.monotonic() + pause)",
                new="deadline + 600 + pause",
            ),
        ),
    ),
)
