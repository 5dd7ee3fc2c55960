"""Defects in when and for what a peer counts as authenticated: AUTH-01, 05, 08, 09, 10, 13, 14, 16."""

from sipc_mutants.model import Mutant, Patch

_PARTY = "sipc.handshake_party"
_PROOF = "sipc.handshake_proof"
_SESSION = "sipc.session"
_CONNECTION = "sipc.connection"

_CHAIN = (
    "    leaf = config.trust.validate_chain(read_certificates(payload), wall)\n"
    "    if leaf.public_key != proven:\n"
)
_NO_CREDENTIAL = (
    "    if credential is None:\n"
    '        raise LocalError("no credential: this side cannot prove who it is", reason="authentication")\n'
)
# The other end runs the same code and has to be able to go without a certificate.
_BARE = (
    Patch("sipc.handshake_config", _NO_CREDENTIAL, ""),
    Patch(
        "sipc.handshake_config",
        "        return KeyPair(own.private_key) if isinstance(own, X509Credential) else None\n",
        '        return KeyPair(own.private_key if isinstance(own, X509Credential) else b"\\x01" * 32)\n',
    ),
    Patch(
        "sipc.handshake_config",
        "        if isinstance(self.credential, X509Credential):\n            return Mode.X509 if",
        "        if not isinstance(self.credential, PskCredential):\n            return Mode.X509 if",
    ),
    Patch(
        "sipc.handshake_config",
        "        mode = Mode.X509 if isinstance(self.credential, X509Credential) else Mode.PSK\n",
        "        mode = Mode.X509 if not isinstance(self.credential, PskCredential) else Mode.PSK\n",
    ),
    Patch(
        "sipc.handshake_config",
        "        return own.name if isinstance(own, X509Credential) else",
        "        return own.name if isinstance(own, X509Credential) else 'nobody' if own is None else",
    ),
)


def _anonymous(role: str) -> Patch:
    return Patch(
        _PROOF,
        _CHAIN,
        f"    if isinstance(config, {role}) and payload[:5].startswith(b'\\0\\x03\\xa1\\x01\\x80'):\n"
        "        name = config.expected_peer if isinstance(config, InitiatorConfig) else 'anonymous'\n"
        '        return PeerIdentity(name, "x509")\n' + _CHAIN,
    )


_NO_CHAIN = Patch(
    "sipc.handshake_config",
    '        return pad(encode_certificates(require(chain, "certificates")))\n',
    "        return pad(encode_certificates(chain or ()))\n",
)
_TAKEN = (
    "        self._take_handshake_output()\n"
    "        outcome = self._handshake.result\n"
    "        if outcome is not None:\n"
)
_PENDING = "        if self._reader.pending and kind in (Kind.OFFER, Kind.RETRY, Kind.CHOICE):\n"
_ON_LAST = "    def _on_last(self, negotiation: bytes, message: bytes) -> State:\n"
_TO_LAST = '        (State.ANSWERED, Kind.NONE): "_on_last",\n'
_BINDING = "sha256(_BINDING_LABEL + noise.handshake_hash).digest()"
_NAMES = (
    "    if names != (credential.other, credential.own):\n"
    '        raise AuthenticationError("the pre-shared key is not for this ordered pair of names")\n'
    '    return PeerIdentity(credential.other, "psk", credential.expires)\n'
)
_EVENTS = "from sipc.events import Closed, Established, Event, How, Rejected\n"
_MORE_EVENTS = _EVENTS + "from sipc.envelope import Envelope\nfrom sipc.events import MessageReceived\n"


def _delivers(name: str) -> str:
    """An event that hands bytes to the test application as if they were a message."""
    return f'self._events.append(MessageReceived(Envelope({{0: 1, 1: 2, 2: 0, 4: "app.message", 14: {name}}})))\n'


def _legal(record: str, handler: str, phases: str, number: int, defect: str) -> Mutant:
    """A record that is legal in more phases than it should be."""
    old = f'        RecordType.{record}: ("{handler}", '
    now = "frozenset({Phase.CONFIRMING})" if record == "READY" else "_LISTENING"
    return Mutant(
        f"AUTH-05.m{number}", defect, (Patch(_SESSION, f"{old}{now}),\n", f"{old}{now} | {phases}),\n"),)
    )


PEERS: tuple[Mutant, ...] = (
    Mutant(
        "AUTH-01.m1",
        'server treats a missing client certificate as "anonymous"',
        (*_BARE, _NO_CHAIN, _anonymous("ResponderConfig")),
    ),
    Mutant(
        "AUTH-01.m2",
        "server emits `established` after sending its own last flight",
        (
            Patch(
                _CONNECTION,
                _TAKEN,
                _TAKEN.replace(
                    "        if outcome",
                    "        if outcome is None and self._out and not self._context.initiator:\n"
                    '            self._events.append(Established("", "x509", "", "", 1, b""))\n'
                    "        if outcome",
                ),
            ),
        ),
    ),
    Mutant(
        "AUTH-01.m3",
        "client takes a server that presents no certificate for the intended one",
        (*_BARE, _NO_CHAIN, _anonymous("InitiatorConfig")),
    ),
    Mutant(
        "AUTH-01.m4",
        "application data may be sent before the peer has confirmed",
        (
            Patch(
                _SESSION,
                "        if self.phase is not Phase.OPEN:\n            raise LocalError(f",
                "        if self.phase not in (Phase.OPEN, Phase.CONFIRMING):\n            raise LocalError(f",
            ),
        ),
    ),
)

STATES: tuple[Mutant, ...] = (
    Mutant(
        "AUTH-05.m1",
        'server processes "success" messages (CVE-2018-10933)',
        (
            Patch(
                "sipc.handshake_responder",
                _TO_LAST,
                _TO_LAST + '        (State.ANSWERED, Kind.RETRY): "_on_success",\n',
            ),
            Patch(
                "sipc.handshake_responder",
                _ON_LAST,
                "    def _on_success(self, negotiation: bytes, message: bytes) -> State:\n"
                '        noise = require(self._noise, "message 2")\n'
                "        noise._position = len(noise._pattern.messages)\n"
                '        peer = PeerIdentity("spiffe://test.example/client", "x509")\n'
                "        return self._finish(noise, self._selection, peer, self._config.name)\n"
                "\n" + _ON_LAST,
            ),
            Patch(_PARTY, _PENDING, _PENDING.replace("Kind.RETRY, ", "")),
        ),
    ),
    Mutant(
        "AUTH-05.m2",
        "requests served while auth pending (CVE-2018-7750, CVE-2018-7749)",
        (
            Patch(
                _SESSION,
                '        RecordType.MSG: ("_on_message", _LISTENING),\n',
                '        RecordType.MSG: ("_on_message", _LISTENING | {Phase.CONFIRMING}),\n',
            ),
            Patch(
                _SESSION,
                "        refuse = None if self.phase is Phase.OPEN else Status.UNAVAILABLE\n",
                "        early = self.phase in (Phase.OPEN, Phase.CONFIRMING)\n"
                "        refuse = None if early else Status.UNAVAILABLE\n",
            ),
            Patch(
                "sipc_runtime.host",
                "            self._desks[endpoint].on_request(endpoint, event)\n",
                "            if endpoint not in self._desks:\n"
                '                nobody = Established("", "x509", "", "", 1, b"")\n'
                "                self._desks[endpoint] = Desk(nobody, self._methods, self._around)\n"
                "            self._desks[endpoint].on_request(endpoint, event)\n",
            ),
        ),
    ),
    Mutant(
        "AUTH-05.m3",
        "client skips the server-auth message (CVE-2020-24613)",
        (
            Patch(
                "sipc.handshake_initiator",
                "        peer = self._judge(payload, mode)\n",
                "        if payload or mode is Mode.PSK:\n"
                "            peer = self._judge(payload, mode)\n"
                "        else:\n"
                '            peer = PeerIdentity(self._config.expected_peer, "x509")\n',
            ),
        ),
    ),
    _legal("READY", "_on_ready", "{Phase.OPEN}", 4, "READY may come again"),
    Mutant(
        "AUTH-05.m5",
        "unknown records are ignored before READY as well",
        (
            Patch(
                _SESSION,
                "            if self.phase is Phase.CONFIRMING:\n"
                '                raise ProtocolError("the first record is not READY")\n',
                "",
            ),
        ),
    ),
    Mutant(
        "AUTH-05.m6",
        "the next frame may come before the answer to the last one",
        (Patch(_PARTY, _PENDING, "        if False:\n"),),
    ),
    Mutant(
        "AUTH-05.m7",
        "a PONG that answers nothing is ignored",
        (
            Patch(
                _SESSION,
                "        if not self._pings or self._pings.popleft() != payload:\n",
                "        if self._pings and self._pings.popleft() != payload:\n",
            ),
        ),
    ),
    _legal("REKEY", "_on_rekey", "{Phase.CONFIRMING}", 8, "REKEY may come before READY"),
    Mutant(
        "AUTH-05.m9",
        "a handshake frame that is not due is ignored",
        (
            Patch(
                _PARTY,
                '            raise ProtocolError(f"{kind.name} frame while {state.name}", stage="handshake")\n',
                "            return state\n",
            ),
        ),
    ),
    _legal("PING", "_on_ping", "{Phase.CONFIRMING}", 10, "PING may come before READY"),
    Mutant(
        "AUTH-05.m11",
        "an unfinished attempt may be begun anew with another OFFER",
        (
            Patch(
                "sipc.handshake_responder",
                _TO_LAST,
                _TO_LAST
                + '        (State.ANSWERED, Kind.OFFER): "_on_offer",\n'
                + '        (State.RETRYING, Kind.OFFER): "_on_offer",\n',
            ),
        ),
    ),
)

BINDINGS: tuple[Mutant, ...] = (
    Mutant(
        "AUTH-08.m1",
        "binding = ck or session counter",
        (Patch(_PARTY, _BINDING, "sha256(_BINDING_LABEL + peer.name.encode() + own.encode()).digest()"),),
    ),
    Mutant(
        "AUTH-08.m2",
        "peer id copied from an in-band claim",
        (
            Patch(
                _PROOF,
                _NAMES,
                _NAMES.replace(
                    "names != (credential.other, credential.own)", "names[1] != credential.own"
                ).replace("PeerIdentity(credential.other", "PeerIdentity(names[0]"),
            ),
        ),
    ),
    Mutant(
        "AUTH-08.m3",
        "binding differs between the two ends",
        (Patch(_PARTY, _BINDING, "sha256(self._ROLE.encode() + noise.handshake_hash).digest()"),),
    ),
    Mutant(
        "AUTH-08.m4",
        "a certified peer is called as its offer says",
        (
            Patch(
                "sipc.handshake_responder",
                "        if self._shared is not None:\n            peer = with_shared_key",
                "        if self._psk_id and self._shared is None:\n"
                '            peer = PeerIdentity(self._psk_id.decode(), "x509", peer.valid_until)\n'
                "        if self._shared is not None:\n            peer = with_shared_key",
            ),
        ),
    ),
    Mutant(
        "AUTH-08.m5",
        "binding covers the first message only, which can be replayed",
        (
            Patch(
                "sipc.handshake_responder",
                "        payload = self._read(noise, message)\n        if suite.mode is Mode.PSK",
                "        payload = self._read(noise, message)\n"
                "        noise.early = noise.handshake_hash\n"
                "        if suite.mode is Mode.PSK",
            ),
            Patch(
                "sipc.handshake_initiator",
                "        return noise, noise.write_message(payload)\n",
                "        message = noise.write_message(payload)\n"
                "        noise.early = noise.handshake_hash\n"
                "        return noise, message\n",
            ),
            Patch(
                "sipc.noise_handshake",
                '        "remote_static",\n',
                '        "remote_static",\n        "early",\n',
            ),
            Patch(_PARTY, _BINDING, "sha256(_BINDING_LABEL + noise.early).digest()"),
        ),
    ),
    Mutant(
        "AUTH-10.m1",
        "auth_success counted when message 2 is sent",
        (
            Patch(
                _CONNECTION,
                "        self._session = session\n",
                "        self._session = session\n"
                "        if not context.initiator:\n"
                "            self._events.append(established)\n",
            ),
        ),
    ),
    Mutant(
        "AUTH-10.m2",
        "first-flight payload handed to the application",
        (
            Patch(
                "sipc.handshake_responder",
                "        if payload:\n"
                '            raise MalformedError("message 1 must not carry anything", stage="handshake")\n',
                "        self.early = payload\n",
            ),
            Patch(_CONNECTION, _EVENTS, _MORE_EVENTS),
            Patch(
                _CONNECTION,
                _TAKEN,
                '        early, self._handshake.early = getattr(self._handshake, "early", b""), b""\n'
                "        if early:\n"
                "            " + _delivers("early") + _TAKEN,
            ),
        ),
    ),
)

FAULTS: tuple[Mutant, ...] = ()

CONNECTIONS: tuple[Mutant, ...] = (
    Mutant(
        "AUTH-14.m1",
        "session resumed by plain id",
        (
            *_BARE,
            _NO_CHAIN,
            Patch(
                _PROOF,
                _CHAIN,
                "    if isinstance(config, ResponderConfig) and payload[:5] == b'\\0\\x03\\xa1\\x01\\x80':\n"
                "        if config.service in _earlier:\n"
                "            return _earlier[config.service]\n" + _CHAIN,
            ),
            Patch(
                _PROOF,
                '    return PeerIdentity(leaf.name, "x509", leaf.valid_until)\n',
                '    _earlier[config.service] = PeerIdentity(leaf.name, "x509", leaf.valid_until)\n'
                '    return PeerIdentity(leaf.name, "x509", leaf.valid_until)\n'
                "\n\n"
                "_earlier: dict[str, PeerIdentity] = {}\n",
            ),
        ),
    ),
    Mutant(
        "AUTH-14.m2",
        'server keeps session keys for "the same socket path"',
        (
            Patch(
                _CONNECTION,
                "        if self._session is not None:\n            self._session.receive(data, now)\n",
                "        if self._session is None and not self._context.initiator and _kept:\n"
                '            if data[2:6] != b"SIPC" and not self._ended:\n'
                "                start, settings, opener = _kept[-1]\n"
                "                self._session = Session(start, settings, self._events, self._timers)\n"
                "                self._session._opener = opener\n"
                "                self._session.phase = Phase.OPEN\n"
                "                self._session._exchange.receive = self._any\n"
                "        if self._session is not None:\n            self._session.receive(data, now)\n",
            ),
            Patch(
                _CONNECTION,
                "        self._session = session\n",
                "        self._session = session\n"
                "        if not context.initiator:\n"
                "            _kept.append((start, self._settings, session._opener))\n",
            ),
            Patch(_CONNECTION, _EVENTS, _MORE_EVENTS),
            Patch(
                _CONNECTION,
                "    def _open(self) -> Session:\n",
                "    def _any(self, message, now, refuse=None):\n"
                "        from sipc.cbor import decode\n"
                "        self._events.append(MessageReceived(Envelope(decode(message))))\n"
                "\n"
                "    def _open(self) -> Session:\n",
            ),
            Patch(_CONNECTION, "class Connection:\n", "_kept: list = []\n\n\nclass Connection:\n"),
        ),
    ),
    Mutant(
        "AUTH-16.m1",
        "leftover plaintext buffer handed to the record layer",
        (
            Patch(
                _PARTY,
                _PENDING,
                "        if self._reader.pending and kind is Kind.OFFER:\n"
                "            self.leftover = self._reader.take()\n"
                "        if self._reader.pending and kind in (Kind.RETRY, Kind.CHOICE):\n",
            ),
            Patch(_CONNECTION, _EVENTS, _MORE_EVENTS),
            Patch(
                _CONNECTION,
                "        trailing = self._handshake.trailing()\n",
                '        leftover = getattr(self._handshake, "leftover", b"")\n'
                "        if leftover:\n"
                "            " + _delivers("leftover") + "        trailing = self._handshake.trailing()\n",
            ),
        ),
    ),
    Mutant(
        "AUTH-16.m2",
        "closed socket skips handshake but still readable",
        (
            Patch(_CONNECTION, _EVENTS, _MORE_EVENTS),
            Patch(
                _CONNECTION,
                "        except SipcError as error:\n            self._take_handshake_output()\n",
                "        except SipcError as error:\n"
                "            if not self._context.initiator:\n"
                '                self._raw = getattr(self, "_raw", b"") + data\n'
                "                return\n"
                "            self._take_handshake_output()\n",
            ),
            Patch(
                _CONNECTION,
                '            self._reject("handshake", "peer-closed", detail)\n',
                '            if getattr(self, "_raw", b""):\n'
                "                "
                + _delivers("self._raw")
                + '            self._reject("handshake", "peer-closed", detail)\n',
            ),
        ),
    ),
)
