"""Defects in when and for what a peer counts as authenticated: AUTH-01, 08, 10."""

from sipc_mutants.authentication_parts import (
    BARE,
    CHAIN,
    CONNECTION,
    EVENTS,
    MORE_EVENTS,
    NO_CHAIN,
    PARTY,
    PROOF,
    SESSION,
    UNKNOWN,
    delivers,
)
from sipc_mutants.model import Mutant, Patch


def _anonymous(role: str) -> Patch:
    return Patch(
        PROOF,
        CHAIN,
        f"    if isinstance(config, {role}) and payload[:5].startswith(b'\\0\\x03\\xa1\\x01\\x80'):\n"
        "        name = config.expected_peer if isinstance(config, InitiatorConfig) else 'anonymous'\n"
        '        return PeerIdentity(name, "x509")\n' + CHAIN,
    )


_TAKEN = (
    "        self._take_handshake_output()\n"
    "        outcome = self._handshake.result\n"
    "        if outcome is not None:\n"
)

_BINDING = "sha256(_BINDING_LABEL + noise.handshake_hash).digest()"

_NAMES = (
    "    if names != (credential.other, credential.own):\n"
    '        raise AuthenticationError("the pre-shared key is not for this ordered pair of names")\n'
    '    return PeerIdentity(credential.other, "psk", credential.expires)\n'
)

PEERS: tuple[Mutant, ...] = (
    Mutant(
        "AUTH-01.m1",
        'server treats a missing client certificate as "anonymous"',
        (*BARE, NO_CHAIN, _anonymous("ResponderConfig")),
    ),
    Mutant(
        "AUTH-01.m2",
        "server emits `established` after sending its own last flight",
        (
            Patch(
                CONNECTION,
                _TAKEN,
                _TAKEN.replace(
                    "        if outcome",
                    "        if outcome is None and self._out and not self._context.initiator:\n"
                    '            self.events.append(Established("", "x509", "", "", 1, b""))\n'
                    "        if outcome",
                ),
            ),
        ),
    ),
    Mutant(
        "AUTH-01.m3",
        "client takes a server that presents no certificate for the intended one",
        (*BARE, NO_CHAIN, _anonymous("InitiatorConfig")),
    ),
    Mutant(
        "AUTH-01.m4",
        "application data may be sent before the peer has confirmed",
        (
            Patch(
                SESSION,
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
        (Patch(PARTY, _BINDING, "sha256(_BINDING_LABEL + peer.name.encode() + own.encode()).digest()"),),
    ),
    Mutant(
        "AUTH-08.m2",
        "peer id copied from an in-band claim",
        (
            Patch(
                PROOF,
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
        (Patch(PARTY, _BINDING, "sha256(self._ROLE.encode() + noise.handshake_hash).digest()"),),
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
            Patch(PARTY, _BINDING, "sha256(_BINDING_LABEL + noise.early).digest()"),
        ),
    ),
    Mutant(
        "AUTH-08.m6",
        "every client is called as the first one was",
        (
            Patch(
                CONNECTION,
                "            outcome.peer.name,\n            outcome.peer.kind,\n",
                "            outcome.peer.name if self._context.initiator else _first.setdefault(0, outcome.peer.name),\n"
                "            outcome.peer.kind,\n",
            ),
            Patch(CONNECTION, "class Connection:\n", "_first: dict[int, str] = {}\n\n\nclass Connection:\n"),
        ),
    ),
    Mutant(
        "AUTH-08.m7",
        "a client does not look at the names that the server's proof carries",
        (
            Patch(
                "sipc.handshake_initiator",
                "            return shared_key_peer(shared, payload)\n",
                '            return PeerIdentity(shared.other, "psk", shared.expires)\n',
            ),
        ),
    ),
    Mutant(
        "AUTH-10.m1",
        "auth_success counted when message 2 is sent",
        (
            Patch(
                CONNECTION,
                "        self._session = session\n",
                "        self._session = session\n"
                "        if not context.initiator:\n"
                "            self.events.append(established)\n",
            ),
        ),
    ),
    Mutant(
        "AUTH-10.m2",
        "first-flight payload handed to the application",
        (
            UNKNOWN,
            Patch(
                "sipc.handshake_responder",
                "        if payload:\n"
                '            raise MalformedError("message 1 must not carry anything", stage="handshake")\n',
                "        self.early = payload\n",
            ),
            Patch(CONNECTION, EVENTS, MORE_EVENTS),
            Patch(
                CONNECTION,
                _TAKEN,
                '        early, self._handshake.early = getattr(self._handshake, "early", b""), b""\n'
                "        if early:\n"
                "            " + delivers("early") + _TAKEN,
            ),
        ),
    ),
)
