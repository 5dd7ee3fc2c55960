"""Defects in what a refusal leaves behind, and in who is asked before a stored outcome is given out."""

from sipc_mutants.model import Mutant, Patch

_SERVICE = "sipc_runtime.service"
_HANDLE = "def _handle(method: Method, task: Task) -> Value:\n"
_BURN = """def _burn(around: Surroundings, peer: Established, envelope: Envelope, status: Status) -> None:
    if envelope.idem is not None:
        key = IdempotencyKey(peer.credential, peer.peer, envelope.idem)
        if around.store().begin(key, fingerprint(envelope))[0] is Decision.EXECUTE:
            around.store().complete(key, Outcome(status, None))


"""
_REFUSED = "        except Refused as refused:\n            answer = Answer(refused.status)\n"
_FAILED = "            answer = Answer(Status.INTERNAL)\n            _report(error)\n        finally:\n"
_EXPIRED = (
    "            # Expired while it waited in its lane: it is not executed. The connection answers for it.\n"
)
_TAKEN_BACK = (
    "                    self._insert(key, fingerprint, outcome)\n"
    '                self._sql.execute("COMMIT")\n'
    "            except BaseException:\n"
    "                self._roll_back()\n"
)
_KNOWN = (
    "        known = (self.peer.credential, self.peer.peer, envelope.idem)\n"
    "        if envelope.idem is not None and known in _KNOWN:\n"
    "            return _KNOWN[known]\n"
)
_ADMITS = "        return self._around.admits(self.peer, envelope)\n"


def _service(old: str, new: str) -> Patch:
    return Patch(module=_SERVICE, old=old, new=new)


def _burnt(old: str, new: str) -> tuple[Patch, Patch]:
    """Somewhere the key of a refused request is recorded."""
    return _service(_HANDLE, _BURN + _HANDLE), _service(old, new)


def _on_refusal(condition: str) -> tuple[Patch, Patch]:
    return _burnt(
        _REFUSED,
        f"{_REFUSED}            if {condition}:\n"
        "                _burn(self._around, self.peer, task.envelope, refused.status)\n",
    )


_TABLE = _service(_HANDLE, "_KNOWN: dict[object, Value] = {}\n\n\n" + _HANDLE)

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="IDEM-08.m1",
        defect="caches 'unavailable'",
        patches=_burnt(
            _FAILED,
            "            answer = Answer(Status.INTERNAL)\n"
            "            _burn(self._around, self.peer, task.envelope, Status.UNAVAILABLE)\n"
            "            _report(error)\n        finally:\n",
        ),
    ),
    Mutant(
        id="IDEM-08.m2",
        defect="key burnt by denied attempt (DoS)",
        patches=_on_refusal("refused.status is Status.DENIED"),
    ),
    Mutant(
        id="IDEM-08.m3",
        defect="key burnt by a request that is not valid",
        patches=_on_refusal("refused.status in (Status.SCHEMA, Status.SCHEMA_UNSUPPORTED)"),
    ),
    Mutant(
        id="IDEM-08.m4",
        defect="key burnt by a request whose turn came too late",
        patches=_burnt(
            _EXPIRED,
            _EXPIRED
            + "            _burn(self._around, self.peer, task.envelope, Status.DEADLINE_EXCEEDED)\n",
        ),
    ),
    Mutant(
        id="IDEM-08.m5",
        defect="key burnt by an attempt whose effect was taken back",
        patches=(
            Patch(
                module="sipc_runtime.store",
                old=_TAKEN_BACK,
                new=_TAKEN_BACK + "                self._insert(key, fingerprint, Outcome(14, None))\n",
            ),
        ),
    ),
    Mutant(
        id="IDEM-08.m6",
        defect="key burnt by a request for whose record there was no room",
        patches=(
            _TABLE,
            _service(
                "        if outcome is None:\n            return Answer(REFUSALS[decision])\n",
                "        if decision is Decision.BUSY or key in _KNOWN:\n"
                "            _KNOWN[key] = True\n"
                "            return Answer(Status.BUSY)\n"
                "        if outcome is None:\n            return Answer(REFUSALS[decision])\n",
            ),
        ),
    ),
    Mutant(
        id="IDEM-10.m1",
        defect="cache consulted before authorization",
        patches=(
            _service(
                "        scope = self._judge(method, task.envelope)\n",
                "        if task.envelope.idem is not None:\n"
                "            early = IdempotencyKey(task.peer.credential, task.peer.peer, task.envelope.idem)\n"
                "            found, stored = self._around.store()._look(early, fingerprint(task.envelope))\n"
                "            if stored is not None:\n"
                "                return Answer(stored.status, stored.body and cbor.decode(stored.body))\n"
                "            if found is Decision.IN_PROGRESS:\n"
                "                return Answer(Status.IN_PROGRESS)\n"
                "        scope = self._judge(method, task.envelope)\n",
            ),
        ),
    ),
    Mutant(
        id="IDEM-10.m2",
        defect="decision stored with the response",
        patches=(
            _TABLE,
            _service(
                "        try:\n            silent = FAULTS.armed",
                _KNOWN + "        try:\n            silent = FAULTS.armed",
            ),
            _service(_ADMITS, f"        _KNOWN[known] = None\n{_ADMITS}"),
        ),
    ),
    Mutant(
        id="IDEM-10.m3",
        defect="the token of a duplicate is not looked at",
        patches=(
            _TABLE,
            _service(
                _ADMITS,
                _KNOWN + "        _KNOWN[known] = self._around.admits(self.peer, envelope)\n"
                "        return _KNOWN[known]\n",
            ),
        ),
    ),
    Mutant(
        id="IDEM-10.m4",
        defect="a connection keeps the permissions that it has used",
        patches=(
            _TABLE,
            _service(
                "            allowed = not silent and self._around.allows(self.peer, envelope.method) is True\n",
                "            used = (id(self), envelope.method)\n"
                "            allowed = not silent and (\n"
                "                used in _KNOWN or self._around.allows(self.peer, envelope.method) is True\n"
                "            )\n"
                "            if allowed:\n"
                "                _KNOWN[used] = None\n",
            ),
        ),
    ),
    Mutant(
        id="IDEM-10.m5",
        defect="who is revoked keeps the connections there are",
        patches=(
            Patch(
                module="sipc_runtime.server",
                old='        for endpoint in ended:\n            endpoint.expel("revoked", f"{name} has been shut out")\n',
                new="        ended.clear()\n",
            ),
            Patch(
                module="sipc_runtime.server",
                old="        return (peer.credential, peer.peer) in self._revoked\n",
                new="        return False and (peer.credential, peer.peer) in self._revoked\n",
            ),
        ),
    ),
    Mutant(
        id="IDEM-10.m6",
        defect="when it cannot be decided, a duplicate is let through",
        patches=(
            _service(
                "            _report(error)\n            allowed = False\n",
                "            _report(error)\n            allowed = envelope.idem is not None\n",
            ),
        ),
    ),
)
