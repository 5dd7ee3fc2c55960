"""The reference's parsers as fuzz targets: all that reads bytes which somebody else wrote, from frames to sessions.

`streams`, `parsers`, `credentials`, `grants`, `noise`, `datagrams` and `driver` take one input each; `handshakes` and
`sessions` play whole conversations in which the harness's peer holds the keys. The formats are in `wire`, what must
never happen is in `violations`. `differential` has the peer read what the reference reads, `judged` has it judge what is signed.
"""

from collections.abc import Iterator
from dataclasses import replace

from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.mutate.schema import Schema
from ipc_gauntlet.fuzz.mutate.schema_tokens import words_of
from sipc_driver.parsers import PARSERS
from sipc_targets import (
    credentials,
    datagrams,
    differential,
    driver,
    grants,
    handshakes,
    judged,
    noise,
    parsers,
    sessions,
    streams,
)

_MODULES = (streams, parsers, credentials, grants, noise, datagrams, driver, handshakes, sessions)


def _all() -> Iterator[Target]:
    """Each with the words of its schema in its dictionary, and with what the driver says of an accepted input."""
    for module in _MODULES:
        for target in module.targets():
            words = words_of(target.structure.field) if isinstance(target.structure, Schema) else ()
            tokens = tuple(dict.fromkeys((*target.tokens, *words)))
            yield replace(target, tokens=tokens, told=PARSERS.get(target.reference_parser))


_OWN = tuple(_all())
_KNOWN = {target.name: target for target in _OWN}
TARGETS = (*_OWN, *differential.targets(_KNOWN), *judged.targets(_KNOWN))
"""Every target, found by the entry point `ipc_gauntlet.fuzz_targets`."""
