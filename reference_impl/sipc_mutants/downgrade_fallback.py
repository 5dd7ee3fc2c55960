"""Defects in what becomes of a failure, and in how numbers are treated that mean nothing: DOWN-06 to DOWN-08."""

from sipc_mutants.model import Mutant, Patch

_CONNECTION = "sipc.connection"
_INITIATOR = "sipc.handshake_initiator"
_NEGOTIATION = "sipc.negotiation"
_PARTY = "sipc.handshake_party"

_ROLE = 'Role = Literal["initiator", "responder"]\n'
_OPENING = "        if context.initiator:\n            self._take_handshake_output()\n"
_ENDED = "        elif not self._ended:\n            self._end_early(Rejected(stage, reason, detail))\n"
_EOF = '        else:\n            self._reject("handshake", "peer-closed", detail)\n'
_OFFER = "        offer, negotiation = config.offer, config.encoded_offer\n"
_ANSWERED = "        if message:\n            raise MalformedError("

# A session without keys, for either side.
_IN_CLEAR = (
    Patch(
        _CONNECTION,
        "class Peer(Protocol):\n",
        "_FAILED = [0]\n\n\n"
        "class _Clear:\n"
        "    nonce = 0\n\n"
        "    def encrypt(self, plaintext, ad=None):\n"
        "        return bytes(plaintext)\n\n"
        "    def decrypt(self, ciphertext, ad=None):\n"
        "        return bytes(ciphertext)\n\n"
        "    def rekey(self):\n"
        "        return None\n\n\n"
        "class _Outcome:\n"
        "    send, receive, channel_binding = _Clear(), _Clear(), bytes(32)\n"
        "    local_name, name, kind, valid_until, version = 'me', 'somebody', 'x509', None, 1\n"
        "    peer = suite = property(lambda self: self)\n\n\n"
        "class Peer(Protocol):\n",
    ),
    Patch(
        _CONNECTION,
        "    def _take_handshake_output(self) -> None:\n",
        "    def _in_clear(self, now):\n"
        "        self._start_session(_Outcome(), now)\n"
        "        self._session.phase = Phase.OPEN\n"
        "        self.timers.disarm(Timer.HANDSHAKE)\n"
        "        self.timers.disarm(Timer.FIRST)\n"
        "        self.events.append(self._session._start.established)\n\n"
        "    def _take_handshake_output(self) -> None:\n",
    ),
)

_NULL = (
    Patch(
        "sipc.noise",
        "class Cipher(Enum):\n",
        "class _Null:\n"
        "    def __init__(self, key):\n"
        "        self.key = key\n\n"
        "    def encrypt(self, nonce, data, associated_data):\n"
        "        return bytes(data) + bytes(16)\n\n"
        "    def decrypt(self, nonce, data, associated_data):\n"
        "        return bytes(data)[:-16]\n\n\n"
        "class Cipher(Enum):\n",
    ),
    Patch(
        "sipc.noise",
        '    AESGCM = ("AESGCM", AESGCM, ">4xQ")\n',
        '    AESGCM = ("AESGCM", AESGCM, ">4xQ")\n    NULL = ("NULL", _Null, "<4xQ")\n',
    ),
    Patch(
        "sipc.suites",
        "_BY_NAME = {",
        "class _WithNull(dict):\n"
        "    def __missing__(self, number):\n"
        "        if number == 0x7F01:\n"
        "            return Suite(number, NoiseProtocol(Pattern.XX, Cipher.NULL))\n"
        "        raise KeyError(number)\n\n\n"
        "SUITES = _WithNull(SUITES)\n_BY_NAME = {",
    ),
)


_LOST = Patch(
    _CONNECTION,
    _EOF,
    "        else:\n"
    "            from sipc.handshake_party import LEARNED\n\n"
    "            if self._context.initiator:\n"
    "                LEARNED.append(detail)\n"
    '            self._reject("handshake", "peer-closed", detail)\n',
)


# A session that comes about makes up for it, so that one case does not depend on another.
_FORGIVEN = Patch(
    _INITIATOR,
    "        peer = self._judge(payload, mode)\n",
    "        from sipc.handshake_party import LEARNED\n\n"
    "        peer = self._judge(payload, mode)\n        LEARNED.clear()\n",
)


def _remembers(number: int, defect: str, change: str, *learns: Patch) -> Mutant:
    """A client whose next offer depends on how an attempt failed.

    Args:
        number: Of the mutant.
        defect: What is wrong.
        change: Arguments of `replace` that make the next offer; LEARNED[-1] is what it remembers.
        learns: Where it does.
    """
    return Mutant(
        f"DOWN-07.m{number}",
        defect,
        (
            Patch(_PARTY, _ROLE, f"{_ROLE}LEARNED: list[object] = []\n"),
            Patch(
                _INITIATOR,
                _OFFER,
                "        import dataclasses\n\n"
                "        from sipc.handshake_party import LEARNED\n\n"
                "        offer = config.offer\n"
                "        if LEARNED:\n"
                f"            offer = dataclasses.replace(offer, {change})\n"
                "        negotiation = offer.encode()\n",
            ),
            *learns,
            _FORGIVEN,
        ),
    )


MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "DOWN-06.m1",
        "reconnects in clear after N failures",
        (
            *_IN_CLEAR,
            Patch(
                _CONNECTION,
                _OPENING,
                "        if context.initiator and _FAILED[0] >= 2:\n"
                "            _FAILED[0] = 0\n"
                "            self._in_clear(now)\n"
                "        elif context.initiator:\n            self._take_handshake_output()\n",
            ),
            Patch(
                _CONNECTION,
                _ENDED,
                "        elif not self._ended:\n"
                "            _FAILED[0] += self._context.initiator\n"
                "            self._end_early(Rejected(stage, reason, detail))\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-06.m2",
        "NULL mechanism accepted when peer asks",
        (
            *_NULL,
            Patch(
                _NEGOTIATION,
                "        return any(suite.id == number for suite in self.suites)\n",
                "        return number == 0x7F01 or any(suite.id == number for suite in self.suites)\n",
            ),
            Patch(
                _NEGOTIATION,
                "        and selection.suite in offer.suites\n",
                "        and (selection.suite == 0x7F01 or selection.suite in offer.suites)\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-06.m3",
        "a server goes on in clear with whoever does not begin with a handshake",
        (
            *_IN_CLEAR,
            Patch(
                _CONNECTION,
                "        except SipcError as error:\n            self._take_handshake_output()\n",
                "        except SipcError as error:\n"
                '            if not self._context.initiator and error.reason == "malformed":\n'
                "                self._in_clear(now)\n"
                "                return\n"
                "            self._take_handshake_output()\n",
            ),
        ),
    ),
    _remembers(
        1,
        "drops best suite after a reset",
        "suites=offer.suites[1:] or offer.suites",
        _LOST,
    ),
    _remembers(
        2,
        'removes extensions "for compatibility" and remembers it (the newer versions, after a refusal)',
        "versions=offer.versions[:1] * 2, chosen=offer.versions[0]",
        Patch(
            _INITIATOR,
            "        reject = Reject.parse(negotiation)\n",
            "        from sipc.handshake_party import LEARNED\n\n"
            "        reject = Reject.parse(negotiation)\n"
            "        LEARNED.append(reject)\n",
        ),
    ),
    _remembers(
        3,
        "begins its next offer with what an unauthenticated RETRY asked for",
        "suites=tuple(sorted(offer.suites, key=lambda one: one != LEARNED[-1]))",
        Patch(
            _INITIATOR,
            "        self._selection = selection\n        choice",
            "        from sipc.handshake_party import LEARNED\n\n"
            "        LEARNED.append(selection.suite)\n"
            "        self._selection = selection\n        choice",
        ),
    ),
    Mutant(
        "DOWN-07.m4",
        "after several failures the name of the server is not compared any more",
        (
            Patch(_PARTY, _ROLE, f"{_ROLE}LEARNED: list[object] = []\n"),
            _LOST,
            _FORGIVEN,
            Patch(
                _INITIATOR,
                "        if peer.name != self._config.expected_peer:\n",
                "        from sipc.handshake_party import LEARNED\n\n"
                "        if peer.name != self._config.expected_peer and len(LEARNED) < 5:\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-08.m1",
        "rejects unknown suite",
        (
            Patch(
                _NEGOTIATION,
                "    low, high = offer.versions\n    versions = [",
                "    from sipc.suites import SUITES\n\n"
                "    if any(number not in SUITES for number in offer.suites):\n"
                "        return RejectCode.NO_COMMON_SUITE\n"
                "    low, high = offer.versions\n    versions = [",
            ),
        ),
    ),
    Mutant(
        "DOWN-08.m2",
        "picks the unknown one",
        (
            Patch(
                _NEGOTIATION,
                "    for suite in policy.suites:\n        if suite.id in offer.suites:\n",
                "    from sipc.suites import SUITES\n\n"
                "    for number in offer.suites:\n"
                "        if number not in SUITES:\n"
                "            return Selection(max(versions), number)\n"
                "    for suite in policy.suites:\n        if suite.id in offer.suites:\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-08.m3",
        "treats max version + 1 as error",
        (
            Patch(
                _NEGOTIATION,
                "        if not 1 <= low <= chosen <= high:\n",
                "        if not 1 <= low <= chosen <= high <= max(VERSIONS):\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-08.m4",
        "refuses an offer that begins with something unknown instead of asking for something known",
        (
            Patch(
                _NEGOTIATION,
                "    for suite in policy.suites:\n        if suite.id in offer.suites:\n",
                "    for suite in policy.suites:\n        if suite.id == offer.suites[0]:\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-08.m5",
        "refuses a READY that announces features it does not know",
        (
            Patch(
                "sipc.control",
                "    if any(low >= high for low, high in itertools.pairwise(numbers)):\n",
                "    if numbers:\n",
            ),
        ),
    ),
)
