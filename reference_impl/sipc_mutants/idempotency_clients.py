"""Defects in when a client sends again, with which key, and in what a server takes without one."""

from sipc_mutants.model import Mutant, Patch

_RPC = "sipc.rpc"
_RETRY = "sipc_runtime.retry"
_AGAIN = "    return executed is Executed.NO or status is not None or keyed or idempotent\n"
_MADE = "    return SYSTEM_ENTROPY.random(_KEY_BYTES)\n"
_NEW_KEY = "def new_key() -> bytes:\n"
_ATTEMPT = "            outcome = self._attempt(replace(call, budget_ms=remaining * 1000), deadline)\n"


def _made(instead: str, before: str = "") -> tuple[Patch, ...]:
    """Keys are made in another way."""
    made = Patch(module=_RETRY, old=_MADE, new=f"    return {instead}\n")
    return (made, Patch(module=_RETRY, old=_NEW_KEY, new=f"{before}\n\n\n{_NEW_KEY}")) if before else (made,)


MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="IDEM-09.m1",
        defect="retry decorator on everything",
        patches=(Patch(module=_RPC, old=_AGAIN, new="    return True\n"),),
    ),
    Mutant(
        id="IDEM-09.m2",
        defect="GET-like default for unknown methods",
        patches=(
            Patch(
                module="sipc_driver.sending",
                old="        repeatable = operation in REPEATABLE\n",
                new='        repeatable = operation not in {"append", "work", "gated"}\n',
            ),
        ),
    ),
    Mutant(
        id="IDEM-09.m3",
        defect="a server makes up the key that is missing",
        patches=(
            Patch(
                module="sipc_runtime.service",
                old="        if not method.idempotent and envelope.idem is None:\n            raise Refused(Status.IDEM_REQUIRED)\n",
                new='        if envelope.idem is None and method.durable is not None:\n            envelope.fields[6] = __import__("os").urandom(16)\n',
            ),
        ),
    ),
    Mutant(
        id="IDEM-09.m4",
        defect='after the answer "outcome unknown" a request is sent again',
        patches=(Patch(module=_RPC, old="        return keyed\n", new="        return True\n"),),
    ),
    Mutant(
        id="IDEM-09.m5",
        defect="a request that is not answered soon is sent again",
        patches=(
            Patch(module=_RETRY, old=_ATTEMPT, new=_ATTEMPT.replace("* 1000", "* 250")),
            Patch(
                module=_RETRY,
                old='    if outcome.code == "deadline_exceeded":\n        return False\n',
                new='    if outcome.code == "deadline_exceeded":\n        return True\n',
            ),
        ),
    ),
    Mutant(
        id="IDEM-09.m6",
        defect="after an internal error a request is sent again",
        patches=(
            Patch(
                module=_RPC,
                old="RETRYABLE | {Status.OUTCOME_UNKNOWN}:\n",
                new="RETRYABLE | {Status.OUTCOME_UNKNOWN, Status.INTERNAL}:\n",
            ),
        ),
    ),
    Mutant(
        id="IDEM-09.m7",
        defect="a key may have any length",
        patches=(
            Patch(
                module="sipc.envelope", old="Rule(_octets(16, 32), _NONE,", new="Rule(_octets(0, 64), _NONE,"
            ),
        ),
    ),
    Mutant(
        id="IDEM-09.m8",
        defect="a request that was lost with its connection is called not executed",
        patches=(
            Patch(
                module="sipc.exchange",
                old='                self._emit(RequestFailed(mid, reason, "outcome_unknown", Executed.UNKNOWN))\n',
                new='                self._emit(RequestFailed(mid, reason, "not_executed", Executed.NO))\n',
            ),
        ),
    ),
    Mutant(
        id="IDEM-09.m9",
        defect="every request is tried again, asked for or not",
        patches=(
            Patch(
                module="sipc_driver.sending",
                old='    retry = optional_object(params, "retry")\n',
                new=(
                    '    retry = optional_object(params, "retry")\n'
                    '    if retry is None and params.get("tag") is None and conn.dial is not None:\n'
                    '        retry = {"attempts": 2}\n'
                ),
            ),
            Patch(module=_RPC, old=_AGAIN, new="    return True\n"),
        ),
    ),
    Mutant(
        id="IDEM-11.m1",
        defect="new key per attempt",
        patches=(
            Patch(
                module=_RETRY,
                old=_ATTEMPT,
                new="            call = replace(call, idem=call.idem and new_key())\n" + _ATTEMPT,
            ),
        ),
    ),
    Mutant(id="IDEM-11.m2", defect="uuid1", patches=_made('__import__("uuid").uuid1().bytes')),
    Mutant(
        id="IDEM-11.m3",
        defect="RNG cloned by fork: every process makes the same keys",
        patches=_made("_CLONE.randbytes(16)", '_CLONE = __import__("random").Random(1)'),
    ),
    Mutant(
        id="IDEM-11.m4",
        defect="keys are counted up from a random one",
        patches=_made(
            "(_FIRST + next(_NUMBERS)).to_bytes(16)",
            "from itertools import count\n\n_FIRST = int.from_bytes(SYSTEM_ENTROPY.random(15))\n_NUMBERS = count()",
        ),
    ),
    Mutant(
        id="IDEM-11.m5",
        defect="half of the key is the time",
        patches=_made('__import__("time").time_ns().to_bytes(8) + SYSTEM_ENTROPY.random(8)'),
    ),
    Mutant(id="IDEM-11.m6", defect="64 random bits, twice", patches=_made("SYSTEM_ENTROPY.random(8) * 2")),
    Mutant(id="IDEM-11.m7", defect="uuid4: 122 bits", patches=_made('__import__("uuid").uuid4().bytes')),
    Mutant(
        id="IDEM-11.m8",
        defect="the key that a program gives is mixed with the process's own number",
        patches=(
            Patch(
                module="sipc_driver.sending",
                old='    return None if params.get("key") is None else octets(params, "key")\n',
                new=(
                    '    if params.get("key") is None:\n'
                    "        return None\n"
                    '    own = __import__("os").getpid().to_bytes(4)\n'
                    '    return own + octets(params, "key")[4:]\n'
                ),
            ),
        ),
    ),
)
