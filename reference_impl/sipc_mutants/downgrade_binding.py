"""Defects in what of a negotiation is bound to the handshake, and how: DOWN-01, DOWN-02."""

from sipc_mutants.model import Mutant, Patch

_NEGOTIATION = "sipc.negotiation"
_ACCEPTED = (
    '    return _blocks(b"NoiseSocketInit1", (negotiation,)) + _application(version, datagram=datagram)\n'
)
_RETRIED = '    blocks = _blocks(b"NoiseSocketInit3", (*first, retry, b"", choice))\n'


def _offer_bound_as(number: int, defect: str, form: str, before: str = "") -> Mutant:
    """An offer that is bound in another form than it was sent, in both prologues.

    Args:
        number: Of the mutant.
        defect: What is wrong.
        form: Expression that makes of the bytes `offer` what is bound.
        before: A function that it uses.
    """
    helper = f"{before}def _bound(offer: bytes) -> bytes:\n    return {form}\n\n\n"
    return Mutant(
        f"DOWN-01.m{number}",
        defect,
        (
            Patch(_NEGOTIATION, "def _application(", helper + "def _application("),
            Patch(_NEGOTIATION, _ACCEPTED, _ACCEPTED.replace("(negotiation,)", "(_bound(negotiation),)")),
            Patch(_NEGOTIATION, _RETRIED, _RETRIED.replace("*first", "_bound(first[0]), first[1]")),
        ),
    )


MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "DOWN-01.m1",
        "empty prologue",
        (
            Patch(_NEGOTIATION, _ACCEPTED, '    return b""\n'),
            Patch(
                _NEGOTIATION,
                "    return blocks + _application(version, datagram=datagram)\n",
                '    return b""\n',
            ),
        ),
    ),
    Mutant(
        "DOWN-01.m2",
        "only the CHOSEN suite bound (explicit-state model: as weak as binding nothing, 19 downgraded runs of 378 in both)",
        (
            Patch(_NEGOTIATION, _ACCEPTED, _ACCEPTED.replace("(negotiation,)", "(negotiation[9:11],)")),
            Patch(_NEGOTIATION, _RETRIED, '    blocks = _blocks(b"NoiseSocketInit3", (choice[-2:],))\n'),
        ),
    ),
    _offer_bound_as(
        3,
        "unknown extensions skipped in the transcript",
        "b''.join((offer[:8], bytes((len(_known(offer)),)), *_known(offer), offer[9 + 2 * offer[8] :]))",
        "def _known(offer: bytes) -> list[bytes]:\n"
        "    suites = (offer[at : at + 2] for at in range(9, 9 + 2 * offer[8], 2))\n"
        "    return [one for one in suites if one[0] == 0]\n\n\n",
    ),
    _offer_bound_as(4, "key identity and service are not bound", "offer[: 9 + 2 * offer[8]]"),
    _offer_bound_as(
        5,
        "the order of the suites is not bound",
        'b"".join((offer[:9], *sorted(offer[at : at + 2] for at in range(9, 9 + 2 * offer[8], 2)),'
        " offer[9 + 2 * offer[8] :]))",
    ),
    _offer_bound_as(6, "the range of versions is not bound", "offer[:5] + offer[7:]"),
)
