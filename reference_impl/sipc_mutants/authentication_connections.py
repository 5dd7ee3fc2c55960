"""Defects in what failures and earlier sessions leave behind: AUTH-13, 14, 16."""

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

_CERTIFIED = '    return PeerIdentity(leaf.name, "x509", leaf.valid_until)\n'

_PENDING = "        if self._reader.pending and kind in (Kind.OFFER, Kind.RETRY, Kind.CHOICE):\n"

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
    return Patch(PROOF, CHAIN, tried)


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
            *BARE,
            NO_CHAIN,
            Patch(
                PROOF,
                CHAIN,
                "    if isinstance(config, ResponderConfig) and payload[:5] == b'\\0\\x03\\xa1\\x01\\x80':\n"
                "        if config.service in _earlier:\n"
                "            return _earlier[config.service]\n" + CHAIN,
            ),
            Patch(
                PROOF,
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
            UNKNOWN,
            Patch(
                CONNECTION,
                "        if self._session is not None:\n            self._session.receive(data, now)\n",
                "        if self._session is None and not self._context.initiator and _kept:\n"
                '            fresh = getattr(self._handshake, "state", None)\n'
                '            if data[2:6] != b"SIPC" and fresh is not None and fresh.name == "LISTENING":\n'
                "                start, settings, old = _kept[-1]\n"
                "                self._session = Session(start, settings, self.events, self.timers)\n"
                "                self._session.phase = Phase.OPEN\n"
                "                taken = old._exchange.received\n"
                "                self._session._exchange.set_number(taken, sending=False)\n"
                "        if self._session is not None:\n            self._session.receive(data, now)\n",
            ),
            Patch(
                CONNECTION,
                "        self._session = session\n",
                "        self._session = session\n"
                "        if not context.initiator:\n"
                "            _kept.append((start, self._settings, session))\n",
            ),
            Patch(CONNECTION, "class Connection:\n", "_kept: list = []\n\n\nclass Connection:\n"),
        ),
    ),
    Mutant(
        "AUTH-14.m3",
        "client that met a server once does not look at its certificates again",
        (
            Patch(
                PROOF,
                CHAIN,
                "    if isinstance(config, InitiatorConfig) and config.service in _met:\n"
                "        return _met[config.service]\n" + CHAIN,
            ),
            Patch(
                PROOF,
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
                PROOF,
                CHAIN,
                "    if isinstance(config, ResponderConfig) and _been:\n"
                "        from sipc.certificates import load\n"
                "\n"
                "        claimed = load(read_certificates(payload)[0]).uris[0]\n"
                "        if (config.service, claimed) in _been:\n"
                "            return _been[config.service, claimed]\n" + CHAIN,
            ),
            Patch(
                PROOF,
                _CERTIFIED,
                '    _been[config.service, leaf.name] = PeerIdentity(leaf.name, "x509", leaf.valid_until)\n'
                + _CERTIFIED
                + "\n\n_been: dict[tuple[str, str], PeerIdentity] = {}\n",
            ),
        ),
    ),
    Mutant(
        "AUTH-14.m5",
        "who attaches to an established connection is taken for the one who was there",
        (
            Patch(
                SESSION,
                "        if self.phase is not _OPEN and self.phase in _DEAF:\n            return\n        try:\n",
                "        if self.phase is not _OPEN and self.phase in _DEAF:\n            return\n"
                '        if data[2:6] == b"SIPC":\n'
                "            self._events.append(self._start.established)\n"
                "            return\n"
                "        try:\n",
            ),
        ),
    ),
    Mutant(
        "AUTH-16.m1",
        "leftover plaintext buffer handed to the record layer",
        (
            UNKNOWN,
            Patch(
                PARTY,
                _PENDING,
                "        if self._reader.pending and kind is Kind.OFFER:\n"
                "            self.leftover = self._reader.take()\n"
                "        if self._reader.pending and kind in (Kind.RETRY, Kind.CHOICE):\n",
            ),
            Patch(CONNECTION, EVENTS, MORE_EVENTS),
            Patch(
                CONNECTION,
                "        trailing = self._handshake.trailing()\n",
                '        leftover = getattr(self._handshake, "leftover", b"")\n'
                "        if leftover:\n"
                "            " + delivers("leftover") + "        trailing = self._handshake.trailing()\n",
            ),
        ),
    ),
    Mutant(
        "AUTH-16.m2",
        "closed socket skips handshake but still readable",
        (
            UNKNOWN,
            Patch(CONNECTION, EVENTS, MORE_EVENTS),
            Patch(
                CONNECTION,
                "        except SipcError as error:\n            self._take_handshake_output()\n",
                "        except SipcError as error:\n"
                "            if not self._context.initiator:\n"
                '                self._raw = getattr(self, "_raw", b"") + data\n'
                "                return\n"
                "            self._take_handshake_output()\n",
            ),
            Patch(
                CONNECTION,
                '            self._reject("handshake", "peer-closed", detail)\n',
                '            if getattr(self, "_raw", b""):\n'
                "                "
                + delivers("self._raw")
                + '            self._reject("handshake", "peer-closed", detail)\n',
            ),
        ),
    ),
    Mutant(
        "AUTH-16.m3",
        "a client reads what came in clear when the handshake comes to nothing",
        (
            Patch(CONNECTION, EVENTS, MORE_EVENTS),
            Patch(
                CONNECTION,
                "        except SipcError as error:\n            self._take_handshake_output()\n",
                "        except SipcError as error:\n"
                "            if self._context.initiator:\n"
                '                self._raw = getattr(self, "_raw", b"") + data\n'
                "                return\n"
                "            self._take_handshake_output()\n",
            ),
            Patch(
                CONNECTION,
                '            self._reject("handshake", "peer-closed", detail)\n',
                '            if getattr(self, "_raw", b""):\n'
                "                "
                + delivers("self._raw")
                + '            self._reject("handshake", "peer-closed", detail)\n',
            ),
        ),
    ),
)
