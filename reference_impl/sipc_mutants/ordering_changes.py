"""Defects in when a change of state takes effect."""

from sipc_mutants.model import Mutant, Patch

_REFUSAL = (
    "        except InvalidTag:\n"
    '            raise IntegrityError("message authentication failed") from None\n'
)
_JUDGED = "        scope = self._judge(method, task.envelope)\n"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="ORD-10.m1",
        defect="rekey not under the send lock",
        patches=(
            # What such a race comes to, at every change: a record that is sealed between REKEY and the new key.
            Patch(
                module="sipc.session",
                old="        self.out.append(self._sealer.rekey())\n        self._timers",
                new=(
                    "        self.out.append(self._sealer.seal(RecordType.REKEY))\n"
                    "        self._racing = True\n"
                    "        self._timers"
                ),
            ),
            Patch(
                module="sipc.exchange",
                old="            self._post(shapes.event(mid, message.method, body))\n            self.sent = mid + 1\n",
                new=(
                    "            self._post(shapes.event(mid, message.method, body))\n"
                    "            self.sent = mid + 1\n"
                    "            session = getattr(self._post, '__self__', None)\n"
                    "            if getattr(session, '_racing', False):\n"
                    "                session._racing = False\n"
                    "                session._sealer._cipher.rekey()\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="ORD-10.m2",
        defect="queued messages judged at enqueue time",
        patches=(
            Patch(
                module="sipc_runtime.service",
                old="        stopped = Stop()\n        job = _Job(",
                new=(
                    "        try:\n"
                    "            self._judge(method, envelope)\n"
                    "        except Refused as refused:\n"
                    "            _respond(endpoint, event.mid, Answer(refused.status))\n"
                    "            return\n"
                    "        stopped = Stop()\n"
                    "        job = _Job("
                ),
            ),
            Patch(module="sipc_runtime.service", old=_JUDGED, new="        scope = None\n"),
        ),
    ),
    Mutant(
        id="ORD-10.m3",
        defect="the old key is still good for a while after REKEY",
        patches=(
            Patch(
                module="sipc.noise",
                old='    __slots__ = ("_cipher", "_open", "_pack", "_seal", "nonce")\n',
                new='    __slots__ = ("_before", "_cipher", "_open", "_pack", "_seal", "nonce")\n',
            ),
            Patch(
                module="sipc.noise",
                old="        self.nonce = 0\n        self._set_key(key)\n",
                new="        self.nonce = 0\n        self._set_key(key)\n        self._before = self._open\n",
            ),
            Patch(
                module="sipc.noise",
                old=_REFUSAL,
                new=(
                    "        except InvalidTag:\n"
                    "            try:\n"
                    "                plaintext = self._before(self._pack(nonce), ciphertext, ad)\n"
                    "            except InvalidTag:\n"
                    '                raise IntegrityError("message authentication failed") from None\n'
                ),
            ),
            Patch(
                module="sipc.noise",
                old="        self._set_key(self._seal(self._pack(RESERVED_NONCE)",
                new="        self._before = self._open\n        self._set_key(self._seal(self._pack(RESERVED_NONCE)",
            ),
        ),
    ),
    Mutant(
        id="ORD-10.m4",
        defect="the next key is tried when the present one does not fit",
        patches=(
            Patch(
                module="sipc.noise",
                old=_REFUSAL,
                new=(
                    "        except InvalidTag:\n"
                    "            self.rekey()\n"
                    "            try:\n"
                    "                plaintext = self._open(self._pack(nonce), ciphertext, ad)\n"
                    "            except InvalidTag:\n"
                    '                raise IntegrityError("message authentication failed") from None\n'
                ),
            ),
        ),
    ),
    Mutant(
        id="ORD-10.m5",
        defect="a decision is kept for the rest of the session",
        patches=(
            Patch(
                module="sipc_runtime.service",
                old="            allowed = not silent and self._around.allows(self.peer, envelope.method) is True\n",
                new=(
                    "            kept = self.__dict__.setdefault('_kept', {})\n"
                    "            allowed = kept.get(envelope.method) or self._around.allows(self.peer, envelope.method) is True\n"
                    "            kept[envelope.method] = allowed\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="ORD-10.m6",
        defect="a new policy of a listener comes into force with the next one",
        patches=(
            Patch(
                module="sipc_runtime.server",
                old='        """Use another policy for every handshake that begins from now on."""\n        self._config = replace(config, revoked=self._revoked)\n',
                new=(
                    '        """Use another policy for every handshake that begins from now on."""\n'
                    "        self._config = self.__dict__.get('_coming', self._config)\n"
                    "        self._coming = replace(config, revoked=self._revoked)\n"
                ),
            ),
        ),
    ),
)
