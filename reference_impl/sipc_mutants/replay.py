"""Defects in protection against replay."""

from sipc_mutants import replay_counters, replay_keys, replay_once, replay_sessions, replay_window
from sipc_mutants.model import Mutant, Patch
from sipc_mutants.replay_parts import UNNUMBERED

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
            UNNUMBERED,
        ),
    ),
    Mutant(
        id="REPL-01.m2",
        defect="duplicate detected after delivery",
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
                    "                plaintext = self._open(self._pack(max(nonce - 1, 0)), ciphertext, ad)\n"
                    "            except InvalidTag:\n"
                    '                raise IntegrityError("message authentication failed") from None\n'
                    "            self.nonce = RESERVED_NONCE\n"
                    "            return plaintext\n"
                ),
            ),
            UNNUMBERED,
        ),
    ),
    Mutant(
        id="REPL-01.m3",
        defect="a record is accepted once more when one other has come in between",
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
                    "                return self._open(self._pack(max(nonce - 2, 0)), ciphertext, ad)\n"
                    "            except InvalidTag:\n"
                    '                raise IntegrityError("message authentication failed") from None\n'
                ),
            ),
            UNNUMBERED,
        ),
    ),
    Mutant(
        id="REPL-03.m1",
        defect="role not mixed into Split",
        patches=(
            Patch(
                module="sipc.noise_symmetric",
                old="        return CipherState(self._cipher, first), CipherState(self._cipher, second)",
                new="        return CipherState(self._cipher, first), CipherState(self._cipher, first)",
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
    *replay_counters.MUTANTS,
    *replay_keys.MUTANTS,
    *replay_once.MUTANTS,
    *replay_sessions.MUTANTS,
    *replay_window.MUTANTS,
)
