"""Defects in how suites and versions are kept apart, and in how a session begins: DOWN-09, DOWN-10."""

from sipc_mutants.model import Mutant, Patch

_NOISE = "sipc.noise"
_SESSION = "sipc.session"
_SYMMETRIC = "        self._symmetric = SymmetricState(protocol.name.encode(), protocol.cipher)\n"
_APPLICATION = '    return VERSIONS[version] + (b" D" if datagram else b"")\n'
_NOT_AUTHENTIC = "        except InvalidTag:\n            raise IntegrityError("
_RULE = "        rule = self._RECORDS.get(kind)\n"
_ESTABLISHED = "        self._events.append(self._start.established)\n"

_READY_IMPLIED = Patch(
    _SESSION,
    _RULE,
    "        if self.phase is Phase.CONFIRMING and kind != RecordType.READY:\n"
    "            self._on_ready(0, encode_ready(Ready()), now)\n" + _RULE,
)

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "DOWN-09.m1",
        "one name for all suites",
        (
            Patch(
                "sipc.noise_handshake",
                _SYMMETRIC,
                '        name = protocol.name.replace("AESGCM", "ChaChaPoly").encode()\n'
                "        self._symmetric = SymmetricState(name, protocol.cipher)\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-09.m2",
        "same k for ChaChaPoly and AESGCM",
        (
            Patch(
                "sipc.noise_handshake",
                _SYMMETRIC,
                _SYMMETRIC + '        name = protocol.name.replace("AESGCM", "ChaChaPoly").encode()\n'
                "        self._symmetric._chaining_key = SymmetricState(name, protocol.cipher)._chaining_key\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-09.m3",
        "a record of the other suite's cipher is accepted",
        (
            Patch(
                _NOISE,
                '    __slots__ = ("_cipher", "_open", "_pack", "_seal", "nonce")\n',
                '    __slots__ = ("_cipher", "_key", "_open", "_pack", "_seal", "nonce")\n',
            ),
            Patch(
                _NOISE,
                "        aead = self._cipher.aead(key)\n",
                "        self._key = key\n        aead = self._cipher.aead(key)\n",
            ),
            Patch(
                _NOISE,
                "            plaintext = self._open(self._pack(nonce), ciphertext, ad)\n",
                "            plaintext = self._any(nonce, ciphertext, ad)\n",
            ),
            Patch(
                _NOISE,
                "    def rekey(self) -> None:\n",
                "    def _any(self, nonce, ciphertext, ad):\n"
                "        try:\n"
                "            return self._open(self._pack(nonce), ciphertext, ad)\n"
                "        except InvalidTag:\n"
                "            other = next(one for one in Cipher if one is not self._cipher)\n"
                "            return other.aead(self._key).decrypt(other.nonce(nonce), ciphertext, ad)\n\n"
                "    def rekey(self) -> None:\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-09.m4",
        "the version is not part of the transcript",
        (Patch("sipc.negotiation", _APPLICATION, _APPLICATION.replace("[version]", "[1]")),),
    ),
    Mutant(
        "DOWN-09.m5",
        "the profile of the records is not part of the transcript",
        (Patch("sipc.negotiation", _APPLICATION, "    return VERSIONS[version]\n"),),
    ),
    Mutant(
        "DOWN-09.m6",
        "a configuration with a second hash function is used as far as it is understood",
        (
            Patch(
                "sipc.suites",
                "    unknown = [name for name in wanted if name not in _BY_NAME]\n",
                "    wanted = tuple(name for name in wanted if name in _BY_NAME)\n    unknown = []\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-10.m1",
        "handshake counter not reset/bound at key change",
        (
            _READY_IMPLIED,
            Patch(
                _NOISE,
                _NOT_AUTHENTIC,
                "        except InvalidTag:\n"
                "            for later in range(1, 4) if nonce == 0 else ():\n"
                "                try:\n"
                "                    plaintext = self._open(self._pack(later), ciphertext, ad)\n"
                "                except InvalidTag:\n"
                "                    continue\n"
                "                self.nonce = later + 1\n"
                "                return plaintext\n"
                "            raise IntegrityError(",
            ),
        ),
    ),
    Mutant("DOWN-10.m2", "READY optional with defaults", (_READY_IMPLIED,)),
    Mutant(
        "DOWN-10.m3",
        "messages in front of READY are kept, and delivered behind it",
        (
            Patch(
                _SESSION,
                _RULE,
                "        if self.phase is Phase.CONFIRMING and kind == _MSG:\n"
                '            self.__dict__.setdefault("_early", []).append((flags, bytes(payload)))\n'
                "            return\n" + _RULE,
            ),
            Patch(
                _SESSION,
                _ESTABLISHED,
                _ESTABLISHED + '        for early in self.__dict__.pop("_early", []):\n'
                "            self._on_message(*early, now)\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-10.m4",
        "a second READY changes what the first one said",
        (
            Patch(
                _SESSION,
                "        if self.phase not in legal:\n",
                "        if self.phase not in legal and not (kind == RecordType.READY and self.phase is _OPEN):\n",
            ),
            Patch(
                _SESSION,
                "        self._peer = decode_ready(payload)\n",
                "        self._peer = decode_ready(payload)\n        if self.phase is _OPEN:\n            return\n",
            ),
        ),
    ),
)
