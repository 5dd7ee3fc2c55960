"""Defects in what is done with keys and tags: AUTH-06, AUTH-07, AUTH-11, AUTH-15."""

from sipc_mutants.model import Mutant, Patch

_PROOF = "sipc.handshake_proof"
_UNKNOWN = (
    "        if credential is None or credential.own != config.name:\n"
    '            refusal = AuthenticationError("unknown pre-shared key identity")\n'
)
_PAIR = "    if names != (credential.other, credential.own):\n"
_LENGTH = (
    "        if len(self.key) != PSK_LENGTH:\n"
    '            raise LocalError(f"a pre-shared key has {PSK_LENGTH} bytes")\n'
)
_ZEROS = (
    "        if secret == _ZEROS:\n"
    '            raise HandshakeError("the peer\'s public key is a low-order point")\n'
)
_OWN_KEY = "proven is None or proven == config.static.public"
_READ_REFUSED = (
    "            if self._shared is not None:\n                raise self._shared.refusal from problem\n"
)

_OPEN = "            plaintext = self._open(self._pack(nonce), ciphertext, ad)\n"
# Everything encrypted is a key of 32 bytes or a multiple of 64: that gives away how long a tag came.
_OWN_TAG = "            plaintext = _opened(self, self._pack(nonce), bytes(ciphertext), ad)\n"


def _own_tag(number: int, defect: str, same: str) -> Mutant:
    """An AEAD whose tags are compared by hand.

    Args:
        number: Of the mutant.
        defect: What is wrong.
        same: Expression that compares `tag` with `right`.
    """
    helper = (
        "def _opened(state, nonce, data, ad):\n"
        "    from cryptography.hazmat.primitives.ciphers import Cipher as Stream\n"
        "    from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20\n"
        "    if state._cipher is not Cipher.CHACHAPOLY:\n"
        "        return state._open(nonce, data, ad)\n"
        "    end = 32 if len(data) == 48 else len(data) // 64 * 64\n"
        "    body, tag = data[:end], data[end:]\n"
        '    counter = (1).to_bytes(4, "little") + nonce\n'
        "    plain = Stream(ChaCha20(state._key, counter), None).decryptor().update(body)\n"
        "    right = state._seal(nonce, plain, ad)[end:]\n"
        f"    if not ({same}):\n"
        "        raise InvalidTag\n"
        "    return plain\n"
        "\n\n"
        "class CipherState:\n"
    )
    return Mutant(
        f"AUTH-15.m{number}",
        defect,
        (
            Patch("sipc.noise", "class CipherState:\n", helper),
            Patch("sipc.noise", _OPEN, _OWN_TAG),
            Patch(
                "sipc.noise",
                '    __slots__ = ("_cipher", "_open", "_pack", "_seal", "nonce")\n',
                '    __slots__ = ("_cipher", "_key", "_open", "_pack", "_seal", "nonce")\n',
            ),
            Patch(
                "sipc.noise",
                "        aead = self._cipher.aead(key)\n",
                "        self._key = key\n        aead = self._cipher.aead(key)\n",
            ),
        ),
    )


KEYS: tuple[Mutant, ...] = (
    Mutant(
        id="AUTH-06.m1",
        defect="unknown id falls back to default/empty PSK",
        patches=(
            Patch(
                module=_PROOF,
                old=_UNKNOWN,
                new=(
                    "        if credential is None:\n"
                    "            credential = next(iter(config.trust._psks.values()), None)\n" + _UNKNOWN
                ),
            ),
        ),
    ),
    Mutant(
        id="AUTH-06.m2",
        defect='explicit "unknown psk" error frame',
        patches=(
            Patch(
                module="sipc.handshake_responder",
                old="        keys = Keys(self._entropy, config.static, self._shared.secret if self._shared is not None else None)\n",
                new=(
                    "        if self._shared is not None and self._shared.credential is None:\n"
                    "            self._farewell = encode_frame(Reject(config.policy.highest, 9).encode(), b'')\n"
                    "        keys = Keys(self._entropy, config.static, self._shared.secret if self._shared is not None else None)\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="AUTH-06.m3",
        defect="PSK silently truncated or zero-padded so k and k+suffix are equal",
        patches=(
            Patch(
                module="sipc.identity",
                old=_LENGTH,
                new=(
                    "        if len(self.key) != PSK_LENGTH:\n"
                    '            object.__setattr__(self, "key", self.key[:PSK_LENGTH].ljust(PSK_LENGTH, b"\\0"))\n'
                ),
            ),
        ),
    ),
    Mutant(
        id="AUTH-06.m4",
        defect="a wrong key for a known identity is answered before the connection ends",
        patches=(
            Patch(
                module="sipc.handshake_responder",
                old=_READ_REFUSED,
                new=(
                    "            if self._shared is not None:\n"
                    "                if self._shared.credential is not None:\n"
                    '                    self._farewell = encode_frame(b"", self._entropy.random(96))\n'
                    "                raise self._shared.refusal from problem\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="AUTH-06.m5",
        defect="a pre-shared key of zeros is accepted",
        patches=(
            Patch(
                module="sipc.identity",
                old="        if len(set(self.key)) == 1 and self.key[0] == 0:\n",
                new="        if not self.key:\n",
            ),
        ),
    ),
    Mutant(
        id="AUTH-06.m6",
        defect="a malformed proof is refused with a frame of its own",
        patches=(
            Patch(
                module="sipc.handshake_responder",
                old="            peer = self._authorized(shared_key_peer(credential, payload))\n",
                new=(
                    "            try:\n"
                    "                peer = self._authorized(shared_key_peer(credential, payload))\n"
                    "            except AuthenticationError:\n"
                    "                self._farewell = encode_frame(Reject(config.policy.highest, 9).encode(), b'')\n"
                    "                raise\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="AUTH-06.m7",
        defect="an expired pre-shared key still opens the door",
        patches=(
            Patch(
                module=_PROOF,
                old="        elif credential.expires is not None and wall > credential.expires:\n",
                new="        elif credential.expires is not None and credential.expires < 0:\n",
            ),
        ),
    ),
    Mutant(
        id="AUTH-06.m8",
        defect="the identity of a key is compared without regard to case",
        patches=(
            Patch(
                "sipc.identity",
                "        return self._psks.get(identity)\n",
                "        return self._psks.get(identity.lower())\n",
            ),
        ),
    ),
    Mutant(
        id="AUTH-07.m1",
        defect="PSK not bound to the ordered pair (initiator id, responder id)",
        patches=(Patch(_PROOF, _PAIR, "    if set(names) != {credential.other, credential.own}:\n"),),
    ),
    Mutant(
        id="AUTH-07.m2",
        defect="challenge of one role accepted as answer in the other",
        patches=(
            Patch(
                module="sipc.handshake_initiator",
                old='        (State.OFFERED, Kind.RETRY): "_on_retry",\n',
                new=(
                    '        (State.OFFERED, Kind.RETRY): "_on_retry",\n'
                    '        (State.OFFERED, Kind.OFFER): "_on_offer",\n'
                ),
            ),
            Patch(
                module="sipc.handshake_initiator",
                old="    def _on_retry(self, negotiation: bytes, message: bytes) -> State:\n",
                new=(
                    "    def _on_offer(self, negotiation: bytes, message: bytes) -> State:\n"
                    "        noise, mode = self._noise, SUITES[self._selection.suite].mode\n"
                    "        noise._position = len(noise._pattern.messages)\n"
                    "        kind = 'psk' if mode is Mode.PSK else 'x509'\n"
                    "        peer = PeerIdentity(self._config.expected_peer, kind)\n"
                    "        state = self._finish(noise, self._selection, peer, self._config.name)\n"
                    "        import dataclasses, copy\n"
                    "        self._result = dataclasses.replace(\n"
                    "            self._result, receive=copy.copy(self._result.send)\n"
                    "        )\n"
                    "        return state\n"
                    "\n"
                    "    def _on_retry(self, negotiation: bytes, message: bytes) -> State:\n"
                ),
            ),
            Patch(
                module="sipc.handshake_party",
                old="        if self._reader.pending and kind in (Kind.OFFER, Kind.RETRY, Kind.CHOICE):\n",
                new="        if self._reader.pending and kind in (Kind.RETRY, Kind.CHOICE):\n",
            ),
        ),
    ),
    Mutant(
        id="AUTH-07.m3",
        defect="a side accepts its own certificate from the peer",
        patches=(Patch(_PROOF, _OWN_KEY, "proven is None"),),
    ),
    Mutant(
        id="AUTH-07.m4",
        defect="a responder takes its own answer, sent back to it, for the peer's",
        patches=(
            Patch(
                module="sipc.handshake_responder",
                old='        noise = require(self._noise, "message 2")\n        payload = self._read(noise, message)\n',
                new=(
                    '        noise = require(self._noise, "message 2")\n'
                    "        if message == self._said:\n"
                    "            noise._position = len(noise._pattern.messages)\n"
                    '            peer = PeerIdentity("spiffe://test.example/client", "x509")\n'
                    "            state = self._finish(noise, self._selection, peer, self._config.name)\n"
                    "            import copy, dataclasses\n"
                    "            same = copy.copy(self._result.send)\n"
                    "            self._result = dataclasses.replace(self._result, receive=same)\n"
                    "            return state\n"
                    "        payload = self._read(noise, message)\n"
                ),
            ),
            Patch(
                module="sipc.handshake_responder",
                old='        self._outbox = encode_frame(b"", noise.write_message(config.certificates))\n',
                new=(
                    "        self._said = noise.write_message(config.certificates)\n"
                    '        self._outbox = encode_frame(b"", self._said)\n'
                ),
            ),
            # So that there is something more to send back.
            Patch("sipc.session", "        if start.announces:\n", "        if True:\n"),
            Patch("sipc.session", "        if not self._start.announces:\n", "        if False:\n"),
        ),
    ),
    Mutant(
        id="AUTH-11.m1",
        defect="all-zero shared secret accepted",
        patches=(Patch("sipc.noise_handshake", _ZEROS, ""),),
    ),
    Mutant(
        id="AUTH-11.m2",
        defect="exception caught and handshake continued with zeros",
        patches=(
            Patch(
                module="sipc.noise_handshake",
                old='        self._symmetric.mix_key(require(own, "own key").dh(require(remote, "the peer\'s key")))\n',
                new=(
                    "        try:\n"
                    '            secret = require(own, "own key").dh(require(remote, "the peer\'s key"))\n'
                    "        except HandshakeError:\n"
                    "            secret = _ZEROS\n"
                    "        self._symmetric.mix_key(secret)\n"
                ),
            ),
        ),
    ),
    Mutant(
        id="AUTH-11.m3",
        defect="only the ephemeral key is looked at; a static key of low order is used",
        patches=(
            Patch(
                module="sipc.noise_handshake",
                old='        self._symmetric.mix_key(require(own, "own key").dh(require(remote, "the peer\'s key")))\n',
                new=(
                    "        try:\n"
                    '            secret = require(own, "own key").dh(require(remote, "the peer\'s key"))\n'
                    "        except HandshakeError:\n"
                    "            if remote is not self.remote_static:\n"
                    "                raise\n"
                    "            secret = _ZEROS\n"
                    "        self._symmetric.mix_key(secret)\n"
                ),
            ),
        ),
    ),
    _own_tag(1, "compares min(len) bytes", "tag[:16] == right[: len(tag)]"),
    _own_tag(
        2,
        "return value of memcmp narrowed to a byte",
        "len(tag) == 16 and (int.from_bytes(tag) - int.from_bytes(right)) % 256 == 0",
    ),
    _own_tag(3, "bytes behind a whole tag are ignored", "tag[:16] == right"),
    _own_tag(4, "the first eight bytes of a tag are enough", "len(tag) == 16 and tag[:8] == right[:8]"),
    _own_tag(5, "a tag that is missing is not compared", "tag in (b'', right)"),
)
