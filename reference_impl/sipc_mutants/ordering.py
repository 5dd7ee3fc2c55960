"""Defects in order and completeness."""

from sipc_mutants.model import Mutant, Patch

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="ORD-02.m1",
        defect='nonce "strictly increasing" instead of +1',
        patches=(
            Patch(
                module="sipc.noise",
                old=(
                    "        except InvalidTag:\n"
                    '            raise IntegrityError("message authentication failed") from None\n'
                    "        self.nonce = nonce + 1\n"
                ),
                new=(
                    "        except InvalidTag:\n"
                    "            for nonce in range(nonce + 1, nonce + 5):\n"
                    "                try:\n"
                    "                    plaintext = self._open(self._pack(nonce), ciphertext, ad)\n"
                    "                    break\n"
                    "                except InvalidTag:\n"
                    "                    continue\n"
                    "            else:\n"
                    '                raise IntegrityError("message authentication failed") from None\n'
                    "        self.nonce = nonce + 1\n"
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
        id="ORD-07.m1",
        defect="EOF == close",
        patches=(
            Patch(
                module="sipc.session",
                old='        self._fail(TruncatedError(f"the stream ended before CLOSE: {detail}"))\n',
                new='        self._end(How.CLEAN, "peer-closed", f"the stream ended: {detail}")\n',
            ),
        ),
    ),
)
