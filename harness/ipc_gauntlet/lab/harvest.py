"""A lab that keeps what went over the wire as inputs for fuzzers, in a folder for each layer.

    FOLDER/frame/SHA256         frames as they were sent, of every protocol
    FOLDER/negotiation/SHA256   negotiation data
    FOLDER/handshake/SHA256     payloads of handshakes
    FOLDER/record/SHA256        plaintexts of records
    FOLDER/envelope/SHA256      messages

All but the first come from sessions with a wire peer, which has the keys.
A fuzzer that begins with them has been where the cases have been.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Unpack

from ipc_gauntlet.errors import HarnessError
from ipc_gauntlet.lab.evidence import Evidence
from ipc_gauntlet.lab.lab import Lab
from ipc_gauntlet.lab.plan import PlanMembers
from ipc_gauntlet.lab.session import Session
from ipc_gauntlet.lab.wirepeer import WirePeer
from ipc_gauntlet.peer import cbor
from ipc_gauntlet.peer.heard import Heard, HeardFrame, HeardMessage, HeardRecord

_FRAMES = 12
_NEGOTIATES = frozenset({"offer", "accept", "retry", "choice", "reject", "message3"})
LONGEST = 1 << 16
"""Longer inputs are left out: fuzzers do best with short ones."""


class HarvestingLab(Lab):
    """A lab for one case; when it is finished, the folder has what went over the wire."""

    def __init__(self, *arguments: object, folder: str) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]  # the same ones
        self._folder = Path(folder)
        self._peers: list[WirePeer] = []
        self._watched: list[Session] = []

    def session(self, **plan: Unpack[PlanMembers]) -> Session:
        """See Lab."""
        made = super().session(**plan)
        self._watched.append(made)
        return made

    def wire_client(self, *arguments: object, **options: object) -> WirePeer:
        """See Lab."""
        return self._kept(super().wire_client(*arguments, **options))  # type: ignore[arg-type]  # the same ones

    def wire_server(self, **options: object) -> WirePeer:
        """See Lab."""
        return self._kept(super().wire_server(**options))  # type: ignore[arg-type]  # the same ones

    def _kept(self, peer: WirePeer) -> WirePeer:
        self._peers.append(peer)
        return peer

    def finish(self) -> Evidence:
        """See Lab.

        Raises:
            HarnessError: The folder cannot be written to.
        """
        evidence = super().finish()
        for layer, data in self._harvest():
            if 0 < len(data) <= LONGEST:
                _keep(self._folder / layer, data)
        self._peers.clear()
        self._watched.clear()
        return evidence

    def _harvest(self) -> Iterator[tuple[str, bytes]]:
        for session in self._watched:
            for link in session.relay.links if session.relay is not None else ():
                for direction in ("c2s", "s2c"):
                    # What comes later looks like what came before: most of it is under keys.
                    for frame in link.frames(direction)[:_FRAMES]:
                        yield "frame", frame.data
        for peer in self._peers:
            for sent in peer.sent[:_FRAMES]:
                yield "frame", sent.data
                if sent.label in _NEGOTIATES:
                    yield "negotiation", sent.data[2 : 2 + int.from_bytes(sent.data[:2])]
            for heard in peer.heard:
                yield from layers_of(heard)


def layers_of(heard: Heard) -> Iterator[tuple[str, bytes]]:
    """The inputs in something that a wire peer heard: layer and bytes."""
    if isinstance(heard, HeardMessage):
        yield "envelope", cbor.encode(heard.fields)
        return
    if isinstance(heard, HeardFrame):
        yield "frame", heard.data
        yield "negotiation", heard.negotiation
        if heard.payload is not None:
            yield "handshake", heard.payload
    elif isinstance(heard, HeardRecord):
        yield "frame", heard.data
        body = bytes((heard.type & 0xFF, heard.flags & 0xFF)) + heard.payload
        if len(body) < LONGEST:
            yield "record", len(body).to_bytes(2) + body
        # Parsers of what is inside of a record get it without its head.
        yield "record", heard.payload


def _keep(folder: Path, data: bytes) -> None:
    path = folder / hashlib.sha256(data).hexdigest()
    if path.exists():
        return
    temporary = folder / f".{path.name}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise HarnessError(f"cannot write seeds to {folder}: {error.strerror or error}") from error
