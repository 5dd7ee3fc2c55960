"""Defects in telling whether a key comes back with the same request."""

from sipc_mutants.model import Mutant, Patch


def _counted(line: str, instead: str) -> Patch:
    """Another part of the request counts, or in another way."""
    return Patch(module="sipc.idempotency", old=line, new=instead)


_MISMATCH = "        return Decision.MISMATCH\n"
_HELPER = "def fingerprint(request: Envelope, scope: Value = None) -> bytes:\n"
_JSON = """def _ordered(body: Value) -> Value:
    import json

    try:
        return json.dumps(json.loads(body), sort_keys=True)
    except (TypeError, ValueError):
        return body


"""

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="IDEM-03.m1",
        defect="fingerprint over re-ordered JSON",
        patches=(
            _counted(_HELPER, _JSON + _HELPER),
            _counted("        14: request.body,\n", "        14: _ordered(request.body),\n"),
        ),
    ),
    Mutant(
        id="IDEM-03.m2",
        defect="first response returned",
        patches=(
            _counted(
                _MISMATCH,
                "        return Decision.MISMATCH if entry.outcome is None else Decision.REPEAT\n",
            ),
        ),
    ),
    Mutant(
        id="IDEM-03.m3",
        defect="the method does not count",
        patches=(_counted("        4: request.method,\n", '        4: "",\n'),),
    ),
    Mutant(
        id="IDEM-03.m4",
        defect="the schema does not count",
        patches=(_counted("        5: request.schema,\n", "        5: 1,\n"),),
    ),
    Mutant(
        id="IDEM-03.m5",
        defect="the label does not count",
        patches=(_counted("        8: int(request.label),\n", "        8: 3,\n"),),
    ),
    Mutant(
        id="IDEM-03.m6",
        defect="the purpose does not count",
        patches=(
            _counted(
                "        asked[9] = request.purpose\n", "        asked[9] = None\n        del asked[9]\n"
            ),
        ),
    ),
    Mutant(
        id="IDEM-03.m7",
        defect="what the token is for does not count",
        patches=(_counted("        asked[10] = scope\n", "        asked.pop(10, None)\n"),),
    ),
    Mutant(
        id="IDEM-03.m8",
        defect="only the first 64 bytes of the payload count",
        patches=(
            _counted(
                "        14: request.body,\n",
                "        14: request.body[:64] if isinstance(request.body, bytes) else request.body,\n",
            ),
        ),
    ),
    Mutant(
        id="IDEM-03.m9",
        defect="a key that comes back with another request is executed, and is the other request's from then on",
        patches=(
            _counted(_MISMATCH, "        return Decision.EXECUTE\n"),
            Patch(
                module="sipc_runtime.store",
                old='            "INSERT INTO request VALUES',
                new='            "INSERT OR REPLACE INTO request VALUES',
            ),
        ),
    ),
    Mutant(
        id="IDEM-03.m10",
        defect="defaults are not filled in: what says its label is another request than what leaves it out",
        patches=(
            _counted(
                "        8: int(request.label),\n",
                "        8: int(request.label) + (4 if request.fields.get(8) is None else 0),\n",
            ),
        ),
    ),
    Mutant(
        id="IDEM-03.m11",
        defect="the deadline counts",
        patches=(
            _counted(
                "        14: request.body,\n", "        7: request.budget_ms,\n        14: request.body,\n"
            ),
        ),
    ),
    Mutant(
        id="IDEM-03.m12",
        defect="the token counts, and not what it is for",
        patches=(
            _counted(
                "        asked[10] = scope\n",
                "        asked[10] = hashlib.sha256(request.token or b'').digest()\n",
            ),
        ),
    ),
)
