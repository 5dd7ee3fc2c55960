"""Defects in keeping records: for how long, how many, and over a crash."""

from sipc_mutants.idempotency_running import OR_REPLACE
from sipc_mutants.model import Mutant, Patch


def _store(old: str, new: str) -> Patch:
    return Patch(module="sipc_runtime.store", old=old, new=new)


_FULL = "        full = entry is None and self._size >= self._capacity\n"
_EVICT = (
    "        full = False\n"
    "        if entry is None and self._size >= {limit}:\n"
    "            self._size -= self._sql.execute(\n"
    '                "DELETE FROM request WHERE first_seen = (SELECT MIN(first_seen) FROM request)"\n'
    "            ).rowcount\n"
)
_TABLE = "CREATE TABLE IF NOT EXISTS request (\n"
_INDEX = "CREATE INDEX IF NOT EXISTS request_age ON request (first_seen);\n"
_VOLATILE = (
    _store(_TABLE, "CREATE TEMP TABLE IF NOT EXISTS request (\n"),
    _store(_INDEX, ""),
)
_SAVED = (
    "CREATE TABLE IF NOT EXISTS saved (credential, peer, key, fingerprint, epoch, first_seen, status, body);\n"
    "INSERT INTO request SELECT * FROM saved;\n"
)
_EFFECT = "                    outcome = effect(self._sql)\n"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="IDEM-06.m1",
        defect="LRU eviction",
        patches=(_store(_FULL, _EVICT.format(limit="self._capacity")),),
    ),
    Mutant(
        id="IDEM-06.m2",
        defect="TTL on wall clock (step forgets all)",
        patches=(
            _store(
                "        return float(self._age + self._clock.monotonic() - self._opened)\n",
                "        return float(self._age + self._clock.wall() - self._opened)\n",
            ),
            _store("        self._opened = clock.monotonic()\n", "        self._opened = clock.wall()\n"),
        ),
    ),
    Mutant(
        id="IDEM-06.m3",
        defect="at capacity requests are executed without a record",
        patches=(
            _store(_FULL, "        full = False\n"),
            _store(
                "        now = self._now()\n        self._sql.execute(\n",
                "        now = self._now()\n"
                "        if self._size >= self._capacity:\n"
                "            return\n"
                "        self._sql.execute(\n",
            ),
        ),
    ),
    Mutant(
        id="IDEM-06.m4",
        defect="records are kept for half of the time",
        patches=(_store("        self._horizon = horizon\n", "        self._horizon = horizon / 2\n"),),
    ),
    Mutant(
        id="IDEM-06.m5",
        defect="records are forgotten a second early",
        patches=(_store("        self._horizon = horizon\n", "        self._horizon = horizon - 1\n"),),
    ),
    Mutant(
        id="IDEM-06.m6",
        defect="a restart ages every record",
        patches=(
            _store(
                "        self._opened = clock.monotonic()\n",
                "        self._opened = clock.monotonic()\n        self._age += horizon\n",
            ),
        ),
    ),
    Mutant(
        id="IDEM-06.m7",
        defect="what an earlier run has recorded takes no room",
        patches=(
            _store(
                "        self._opened = clock.monotonic()\n        self._size = self._count()\n",
                "        self._opened = clock.monotonic()\n        self._size = 0\n",
            ),
        ),
    ),
    Mutant(
        id="IDEM-06.m8",
        defect="LRU eviction at 256 records, whatever the capacity",
        patches=(_store(_FULL, _EVICT.format(limit="256")),),
    ),
    Mutant(
        id="IDEM-07.m1",
        defect="record written after the effect",
        patches=(
            _store(
                _EFFECT,
                _EFFECT
                + '                    self._sql.execute("COMMIT")\n'
                + '                    self._sql.execute("BEGIN IMMEDIATE")\n',
            ),
        ),
    ),
    Mutant(
        id="IDEM-07.m2",
        defect="records reach the file when it is closed (kill -9 + replay)",
        patches=(
            _VOLATILE[0],
            _store(_INDEX, _SAVED),
            _store(
                '            self._sql.execute("UPDATE run SET age=?", (self._now(),))\n            self._sql.close()\n',
                '            self._sql.execute("DELETE FROM saved")\n'
                '            self._sql.execute("INSERT INTO saved SELECT * FROM request")\n'
                '            self._sql.execute("UPDATE run SET age=?", (self._now(),))\n'
                "            self._sql.close()\n",
            ),
        ),
    ),
    Mutant(
        id="IDEM-07.m3",
        defect="records are kept in memory, effects in the file",
        patches=_VOLATILE,
    ),
    Mutant(
        id="IDEM-07.m4",
        defect="what was interrupted is executed again",
        patches=(
            Patch(
                module="sipc.idempotency",
                old="    return Decision.IN_PROGRESS if entry.epoch == epoch else Decision.UNKNOWN\n",
                new="    return Decision.IN_PROGRESS if entry.epoch == epoch else Decision.EXECUTE\n",
            ),
            OR_REPLACE,
        ),
    ),
    Mutant(
        id="IDEM-07.m5",
        defect="what was interrupted counts as running for ever",
        patches=(_store("UPDATE run SET epoch = epoch + 1;\n", "UPDATE run SET epoch = 1;\n"),),
    ),
    Mutant(
        id="IDEM-07.m6",
        defect="record written before the effect: a crash in between makes a success of nothing",
        patches=(
            _store(
                _EFFECT + "                    if FAULTS.armed:\n"
                '                        FAULTS.hit("after-effect")\n'
                "                    self._insert(key, fingerprint, outcome)\n",
                _EFFECT + '                    self._sql.execute("ROLLBACK")\n'
                '                    self._sql.execute("BEGIN IMMEDIATE")\n'
                "                    self._insert(key, fingerprint, outcome)\n"
                '                    self._sql.execute("COMMIT")\n'
                "                    if FAULTS.armed:\n"
                '                        FAULTS.hit("after-effect")\n'
                '                    self._sql.execute("BEGIN IMMEDIATE")\n'
                "                    effect(self._sql)\n",
            ),
        ),
    ),
)
