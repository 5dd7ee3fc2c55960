"""Messages that are taken when they are not due: AUTH-05."""

from sipc_mutants.model import Mutant, Patch

_PARTY = "sipc.handshake_party"
_SESSION = "sipc.session"
_PENDING = "        if self._reader.pending and kind in (Kind.OFFER, Kind.RETRY, Kind.CHOICE):\n"
_ON_LAST = "    def _on_last(self, negotiation: bytes, message: bytes) -> State:\n"
_TO_LAST = '        (State.ANSWERED, Kind.NONE): "_on_last",\n'


def _legal(record: str, handler: str, phases: str, number: int, defect: str) -> Mutant:
    """A record that is legal in more phases than it should be."""
    old = f'        RecordType.{record}: ("{handler}", '
    now = "frozenset({Phase.CONFIRMING})" if record == "READY" else "_LISTENING"
    return Mutant(
        f"AUTH-05.m{number}", defect, (Patch(_SESSION, f"{old}{now}),\n", f"{old}{now} | {phases}),\n"),)
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
                "        refuse = None if self.phase is _OPEN else Status.UNAVAILABLE\n",
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
    Mutant(
        "AUTH-05.m12",
        "a record of a type that is to be ignored is the end",
        (Patch(_SESSION, "            if self.phase is Phase.CONFIRMING:\n", "            if True:\n"),),
    ),
)
