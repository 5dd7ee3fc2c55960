"""What several defects in authentication need."""

from sipc_mutants.model import Patch

PARTY = "sipc.handshake_party"

PROOF = "sipc.handshake_proof"

SESSION = "sipc.session"

CONNECTION = "sipc.connection"

CHAIN = (
    "    leaf = config.trust.validate_chain(read_certificates(payload), wall)\n"
    "    if leaf.public_key != proven:\n"
)

NO_CREDENTIAL = (
    "    if credential is None:\n"
    '        raise LocalError("no credential: this side cannot prove who it is", reason="authentication")\n'
)

# The other end runs the same code and has to be able to go without a certificate.
BARE = (
    Patch("sipc.handshake_config", NO_CREDENTIAL, ""),
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

NO_CHAIN = Patch(
    "sipc.handshake_config",
    '        return pad(encode_certificates(require(chain, "certificates")))\n',
    "        return pad(encode_certificates(chain or ()))\n",
)

EVENTS = "from sipc.events import Closed, Established, Event, How, Rejected\n"

MORE_EVENTS = EVENTS + "from sipc.envelope import Envelope\nfrom sipc.events import MessageReceived\n"

# The driver tells of a message only when it knows the connection, which here was never established.
UNKNOWN = Patch(
    "sipc_driver.opening",
    "        if known is not None:\n            known.on_event(endpoint, event)\n",
    "        if known is None and not isinstance(event, Closed):\n"
    "            known = Conn(endpoint.label, self._reports, 1000, self._name)\n"
    "        if known is not None:\n            known.on_event(endpoint, event)\n",
)


def delivers(name: str) -> str:
    """An event that hands bytes to the test application as if they were a message."""
    return (
        f'self.events.append(MessageReceived(Envelope({{0: 1, 1: 2, 2: 0, 4: "app.message", 14: {name}}})))\n'
    )
