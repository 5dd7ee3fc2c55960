"""The reference's parsers as fuzz targets: all that reads bytes which somebody else wrote, from frames to sessions.

`streams`, `parsers`, `credentials`, `grants`, `noise`, `datagrams` and `driver` take one input each; `handshakes` and
`sessions` play whole conversations in which the harness's peer holds the keys. The formats are in `wire`, what must
never happen is in `violations`.
"""

from collections.abc import Iterator
from dataclasses import replace

from ipc_gauntlet.fuzz import Target
from ipc_gauntlet.fuzz.mutate.schema import Schema
from ipc_gauntlet.fuzz.mutate.schema_tokens import words_of
from sipc_targets import credentials, datagrams, driver, grants, handshakes, noise, parsers, sessions, streams

_MODULES = (streams, parsers, credentials, grants, noise, datagrams, driver, handshakes, sessions)


def _all() -> Iterator[Target]:
    """Each with the words of its schema in its dictionary."""
    for module in _MODULES:
        for target in module.targets():
            words = words_of(target.structure.field) if isinstance(target.structure, Schema) else ()
            yield replace(target, tokens=tuple(dict.fromkeys((*target.tokens, *words))))


TARGETS = tuple(_all())
"""Every target, found by the entry point `ipc_gauntlet.fuzz_targets`."""
