"""Defects that make what was recorded in one session, or in one life of a program, useful in another one."""

from sipc_mutants.model import Mutant, Patch

_FRESH = "        return self.random(32)\n"
_ROOM = Patch(
    module="sipc.noise_symmetric",
    old='    __slots__ = ("_chaining_key", "_cipher", "_cipher_state", "hash")\n',
    new='    __slots__ = ("_chaining_key", "_cipher", "_cipher_state", "_psk", "hash")\n',
)
_NO_PSK = Patch(
    module="sipc.noise_symmetric",
    old="        self._chaining_key = self.hash\n",
    new='        self._chaining_key = self.hash\n        self._psk = b""\n',
)
_KEEP_PSK = Patch(
    module="sipc.noise_symmetric",
    old='        """`MixKeyAndHash`."""\n',
    new='        """`MixKeyAndHash`."""\n        self._psk = material\n',
)
_ADMIT_EARLY = (
    "        if payload:\n"
    '            raise MalformedError("message 1 must not carry anything", stage="handshake")\n'
)


def _ephemeral(*lines: str) -> Patch:
    """Another source of private keys for handshakes; `made` counts those of this process."""
    return Patch(
        module="sipc_runtime.entropy",
        old=_FRESH,
        new="".join(("        import hashlib\n", *(f"        {line}\n" for line in lines))),
    )


_COUNTED = Patch(
    module="sipc_runtime.entropy",
    old="class SystemEntropy:\n",
    new="MADE: list[int] = []\n\n\nclass SystemEntropy:\n",
)

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="REPL-02.m1",
        defect="deterministic ephemeral (seeded RNG)",
        patches=(_ephemeral('return hashlib.sha256(b"seed %d" % os.getpid()).digest()'),),
    ),
    Mutant(
        id="REPL-02.m2",
        defect="session key derived from PSK only",
        patches=(
            _ROOM,
            _NO_PSK,
            _KEEP_PSK,
            Patch(
                module="sipc.noise_symmetric",
                old='        first, second = _hkdf(self._chaining_key, b"", 2)\n        return',
                new='        first, second = _hkdf(self._psk or self._chaining_key, b"", 2)\n        return',
            ),
        ),
    ),
    Mutant(
        id="REPL-02.m3",
        defect="handshake messages and session keys depend on the PSK only, not on who says what in this session",
        patches=(
            _ROOM,
            _NO_PSK,
            _KEEP_PSK,
            Patch(
                module="sipc.noise_symmetric",
                old='        """`MixKey`."""\n',
                new='        """`MixKey`."""\n        if self._psk:\n            return\n',
            ),
            Patch(
                module="sipc.noise_symmetric",
                old='        """`MixHash`."""\n',
                new='        """`MixHash`."""\n        if self._psk:\n            return\n',
            ),
        ),
    ),
    Mutant(
        id="REPL-10.m1",
        defect="HS1 payload delivered",
        patches=(
            Patch(
                module="sipc.handshake_responder",
                old=_ADMIT_EARLY,
                new="        if payload:\n            EARLY.append(payload)\n",
            ),
            Patch(
                module="sipc.handshake_responder",
                old="class Responder(Party):",
                new="EARLY: list[bytes] = []\n\n\nclass Responder(Party):",
            ),
            Patch(
                module="sipc.session",
                old="        self._events.append(self._start.established)\n",
                new=(
                    "        self._events.append(self._start.established)\n"
                    "        from sipc.handshake_responder import EARLY\n"
                    "        if EARLY:\n"
                    "            self._exchange.receive(EARLY.pop(), now, refuse=None)\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="REPL-10.m3",
        defect="HS1 payload passed over",
        patches=(Patch(module="sipc.handshake_responder", old=_ADMIT_EARLY, new=""),),
    ),
    Mutant(
        id="REPL-10.m4",
        defect="a message before READY is delivered",
        patches=(
            Patch(
                module="sipc.session",
                old="        if self.phase not in legal:\n",
                new="        if self.phase not in legal and (kind != _MSG or self.phase is not Phase.CONFIRMING):\n",
            ),
        ),
    ),
    Mutant(
        id="REPL-10.m5",
        defect="a message in clear behind the first flight is delivered",
        patches=(
            Patch(
                module="sipc.handshake_party",
                old="        if self._reader.pending and kind in (Kind.OFFER, Kind.RETRY, Kind.CHOICE):\n",
                new="        if self._reader.pending and kind in (Kind.RETRY, Kind.CHOICE):\n",
            ),
            Patch(
                module="sipc.session",
                old="        if self.phase not in legal:\n",
                new="        if self.phase not in legal and (kind != _MSG or self.phase is not Phase.CONFIRMING):\n",
            ),
            Patch(
                module="sipc.records",
                old="        plaintext = self._cipher.decrypt(sealed)\n        self.records += 1\n",
                new=(
                    "        try:\n"
                    "            plaintext = self._cipher.decrypt(sealed)\n"
                    "        except IntegrityError:\n"
                    "            if self.records:\n"
                    "                raise\n"
                    "            return bytes(sealed)\n"
                    "        self.records += 1\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="REPL-11.m1",
        defect="RNG state restored from snapshot/fork",
        patches=(
            _COUNTED,
            _ephemeral("MADE.append(1)", 'return hashlib.sha256(b"snapshot %d" % len(MADE)).digest()'),
        ),
    ),
    Mutant(
        id="REPL-11.m2",
        defect="ephemeral precomputed and stored",
        patches=(
            _COUNTED,
            # The number of the parent, which starts this program again, stands for a file that outlives it.
            _ephemeral(
                "MADE.append(1)",
                "if len(MADE) > 1:",
                "    return self.random(32)",
                'return hashlib.sha256(b"stored %d" % os.getppid()).digest()',
            ),
        ),
    ),
    Mutant(
        id="REPL-11.m3",
        defect="ids of signed messages are kept in memory only",
        patches=(
            Patch(
                module="sipc_runtime.permission",
                old="        verdict = SingleUse(self._book.store()).take_id(claim.sender, claim.ident, claim.expires, wall)\n",
                new=(
                    "        verdict = Verdict.REPLAYED if claim.ident in SEEN else Verdict.FRESH\n"
                    "        SEEN.add(claim.ident)\n"
                ),
            ),
            Patch(
                module="sipc_runtime.permission",
                old="class SignatureGate:\n",
                new="SEEN: set[bytes] = set()\n\n\nclass SignatureGate:\n",
            ),
        ),
    ),
)
