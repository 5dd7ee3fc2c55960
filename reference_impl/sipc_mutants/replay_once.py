"""Defects in what may be used once, or so often: signed messages and tokens."""

from sipc_mutants.model import Mutant, Patch

_KNOWN = "        verdict = SingleUse(self._book.store()).take_id(claim.sender, claim.ident, claim.expires, wall)\n"
_VERDICT = "            return Verdict.FRESH if made else Verdict.REPLAYED\n\n        return self._store.write(take)\n"


def _identified(by: str) -> tuple[Patch]:
    """Another way to tell one message from another."""
    return (Patch(module="sipc_runtime.permission", old=_KNOWN, new=_KNOWN.replace("claim.ident", by)),)


MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="REPL-08.m1",
        defect="no audience check",
        patches=(
            Patch(
                module="sipc.signing",
                old=(
                    "    if receiver != reader.own:\n"
                    '        raise AuthenticationError("the message is for somebody else", reason="unauthorized")\n'
                ),
                new="",
            ),
        ),
    ),
    Mutant(
        id="REPL-08.m2",
        defect="id cache keyed by connection",
        patches=_identified("claim.ident + peer.channel_binding"),
    ),
    Mutant(
        id="REPL-08.m3",
        defect="the use counter wraps (at 8 bits; Squid's had 16, CVE-2020-11945)",
        patches=(
            Patch(
                module="sipc_runtime.single_use",
                old=_VERDICT,
                new=(
                    "            global _USES\n"
                    "            _USES[signer, ident] = (_USES.get((signer, ident), 0) + 1) & 0xFF\n"
                    "            made = _USES[signer, ident] == 1\n" + _VERDICT
                ),
            ),
            Patch(
                module="sipc_runtime.single_use",
                old="_KEPT_S = 3600\n",
                new="_KEPT_S = 3600\n_USES: dict[tuple[str, bytes], int] = {}\n",
            ),
        ),
    ),
    Mutant(
        id="REPL-08.m4",
        defect="ids that were forgotten are new again when the clock is set back",
        patches=(
            Patch(
                module="sipc_runtime.single_use",
                old="            if expires <= floor:\n                return Verdict.EXPIRED\n",
                new="",
            ),
        ),
    ),
    Mutant(
        id="REPL-08.m5",
        defect="the end of a signed message is not looked at",
        patches=(
            Patch(
                module="sipc.signing",
                old="    if not reader.wall < expires <= reader.wall + LONGEST_S:\n",
                new="    if not expires <= reader.wall + LONGEST_S:\n",
            ),
        ),
    ),
    Mutant(
        id="REPL-08.m6",
        defect="id cache keyed by who brings the message",
        patches=_identified("claim.ident + peer.peer.encode()"),
    ),
    Mutant(
        id="REPL-08.m7",
        defect="an id is looked up and remembered in two steps",
        patches=(
            Patch(
                module="sipc_runtime.single_use",
                old=_VERDICT,
                new=(
                    "            return Verdict.FRESH if made else Verdict.REPLAYED\n\n"
                    "        def known(sql: sqlite3.Connection) -> bool:\n"
                    '            found = sql.execute("SELECT 1 FROM signed_id WHERE signer=? AND ident=?", (signer, ident))\n'
                    "            return found.fetchone() is not None\n\n"
                    "        if self._store.write(known):\n"
                    "            return Verdict.REPLAYED\n"
                    "        import time\n"
                    "        time.sleep(0.01)\n"
                    "        verdict = self._store.write(take)\n"
                    "        return Verdict.FRESH if verdict is Verdict.REPLAYED else verdict\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="REPL-09.m1",
        defect="check-then-decrement race",
        patches=(
            Patch(
                module="sipc_runtime.single_use",
                old="            return taken.rowcount == 1\n\n        return self._store.write(take)\n",
                new=(
                    "            return taken.rowcount == 1\n\n"
                    "        def left(sql: sqlite3.Connection) -> bool:\n"
                    '            row = sql.execute("SELECT used FROM token_use WHERE issuer=? AND ident=?", (issuer, ident))\n'
                    "            found = row.fetchone()\n"
                    "            return found is None or found[0] < limit\n\n"
                    "        if not self._store.write(left):\n"
                    "            return False\n"
                    "        import time\n"
                    "        time.sleep(0.01)\n"
                    "        self._store.write(take)\n"
                    "        return True\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="REPL-09.m2",
        defect="failed request refunds a use twice",
        patches=(
            Patch(
                module="sipc_runtime.service",
                old="        scope = self._judge(method, task.envelope)\n",
                new=(
                    "        scope = self._judge(method, task.envelope)\n"
                    "        try:\n"
                    "            answer = self._answer_admitted(job, scope)\n"
                    "        except Exception:\n"
                    "            self._refund()\n"
                    "            raise\n"
                    "        if answer.status is not Status.OK:\n"
                    "            self._refund()\n"
                    "        return answer\n\n"
                    "    def _refund(self) -> None:\n"
                    '        self._around.store().write(lambda sql: sql.execute("UPDATE token_use SET used=used-2"))\n\n'
                    "    def _answer_admitted(self, job: _Job, scope: Value) -> Answer:\n"
                    "        task, method = job.task, job.method\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="REPL-09.m3",
        defect="uses are counted for each connection",
        patches=(
            Patch(
                module="sipc_runtime.permission",
                old="take_use(token.issuer, token.ident, limit, token.expires, wall)",
                new="take_use(token.issuer, token.ident + peer.channel_binding, limit, token.expires, wall)",
            ),
        ),
    ),
)
