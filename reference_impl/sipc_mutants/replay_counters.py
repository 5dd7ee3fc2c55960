"""Defects at the ends of counters."""

from sipc_mutants.model import Mutant, Patch
from sipc_mutants.replay_parts import UNNUMBERED

_NEXT_SEALED = "        self.nonce = nonce + 1\n        return ciphertext\n"
_NEXT_OPENED = "        self.nonce = nonce + 1\n        return plaintext\n"
_ALWAYS_ROOM = Patch(
    module="sipc.records",
    old="        return RESERVED_NONCE - self._cipher.nonce\n",
    new="        return max(3, RESERVED_NONCE - self._cipher.nonce)\n",
)


def _counting(following: str) -> tuple[Patch, Patch]:
    """Another way to get the next number, for what is sealed and for what is opened."""
    return (
        Patch(
            module="sipc.noise",
            old=_NEXT_SEALED,
            new=f"        self.nonce = {following}\n        return ciphertext\n",
        ),
        Patch(
            module="sipc.noise",
            old=_NEXT_OPENED,
            new=f"        self.nonce = {following}\n        return plaintext\n",
        ),
    )


MUTANTS: tuple[Mutant, ...] = (
    Mutant(id="REPL-07.m1", defect="32-bit wrap", patches=_counting("(nonce + 1) & 0xFFFFFFFF")),
    Mutant(
        id="REPL-07.m2",
        defect="saturating counter reuses last n",
        patches=(*_counting("min(nonce + 1, RESERVED_NONCE - 1)"), _ALWAYS_ROOM, UNNUMBERED),
    ),
    Mutant(
        id="REPL-07.m3",
        defect="the reserved number is used for data",
        patches=(
            Patch(
                module="sipc.noise",
                old=(
                    "        if nonce >= RESERVED_NONCE:\n"
                    '            raise LocalError("all nonces of this key are used up", reason="limit")\n'
                ),
                new=(
                    "        if nonce > RESERVED_NONCE:\n"
                    '            raise LocalError("all nonces of this key are used up", reason="limit")\n'
                ),
            ),
            Patch(
                module="sipc.records",
                old="        return RESERVED_NONCE - self._cipher.nonce\n",
                new="        return RESERVED_NONCE + 1 - self._cipher.nonce\n",
            ),
        ),
    ),
    Mutant(
        id="REPL-07.m4",
        defect="a record under the reserved number is taken",
        patches=(
            Patch(
                module="sipc.noise",
                old=(
                    "        if nonce >= RESERVED_NONCE:\n"
                    '            raise LimitError("all nonces of this key are used up")\n'
                ),
                new=(
                    "        if nonce > RESERVED_NONCE:\n"
                    '            raise LimitError("all nonces of this key are used up")\n'
                ),
            ),
        ),
    ),
    Mutant(
        id="REPL-07.m5",
        defect="the peer's limit for the records of a key is not kept",
        patches=(
            Patch(
                module="sipc.session",
                old="        self._rekey_after = min(self._rekey_after, self._peer.rekey_after_records)\n",
                new="        self._rekey_after = max(self._rekey_after, self._peer.rekey_after_records)\n",
            ),
        ),
    ),
)
