"""Defects in the order and completeness of records, and in the end of a stream."""

from sipc_mutants.model import Mutant, Patch

#: Messages are numbered inside the records as well: a second line of defence, which would hide what the first lets through.
UNNUMBERED = Patch(
    module="sipc.exchange",
    old=(
        "        if envelope.mid != self.received:\n"
        '            raise ProtocolError(f"message {envelope.mid} came where {self.received} was due")\n'
    ),
    new="",
)
#: CLOSE counts the messages: another one.
UNCOUNTED = Patch(
    module="sipc.session",
    old="        if close.sent != self._exchange.received:\n",
    new="        if close.sent is None:\n",
)
_REFUSAL = (
    "        except InvalidTag:\n"
    '            raise IntegrityError("message authentication failed") from None\n'
)
_STEP = "        self.nonce = nonce + 1\n        return plaintext\n"

_TRUNCATED = '        self._fail(TruncatedError(f"the stream ended before CLOSE: {detail}"))\n'
_INCREASING = Patch(
    module="sipc.noise",
    old=_REFUSAL + "        self.nonce = nonce + 1\n",
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
)

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        id="ORD-01.m1",
        defect="explicit nonce tolerated out of order",
        patches=(
            Patch(
                module="sipc.noise",
                old='    __slots__ = ("_cipher", "_open", "_pack", "_seal", "nonce")\n',
                new='    __slots__ = ("_cipher", "_early", "_open", "_pack", "_seal", "nonce")\n',
            ),
            Patch(
                module="sipc.noise",
                old="        self.nonce = 0\n",
                new="        self.nonce = 0\n        self._early: set[int] = set()\n",
            ),
            Patch(
                module="sipc.noise",
                old=_REFUSAL + _STEP,
                new=(
                    "        except InvalidTag:\n"
                    "            for early in range(nonce + 1, nonce + 8):\n"
                    "                try:\n"
                    "                    plaintext = self._open(self._pack(early), ciphertext, ad)\n"
                    "                except InvalidTag:\n"
                    "                    continue\n"
                    "                self._early.add(early)\n"
                    "                return plaintext\n"
                    '            raise IntegrityError("message authentication failed") from None\n'
                    "        self.nonce = nonce + 1\n"
                    "        while self.nonce in self._early:\n"
                    "            self.nonce += 1\n"
                    "        return plaintext\n"
                ),
            ),
            UNNUMBERED,
        ),
    ),
    Mutant(
        id="ORD-01.m2",
        defect="reorder buffer delivers after timeout",
        patches=(
            # What cannot be opened in its turn is kept; a while later the session goes on without what is missing.
            Patch(
                module="sipc.records",
                old='"_opened", "_pieces", "records")\n',
                new='"_opened", "_pieces", "kept", "records")\n',
            ),
            Patch(
                module="sipc.records",
                old="        self._pieces: list[bytes] = []\n",
                new="        self._pieces: list[bytes] = []\n        self.kept: list[bytes] = []\n",
            ),
            Patch(
                module="sipc.records",
                old="        plaintext = self._cipher.decrypt(sealed)\n",
                new=(
                    "        try:\n"
                    "            plaintext = self._cipher.decrypt(sealed)\n"
                    "        except IntegrityError:\n"
                    "            if len(self.kept) >= 64:\n"
                    "                raise\n"
                    "            self.kept.append(bytes(sealed))\n"
                    '            return b"\\x00\\x02\\x80\\x00"\n'
                ),
            ),
            Patch(
                module="sipc.session",
                old="        kind, flags, payload = record\n",
                new=(
                    "        kind, flags, payload = record\n"
                    "        if getattr(self._opener, 'kept', None) and not self._timers.is_armed(Timer.REASSEMBLY):\n"
                    "            self._timers.arm(Timer.REASSEMBLY, now + 0.05)\n"
                ),
            ),
            Patch(
                module="sipc.session",
                old='        self._fail(LimitError("a message was not completed in time", reason="timeout"))\n',
                new=(
                    "        kept, self._opener.kept = self._opener.kept, []\n"
                    "        for _ in range(64):\n"
                    "            for sealed in kept:\n"
                    "                try:\n"
                    "                    record = self._opener._open(sealed)\n"
                    "                except SipcError:\n"
                    "                    continue\n"
                    "                if record.type < 0x80:\n"
                    "                    self._on_record(record, _now)\n"
                    "            self._opener._cipher.nonce += 1\n"
                ),
            ),
            UNNUMBERED,
        ),
    ),
    Mutant(
        id="ORD-02.m1",
        defect='nonce "strictly increasing" instead of +1',
        patches=(_INCREASING, UNNUMBERED),
    ),
    Mutant(
        id="ORD-02.m2",
        defect="resync to received n",
        patches=(
            # The record that shows the gap is dropped, and what follows it is good again.
            Patch(
                module="sipc.records",
                old="        plaintext = self._cipher.decrypt(sealed)\n",
                new=(
                    "        expected = self._cipher.nonce\n"
                    "        try:\n"
                    "            plaintext = self._cipher.decrypt(sealed)\n"
                    "        except IntegrityError:\n"
                    "            for self._cipher.nonce in range(expected + 1, expected + 1024):\n"
                    "                try:\n"
                    "                    self._cipher.decrypt(sealed)\n"
                    '                    return b"\\x00\\x02\\x80\\x00"\n'
                    "                except IntegrityError:\n"
                    "                    continue\n"
                    "            self._cipher.nonce = expected\n"
                    "            raise\n"
                ),
            ),
            UNNUMBERED,
        ),
    ),
    Mutant(
        id="ORD-02.m3",
        defect="a message of which the end is missing is forgotten when the next one begins",
        patches=(
            _INCREASING,
            UNNUMBERED,
            Patch(
                module="sipc.fragments",
                old="        if bool(flags & FLAG_FIRST) == bool(self._parts):\n",
                new=(
                    "        if flags & FLAG_FIRST:\n"
                    "            self.clear()\n"
                    "        if bool(flags & FLAG_FIRST) == bool(self._parts):\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="ORD-02.m4",
        defect="records are missed when the next message comes, but not when the end comes",
        patches=(_INCREASING, UNCOUNTED),
    ),
    Mutant(
        id="ORD-02.m5",
        defect="what precedes the first message may be missing",
        patches=(
            _INCREASING,
            Patch(
                module="sipc.session",
                old="        if self.phase not in legal:\n",
                new=(
                    "        if self.phase is Phase.CONFIRMING and kind is RecordType.MSG:\n"
                    "            self._on_ready(0, encode_ready(self._settings.ready()), now)\n"
                    "        if self.phase not in legal:\n"
                ),
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
    Mutant(
        id="ORD-07.m2",
        defect="CLOSE not authenticated",
        patches=(
            Patch(
                module="sipc.noise",
                old='    __slots__ = ("_cipher", "_open", "_pack", "_seal", "nonce")\n',
                new='    __slots__ = ("_cipher", "_key", "_open", "_pack", "_seal", "nonce")\n',
            ),
            Patch(
                module="sipc.noise",
                old="        aead = self._cipher.aead(key)\n",
                new="        self._key = key\n        aead = self._cipher.aead(key)\n",
            ),
            Patch(
                module="sipc.noise",
                old=_REFUSAL,
                new=(
                    "        except InvalidTag:\n"
                    "            from cryptography.hazmat.primitives.ciphers import Cipher, algorithms\n"
                    "\n"
                    "            start = struct.pack('<I', 1) + self._pack(nonce)\n"
                    "            stream = Cipher(algorithms.ChaCha20(bytes(self._key), start), None).decryptor()\n"
                    "            plaintext = stream.update(bytes(ciphertext)[:-16])\n"
                    "            if plaintext[2:4] != bytes([6, 0]):\n"
                    '                raise IntegrityError("message authentication failed") from None\n'
                ),
            ),
        ),
    ),
    Mutant(
        id="ORD-07.m3",
        defect="a CLOSE in clear is believed",
        patches=(
            Patch(
                module="sipc.noise",
                old=_REFUSAL,
                new=(
                    "        except InvalidTag:\n"
                    "            plaintext = bytes(ciphertext)\n"
                    "            if plaintext[2:4] != bytes([6, 0]):\n"
                    '                raise IntegrityError("message authentication failed") from None\n'
                ),
            ),
        ),
    ),
    Mutant(
        id="ORD-07.m4",
        defect="an end between two records is a clean one",
        patches=(
            Patch(
                module="sipc.session",
                old=_TRUNCATED,
                new=(
                    "        if not self._opener.has_partial_frame():\n"
                    '            self._end(How.CLEAN, "peer-closed", f"the stream ended: {detail}")\n'
                    "            return\n"
                )
                + _TRUNCATED,
            ),
        ),
    ),
    Mutant(
        id="ORD-07.m5",
        defect="an end within a record is a clean one",
        patches=(
            Patch(
                module="sipc.session",
                old=_TRUNCATED,
                new=(
                    "        if self._opener.has_partial_frame():\n"
                    '            self._end(How.CLEAN, "peer-closed", f"the stream ended: {detail}")\n'
                    "            return\n"
                )
                + _TRUNCATED,
            ),
        ),
    ),
)
