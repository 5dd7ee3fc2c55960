"""Defects in protection against replay."""

from sipc_mutants import replay_window
from sipc_mutants.model import Mutant, Patch

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="REPL-01.m1",
        defect="the nonce of the record before is accepted once more",
        patches=(
            Patch(
                module="sipc.noise",
                old=(
                    "        except InvalidTag:\n"
                    '            raise IntegrityError("message authentication failed") from None\n'
                ),
                new=(
                    "        except InvalidTag:\n"
                    "            try:\n"
                    "                return self._open(self._pack(max(nonce - 1, 0)), ciphertext, ad)\n"
                    "            except InvalidTag:\n"
                    '                raise IntegrityError("message authentication failed") from None\n'
                ),
            ),
            # Messages are numbered inside the records as well: a second line of defence, which would hide the first.
            Patch(
                module="sipc.exchange",
                old=(
                    "        if envelope.mid != self.received:\n"
                    '            raise ProtocolError(f"message {envelope.mid} came where {self.received} was due")\n'
                ),
                new="",
            ),
        ),
    ),
    Mutant(
        id="REPL-03.m2",
        defect="connection 2 reuses connection 1 keys",
        patches=(
            Patch(
                module="sipc.noise_symmetric",
                old='        first, second = _hkdf(self._chaining_key, b"", 2)\n        return',
                new='        first, second = _hkdf(bytes(32), b"", 2)\n        return',
            ),
        ),
    ),
    *replay_window.MUTANTS,
)
