"""Defects in what is the least that is accepted: DOWN-04, DOWN-11, DOWN-12."""

from sipc_mutants.model import Mutant, Patch

_NEGOTIATION = "sipc.negotiation"
_INITIATOR = "sipc.handshake_initiator"
_METRICS = "sipc_runtime.metrics"
_NO_VERSION = "    if not versions:\n        return RejectCode.VERSION\n"
_NO_SUITE = "    return RejectCode.NO_COMMON_SUITE\n"
_VERSIONS = "    versions = [version for version in VERSIONS if policy.accepts_version(version) and low <= version <= high]\n"
_RETRY_ALLOWED = "        and policy.accepts_version(selection.version)\n        and policy.accepts_suite(selection.suite)\n"
_KNOWN = "(number for number in (1, 2, 0x11, 0x12, 0x21) if number in offer.suites)"
_FALL_BACK = f"    for number in {_KNOWN}:\n        return Selection(max(versions), number)\n{_NO_SUITE}"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "DOWN-04.m1",
        "floor only logged",
        (
            Patch(
                _NEGOTIATION,
                _NO_VERSION,
                "    if not versions:\n"
                '        __import__("logging").getLogger("sipc").info("version below the floor")\n'
                "        versions = [version for version in VERSIONS if low <= version <= high]\n"
                + _NO_VERSION,
            ),
            Patch(
                _NEGOTIATION,
                _NO_SUITE,
                '    __import__("logging").getLogger("sipc").info("suites below the floor")\n' + _FALL_BACK,
            ),
        ),
    ),
    Mutant(
        "DOWN-04.m2",
        "floor compared with offered max instead of the chosen value",
        (
            Patch(
                _NEGOTIATION,
                _VERSIONS,
                "    known = offer.chosen in VERSIONS and high >= policy.versions[0]\n"
                "    versions = [offer.chosen] if known else []\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-04.m3",
        "debug env var disables it",
        (
            Patch(
                _NEGOTIATION,
                _NO_SUITE,
                '    if __import__("os").environ.get("SIPC_DEBUG"):\n'
                + "".join(f"    {line}\n" for line in _FALL_BACK.splitlines()[:-1])
                + _NO_SUITE,
            ),
        ),
    ),
    Mutant(
        "DOWN-04.m4",
        "the mandatory suites need no permission where there is no alternative",
        (
            Patch(
                _NEGOTIATION,
                _NO_SUITE,
                "    for number in (1, 0x11):\n"
                "        if number in offer.suites:\n"
                "            return Selection(max(versions), number)\n" + _NO_SUITE,
            ),
        ),
    ),
    Mutant(
        "DOWN-04.m5",
        "an initiator follows a retry below its own floor",
        (
            Patch(_NEGOTIATION, _RETRY_ALLOWED, "        and selection.version in VERSIONS\n"),
            Patch(
                _NEGOTIATION,
                "        and selection.suite in offer.suites\n",
                "        and selection.suite in (1, 2, 0x11, 0x12)\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-04.m6",
        "a refusal lowers the versions of the next attempt",
        (
            Patch(
                _INITIATOR,
                "        text, reason = REFUSALS.get(reject.code",
                "        _HEARD.append(reject.highest)\n        text, reason = REFUSALS.get(reject.code",
            ),
            Patch(
                _INITIATOR,
                "class Initiator(Party):\n",
                "_HEARD: list[int] = []\n\n\nclass Initiator(Party):\n",
            ),
            Patch(
                _INITIATOR,
                "        self._config = config\n",
                "        if _HEARD and config.versions[0] > 1:\n"
                "            lowest = 1\n"
                '            config = __import__("dataclasses").replace(config, versions=(lowest, config.versions[1]))\n'
                "        self._config = config\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-04.m7",
        "a server without a common suite ends in silence, as if the stream had broken",
        (
            Patch(
                "sipc.handshake_responder",
                '            self._farewell = encode_frame(Reject(self._config.policy.highest, selection).encode(), b"")\n'
                '            raise NegotiationError(f"offer refused: {REFUSALS[selection][0]}")\n',
                '            raise MalformedError("offer not understood", stage="negotiation")\n',
            ),
        ),
    ),
    Mutant(
        "DOWN-11.m1",
        "principal namespace shared between psk id and SAN",
        (
            Patch(
                "sipc.handshake_proof",
                '    return PeerIdentity(credential.other, "psk", credential.expires)\n',
                '    return PeerIdentity(credential.identity, "x509", credential.expires)\n',
            ),
        ),
    ),
    Mutant(
        "DOWN-11.m2",
        'NN suite left enabled by the "test" profile',
        (
            Patch(
                "sipc.noise_handshake",
                '    NNPSK0 = (("psk", "e"), ("e", "ee"))\n',
                '    NNPSK0 = (("psk", "e"), ("e", "ee"))\n    NN = (("e",), ("e", "ee"))\n',
            ),
            Patch("sipc.noise_handshake", "_PATTERN_NAMES = {", '_PATTERN_NAMES = {Pattern.NN: "NN", '),
            Patch("sipc.suites", "_MODES = {", '_MODES = {getattr(Pattern, "NN", Pattern.XX): Mode.X509, '),
            Patch(
                "sipc.suites",
                "        (0x0021, Pattern.XXPSK3, Cipher.CHACHAPOLY),\n",
                "        (0x0021, Pattern.XXPSK3, Cipher.CHACHAPOLY),\n"
                '        (0x7F02, getattr(Pattern, "NN", Pattern.XX), Cipher.CHACHAPOLY),\n',
            ),
            Patch(
                "sipc.handshake_responder",
                '        self._outbox = encode_frame(b"", noise.write_message(config.certificates))\n',
                '        self._outbox = encode_frame(b"", noise.write_message(config.certificates))\n'
                "        if suite.id == 0x7F02:\n"
                '            nobody = PeerIdentity("anonymous", "x509")\n'
                "            return self._finish(noise, self._selection, nobody, config.name)\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-11.m3",
        "a role that was granted to a name counts whatever proved it",
        (
            Patch(
                "sipc_runtime.permission",
                "            return bool({(None, peer.peer, role), (peer.credential, peer.peer, role)} & self._granted)\n",
                "            return (peer.peer, role) in {one[1:] for one in self._granted}\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-11.m4",
        "a pre-shared key in the trust store is enough, where it was to be proved beside a certificate",
        (
            Patch(
                "sipc.handshake_config",
                "        return Policy(self.versions, self.suites or suites_of(mode))\n",
                "        keyed = suites_of(Mode.PSK) if self.trust._psks else ()\n"
                "        return Policy(self.versions, (*(self.suites or suites_of(mode)), *keyed))\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-11.m5",
        "an initiator that wants both proofs does with certificates when it is asked to",
        (
            Patch(
                _NEGOTIATION,
                _RETRY_ALLOWED,
                _RETRY_ALLOWED.replace(
                    "policy.accepts_suite(selection.suite)",
                    "(policy.accepts_suite(selection.suite) or selection.suite == 1)",
                ),
            ),
            Patch(
                _NEGOTIATION,
                "        and selection.suite in offer.suites\n",
                "        and (selection.suite in offer.suites or 0x21 in offer.suites)\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-11.m6",
        "a client offers suites of every mode, to reach older services too",
        (
            Patch(
                "sipc.handshake_config",
                "            suites=(*(suite.id for suite in self.policy.suites), *self.grease),\n",
                "            suites=(*(suite.id for suite in self.policy.suites), *self.grease, *_OLDER.get(self.mode, ())),\n",
            ),
            Patch(
                "sipc.handshake_config",
                "class _Prepared:\n",
                "_OLDER = {Mode.X509: (0x11, 0x12), Mode.PSK: (1, 2)}\n\n\nclass _Prepared:\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-12.m1",
        "the policy of a listener is read once, when it begins",
        (
            Patch(
                "sipc_runtime.server",
                'begins from now on."""\n        self._config = replace(config, revoked=self._revoked)\n',
                'begins from now on."""\n        kept = (self._config.suites, self._config.versions)\n'
                "        self._config = replace(config, suites=kept[0], versions=kept[1], revoked=self._revoked)\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-12.m2",
        "metric reports configured instead of negotiated suite",
        (
            Patch(
                _METRICS,
                '            self.count(f"suite:{event.suite}")\n',
                "            self.count(f\"suite:{event.suite.replace('AESGCM', 'ChaChaPoly')}\")\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-12.m3",
        "the magic of an earlier generation is understood as well",
        (
            Patch(
                "sipc.framing",
                "        if not MAGIC.startswith(buffer[2 : min(middle, 6)]):\n",
                '        if not any(one.startswith(buffer[2 : min(middle, 6)]) for one in (MAGIC, b"SIPB")):\n',
            ),
            Patch(
                _NEGOTIATION,
                "not data.startswith(MAGIC)",
                'not data.startswith((MAGIC, b"SIPB"))',
            ),
        ),
    ),
    Mutant(
        "DOWN-12.m4",
        "a greeting is judged when all that it announces is there",
        (
            Patch(
                "sipc.framing",
                "        if not MAGIC.startswith(buffer[2 : min(middle, 6)]):\n",
                "        if len(buffer) >= middle + 2 and not MAGIC.startswith(buffer[2 : min(middle, 6)]):\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-12.m5",
        "a change of something else brings back what was removed",
        (Patch("sipc_driver.configuring", "    listening.params.update(given)\n", "    del given\n"),),
    ),
    Mutant(
        "DOWN-12.m6",
        "refused greetings are not counted apart",
        (
            Patch(
                _METRICS,
                '                self.count("legacy_refused")\n',
                '                self.count("refused")\n',
            ),
        ),
    ),
    Mutant(
        "DOWN-12.m7",
        "the version that is counted is the highest one, not the one in use",
        (
            Patch(
                _METRICS,
                '            self.count(f"version:{event.version}")\n',
                '            self.count("version:127")\n',
            ),
        ),
    ),
)
