"""The reference's parsers as fuzz targets: all that reads bytes which somebody else wrote, from frames to sessions.

`streams`, `parsers`, `credentials`, `grants`, `noise`, `datagrams` and `driver` take one input each; `handshakes` and
`sessions` play whole conversations in which the harness's peer holds the keys. The formats are in `wire`, what must
never happen is in `violations`.
"""

from sipc_targets import credentials, datagrams, driver, grants, handshakes, noise, parsers, sessions, streams

TARGETS = tuple(
    target
    for module in (streams, parsers, credentials, grants, noise, datagrams, driver, handshakes, sessions)
    for target in module.targets()
)
"""Every target, found by the entry point `ipc_gauntlet.fuzz_targets`."""
