"""Defects in negotiation, in what is selected: how it is bound, whether it is the best, whether it was offered."""

from sipc_mutants.model import Mutant, Patch

_NEGOTIATION = "sipc.negotiation"
_INITIATOR = "sipc.handshake_initiator"
_RESPONDER = "sipc.handshake_responder"
_CONFIG = "sipc.handshake_config"

_BLOCKS = '    blocks = _blocks(b"NoiseSocketInit3", (*first, retry, b"", choice))\n'
_COMPARED = (
    "        if parse_choice(negotiation) != self._selection:\n"
    '            raise NegotiationError("the initiator goes on with something else than it was asked to")\n'
)
_FIRST_RULE = "    if policy.accepts_suite(offer.suites[0]):\n        return Selection(max(versions), offer.suites[0])\n"
_SECOND_RULE = (
    "    for suite in policy.suites:\n"
    "        if suite.id in offer.suites:\n"
    "            return Selection(max(versions), suite.id)\n"
)
_ALLOWED = "        and policy.accepts_suite(selection.suite)\n        and selection.suite in offer.suites\n"
_NEWS = "        selection != Selection(offer.chosen, offer.suites[0])\n        and policy"
_VERSION = "policy.accepts_version(selection.version)"
_IMPORT = "from sipc.suites import VERSIONS, Suite\n"

_BOUND = (
    Mutant(
        "DOWN-02.m1",
        "Init3 prologue omits the response",
        (Patch(_NEGOTIATION, _BLOCKS, _BLOCKS.replace('retry, b"", ', "")),),
    ),
    Mutant(
        "DOWN-02.m2",
        "initiator restarts with a fresh transcript",
        (Patch(_NEGOTIATION, _BLOCKS, '    blocks = _blocks(b"NoiseSocketInit1", (choice,))\n'),),
    ),
    Mutant(
        "DOWN-02.m3",
        "responder does not compare the CHOICE with what it asked for",
        (Patch(_RESPONDER, _COMPARED, "        parse_choice(negotiation)\n"),),
    ),
    Mutant(
        "DOWN-02.m4",
        "responder goes on with whatever the CHOICE names",
        (
            Patch(
                _RESPONDER,
                _COMPARED,
                "        self._selection = parse_choice(negotiation)\n"
                "        if self._selection.suite not in SUITES:\n"
                '            raise NegotiationError("the initiator goes on with an unknown suite")\n',
            ),
        ),
    ),
    Mutant(
        "DOWN-02.m5",
        "responder takes a second OFFER in place of the CHOICE and forgets the first",
        (
            Patch(
                _RESPONDER,
                '        (State.RETRYING, Kind.CHOICE): "_on_choice",\n',
                '        (State.RETRYING, Kind.CHOICE): "_on_choice",\n'
                '        (State.RETRYING, Kind.OFFER): "_on_offer",\n',
            ),
        ),
    ),
    Mutant(
        "DOWN-02.m6",
        "Init3 prologue omits the first Noise message",
        (Patch(_NEGOTIATION, _BLOCKS, _BLOCKS.replace("*first", "first[0]")),),
    ),
    Mutant(
        "DOWN-02.m7",
        "initiator goes back to its first handshake if the answer to its CHOICE does not fit",
        (
            Patch(
                _INITIATOR,
                "        self._selection = selection\n        choice =",
                "        self._kept = self._noise, self._selection\n"
                "        self._selection = selection\n        choice =",
            ),
            Patch(
                _INITIATOR,
                "            payload = noise.read_message(message)\n",
                "            try:\n"
                "                payload = noise.read_message(message)\n"
                "            except IntegrityError:\n"
                '                if not hasattr(self, "_kept"):\n'
                "                    raise\n"
                "                noise, self._selection = self._kept\n"
                "                self._noise = noise\n"
                "                payload = noise.read_message(message)\n",
            ),
        ),
    ),
)

_BEST = (
    Mutant(
        "DOWN-03.m1",
        "lowest common",
        (
            Patch(_NEGOTIATION, _FIRST_RULE, _FIRST_RULE.replace("max", "min")),
            Patch(_NEGOTIATION, _SECOND_RULE, _SECOND_RULE.replace("max", "min")),
        ),
    ),
    Mutant(
        "DOWN-03.m2",
        "last match",
        (
            Patch(
                _NEGOTIATION,
                _SECOND_RULE,
                _SECOND_RULE.replace("in policy.suites:", "in reversed(policy.suites):"),
            ),
        ),
    ),
    Mutant(
        "DOWN-03.m3",
        "integer comparison of suite ids as strength",
        (
            Patch(
                _NEGOTIATION,
                _SECOND_RULE,
                _SECOND_RULE.replace(
                    "in policy.suites:", "in sorted(policy.suites, key=lambda one: one.id, reverse=True):"
                ),
            ),
        ),
    ),
    Mutant(
        "DOWN-03.m4",
        "responder's order comes before the initiator's first suite",
        (Patch(_NEGOTIATION, _FIRST_RULE, ""),),
    ),
    Mutant(
        "DOWN-03.m5",
        "initiator offers its suites in the order of their numbers",
        (
            Patch(
                _CONFIG,
                "suites=(*(suite.id for suite in self.policy.suites), *self.grease),",
                "suites=(*sorted(suite.id for suite in self.policy.suites), *self.grease),",
            ),
        ),
    ),
    Mutant(
        "DOWN-03.m6",
        "responder is content with the version that the initiator began with",
        (
            Patch(
                _NEGOTIATION,
                _FIRST_RULE,
                "    if offer.chosen in versions:\n        versions = [offer.chosen]\n" + _FIRST_RULE,
            ),
        ),
    ),
)

_OFFERED = (
    Mutant(
        "DOWN-05.m1",
        "accepts any known suite",
        (
            Patch(_NEGOTIATION, _IMPORT, "from sipc.suites import SUITES, VERSIONS, Suite\n"),
            Patch(_NEGOTIATION, _ALLOWED, "        and selection.suite in SUITES\n"),
        ),
    ),
    Mutant(
        "DOWN-05.m2",
        "accepts RETRY to a suite from its static default list",
        (
            Patch(_NEGOTIATION, _IMPORT, "from sipc.suites import VERSIONS, Suite, suites_of\n"),
            Patch(
                _NEGOTIATION,
                _ALLOWED,
                "        and selection.suite in [suite.id for suite in suites_of(policy.suites[0].mode)]\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-05.m3",
        "accepts RETRY to any known version",
        (Patch(_NEGOTIATION, _VERSION, "selection.version in VERSIONS"),),
    ),
    Mutant(
        "DOWN-05.m4",
        "follows a RETRY that changes nothing",
        (Patch(_NEGOTIATION, _NEWS, "        policy"),),
    ),
    Mutant(
        "DOWN-05.m5",
        "follows a second RETRY",
        (
            Patch(
                _INITIATOR,
                '        raise NegotiationError("a second retry")\n',
                "        return self._on_retry(negotiation, message)\n",
            ),
        ),
    ),
    Mutant(
        "DOWN-05.m6",
        "reserved bytes of a RETRY mean nothing",
        (Patch(_NEGOTIATION, "    if first or second:\n", "    if first and second:\n"),),
    ),
)

MUTANTS: tuple[Mutant, ...] = (*_BOUND, *_BEST, *_OFFERED)
