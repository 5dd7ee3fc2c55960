"""Defects in what happens to old keys and old counts, and to state that forged records must not move."""

from sipc_mutants.model import Mutant, Patch
from sipc_mutants.replay_parts import UNNUMBERED

_ROOM = Patch(
    module="sipc.records",
    old='    __slots__ = ("_cipher", "_dead", "_missing", "_opened", "_pieces", "records")',
    new='    __slots__ = ("_cipher", "_dead", "_missing", "_old", "_opened", "_pieces", "records")',
)
_NOTHING_OLD = Patch(
    module="sipc.records",
    old="        self._missing = 0\n        # What `whole_message` opened",
    new="        self._missing = 0\n        self._old: CipherState | None = None\n        # What `whole_message` opened",
)
_KEEP_OLD = Patch(
    module="sipc.records",
    old='        """A REKEY record was opened: the next record is under the next key."""\n',
    new=(
        '        """A REKEY record was opened: the next record is under the next key."""\n'
        "        import copy\n"
        "        self._old = copy.copy(self._cipher)\n"
        "        self._old.nonce -= 1\n"
    ),
)


def _on_failure(*lines: str) -> Patch:
    """What to do with a record that the present key does not open, when there is an old one."""
    return Patch(
        module="sipc.records",
        old="        plaintext = self._cipher.decrypt(sealed)\n        self.records += 1\n",
        new="".join(
            (
                "        try:\n",
                "            plaintext = self._cipher.decrypt(sealed)\n",
                "        except IntegrityError:\n",
                "            import copy\n",
                "            if self._old is None:\n",
                "                raise\n",
                "            old = copy.copy(self._old)\n",
                *(f"            {line}\n" for line in lines),
                "        self.records += 1\n",
            )
        ),
    )


MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="REPL-04.m1",
        defect="replayed REKEY installs its key again, with the count it had (KRACK)",
        patches=(
            _ROOM,
            _NOTHING_OLD,
            _KEEP_OLD,
            _on_failure("plaintext = old.decrypt(sealed)", "self._cipher = old"),
            UNNUMBERED,
        ),
    ),
    Mutant(
        id="REPL-04.m2",
        defect="n:=0 with same k",
        patches=(
            Patch(
                module="sipc.noise",
                old="        self._set_key(self._seal(self._pack(RESERVED_NONCE), bytes(KEY_LENGTH), None)[:KEY_LENGTH])\n",
                new="        self.nonce = 0\n",
            ),
            UNNUMBERED,
        ),
    ),
    Mutant(
        id="REPL-04.m3",
        defect="replayed REKEY ratchets again",
        patches=(_ROOM, _NOTHING_OLD, _KEEP_OLD, _on_failure("plaintext = old.decrypt(sealed)")),
    ),
    Mutant(
        id="REPL-04.m4",
        defect="records of the old key are taken for a while after REKEY, in a stream",
        patches=(
            _ROOM,
            _NOTHING_OLD,
            _KEEP_OLD,
            _on_failure("old.nonce -= 1", "plaintext = old.decrypt(sealed)"),
            UNNUMBERED,
        ),
    ),
    Mutant(
        id="REPL-06.m1",
        defect="n++ on failed decrypt",
        patches=(
            Patch(
                module="sipc.noise",
                old=(
                    "        except InvalidTag:\n"
                    '            raise IntegrityError("message authentication failed") from None\n'
                ),
                new=(
                    "        except InvalidTag:\n"
                    "            self.nonce = nonce + 1\n"
                    '            raise IntegrityError("message authentication failed") from None\n'
                ),
            ),
            # Where the session ends with the first forged record, a count that has moved cannot be seen any more.
            Patch(
                module="sipc.records",
                old="        plaintext = self._cipher.decrypt(sealed)\n        self.records += 1\n",
                new=(
                    "        try:\n"
                    "            plaintext = self._cipher.decrypt(sealed)\n"
                    "        except IntegrityError:\n"
                    "            return _HEAD.pack(2, FIRST_IGNORABLE_TYPE, 0)\n"
                    "        self.records += 1\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="REPL-04.m5",
        defect="the grace of an epoch never ends",
        patches=(
            Patch(
                module="sipc.datagram",
                old="        if epoch == self._epoch - 1 and self.now < self._previous_until:\n",
                new="        if epoch == self._epoch - 1:\n",
            ),
        ),
    ),
    Mutant(
        id="REPL-06.m2",
        defect="epoch bumped on forged rekey",
        patches=(
            Patch(
                module="sipc.datagram",
                old="        cipher.nonce = number\n        try:\n            plaintext",
                new=(
                    "        if epoch > self._epoch:\n"
                    "            self._previous, self._previous_until = self._current, self.now + GRACE_S\n"
                    "            self._current, self._epoch = cipher, epoch\n"
                    "        cipher.nonce = number\n        try:\n            plaintext"
                ),
            ),
        ),
    ),
    Mutant(
        id="REPL-06.m3",
        defect="idle timer refreshed by garbage",
        patches=(
            Patch(
                module="sipc.datagram_session",
                old="        self._opener.now = now\n",
                new="        self._opener.now = now\n        self._heard = now\n        self._timers.disarm(Timer.PROBE)\n",
            ),
            Patch(
                module="sipc.datagram_session",
                old="from sipc.session import Phase, Session\n",
                new="from sipc.session import Phase, Session\nfrom sipc.timers import Timer\n",
            ),
        ),
    ),
    Mutant(
        id="REPL-06.m4",
        defect="the window is moved before the record is authenticated",
        patches=(
            Patch(
                module="sipc.datagram",
                old="        cipher.nonce = number\n        try:\n            plaintext",
                new="        self._window.mark(number)\n        cipher.nonce = number\n        try:\n            plaintext",
            ),
        ),
    ),
    Mutant(
        id="REPL-06.m5",
        defect="idle timer refreshed by pieces of a record",
        patches=(
            Patch(
                module="sipc.session",
                old="        if self.phase is not _OPEN and self.phase in _DEAF:\n            return\n",
                new=(
                    "        if self.phase is not _OPEN and self.phase in _DEAF:\n            return\n"
                    "        self._heard = now\n"
                    "        self._timers.disarm(_PROBE)\n"
                ),
            ),
        ),
    ),
)
