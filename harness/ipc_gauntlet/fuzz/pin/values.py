"""What a driver makes of a parser's vectors: values for those that are accepted, and a check that it judges all alike."""

from __future__ import annotations

import msgspec

from ipc_gauntlet.errors import GauntletError
from ipc_gauntlet.fuzz.differential.answers import Answer
from ipc_gauntlet.fuzz.differential.remote import RemoteParser
from ipc_gauntlet.fuzz.pin.vectors import VectorFile

_HANG_SECONDS = 5.0
_BATCH = 64


def with_values(file: VectorFile, command: str) -> VectorFile:
    """Ask a driver for the value of each accepted vector.

    Args:
        file: Vectors made with the fuzz target.
        command: Starts the driver of the same implementation.

    Raises:
        GauntletError: The driver judges a vector otherwise than the fuzz target did: one of the two is wrong.
        UsageError: The driver has no such parser.
        DriverStartError: It does not start.
    """
    inputs = [vector.data for vector in file.vectors]
    with RemoteParser(command, file.parser, _HANG_SECONDS) as remote:
        remote.start()
        outcomes = [
            one
            for begin in range(0, len(inputs), _BATCH)
            for one in remote.run(inputs[begin : begin + _BATCH])
        ]
    made = []
    for vector, outcome in zip(file.vectors, outcomes, strict=True):
        wanted = "accepted" if vector.accepted else vector.reason
        if not isinstance(outcome, Answer) or outcome.word != wanted:
            raise GauntletError(
                f"vector {vector.name} ({vector.data.hex()[:80]}): the fuzz target {file.target} says {wanted}, the "
                f"driver's parser {file.parser} says {outcome.word}; put one of them right"
            )
        made.append(msgspec.structs.replace(vector, value=outcome.value) if vector.accepted else vector)
    return msgspec.structs.replace(file, vectors=tuple(made))
