"""Defects in when and for what a peer counts as authenticated: AUTH-01, 08, 10, 13, 14, 16."""

from sipc_mutants.model import Mutant, Patch

_PARTY = "sipc.handshake_party"
_PROOF = "sipc.handshake_proof"
_SESSION = "sipc.session"
_CONNECTION = "sipc.connection"

_CHAIN = (
    "    leaf = config.trust.validate_chain(read_certificates(payload), wall)\n"
    "    if leaf.public_key != proven:\n"
)
_CERTIFIED = '    return PeerIdentity(leaf.name, "x509", leaf.valid_until)\n'
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
                "        if self.phase is not _OPEN:\n            raise LocalError(f",
                "        if self.phase not in (Phase.OPEN, Phase.CONFIRMING):\n            raise LocalError(f",
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
        "AUTH-08.m6",
        "every client is called as the first one was",
        (
            Patch(
                _CONNECTION,
                "            outcome.peer.name,\n            outcome.peer.kind,\n",
                "            outcome.peer.name if self._context.initiator else _first.setdefault(0, outcome.peer.name),\n"
                "            outcome.peer.kind,\n",
            ),
            Patch(_CONNECTION, "class Connection:\n", "_first: dict[int, str] = {}\n\n\nclass Connection:\n"),
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

_HUNG_UP = (
    "            self._alarm.set(deadline)\n"
    "            try:\n"
    "                connection = self._origin.connection()\n"
)
_SERVE = "        CONNECTION_THREADS.submit(lambda: self._serve(endpoint))\n"
_NO_KEY = (
    '        if FAULTS.armed and FAULTS.hit("key-store"):\n'
    '            raise LocalError("the key store gives no key")\n'
)


def _validated(broken: str, caught: str = "") -> Patch:
    """A judgement that stands although the verifier gave none."""
    chosen = "            leaf = VerifiedLeaf(load(chain[0]).uris[0], proven, wall + 3600)\n"
    tried = (
        "    from sipc.certificates import load\n"
        "    from sipc.errors import SipcError\n"
        "    from sipc.x509 import VerifiedLeaf\n"
        "\n"
        "    chain = read_certificates(payload)\n"
        "    leaf = None\n"
        "    try:\n"
        "        leaf = config.trust.validate_chain(chain, wall)\n"
        f"{caught}"
        f"{broken}{chosen}"
        "    if leaf.public_key != proven:\n"
    )
    return Patch(_PROOF, _CHAIN, tried)


FAULTS: tuple[Mutant, ...] = (
    Mutant(
        "AUTH-13.m1",
        "except Exception: pass",
        (
            _validated(
                "",
                "    except SipcError:\n        raise\n    except Exception:\n        if leaf is None:\n",
            ),
        ),
    ),
    Mutant(
        "AUTH-13.m2",
        "None treated as truthy default",
        (_validated("        if leaf is None:\n", "    finally:\n        pass\n    if not leaf:\n"),),
    ),
    Mutant(
        "AUTH-13.m3",
        "hang blocks all accepts",
        (Patch("sipc_runtime.server", _SERVE, "        self._serve(endpoint)\n"),),
    ),
    Mutant(
        "AUTH-13.m4",
        "zeros stand in for random bytes that did not come",
        (
            Patch(
                "sipc_runtime.entropy",
                '            raise LocalError("the operating system gives no random bytes")\n',
                "            return bytes(n)\n",
            ),
        ),
    ),
    Mutant(
        "AUTH-13.m5",
        "a key store that gives no key is passed over",
        (Patch("sipc_runtime.server", _NO_KEY, _NO_KEY.replace("raise LocalError(", "str(")),),
    ),
    Mutant(
        "AUTH-13.m6",
        "a key store that fails takes the listener with it",
        (
            Patch(
                "sipc_runtime.server",
                "            Origin(lambda: stream, lambda: self._connection(accepted_at)),\n",
                "            Origin(lambda: stream, partial(_same, self._connection(accepted_at))),\n",
            ),
            Patch(
                "sipc_runtime.server",
                "class Server:\n",
                "def _same(connection: Connection) -> Connection:\n"
                "    return connection\n"
                "\n\n"
                "from functools import partial\n"
                "\n\n"
                "class Server:\n",
            ),
        ),
    ),
    Mutant(
        "AUTH-13.m7",
        "an attempt whose key store hangs has no deadline",
        (Patch("sipc_runtime.endpoint", _HUNG_UP, _HUNG_UP.partition("\n")[2]),),
    ),
    Mutant(
        "AUTH-13.m8",
        "a client whose key store gives no key is given another one",
        (Patch("sipc_runtime.client", _NO_KEY, _NO_KEY.replace("raise LocalError(", "str(")),),
    ),
)

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
                _CERTIFIED,
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
        "AUTH-14.m3",
        "client that met a server once does not look at its certificates again",
        (
            Patch(
                _PROOF,
                _CHAIN,
                "    if isinstance(config, InitiatorConfig) and config.service in _met:\n"
                "        return _met[config.service]\n" + _CHAIN,
            ),
            Patch(
                _PROOF,
                _CERTIFIED,
                '    _met[config.service] = PeerIdentity(leaf.name, "x509", leaf.valid_until)\n'
                + _CERTIFIED
                + "\n\n_met: dict[str, PeerIdentity] = {}\n",
            ),
        ),
    ),
    Mutant(
        "AUTH-14.m4",
        "server lets in whoever names a client that was there before",
        (
            Patch(
                _PROOF,
                _CHAIN,
                "    if isinstance(config, ResponderConfig) and _been:\n"
                "        from sipc.certificates import load\n"
                "\n"
                "        claimed = load(read_certificates(payload)[0]).uris[0]\n"
                "        if (config.service, claimed) in _been:\n"
                "            return _been[config.service, claimed]\n" + _CHAIN,
            ),
            Patch(
                _PROOF,
                _CERTIFIED,
                '    _been[config.service, leaf.name] = PeerIdentity(leaf.name, "x509", leaf.valid_until)\n'
                + _CERTIFIED
                + "\n\n_been: dict[tuple[str, str], PeerIdentity] = {}\n",
            ),
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
