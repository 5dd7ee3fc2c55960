"""One campaign on the machines of a Dask cluster: each part is a task, results are collected as they come.

A worker that dies takes its slices with it, and its part is given to another one. The controller keeps every result on
disk: when it is killed, the same command goes on with the parts that are missing.

What is sent through a cluster is unpickled by whoever gets it, so everybody in it can run code on everybody else: outside
of one machine it needs certificates.
"""

from __future__ import annotations

import importlib
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.scale import parts, worked
from ipc_gauntlet.fuzz.scale.cluster_keys import Credentials
from ipc_gauntlet.fuzz.scale.cluster_task import unpack, work_here

_RETRIES = 3
_CONNECT_SECONDS = 30


def missing() -> str:
    """Why there can be no cluster here, empty if there can."""
    try:
        importlib.import_module("distributed")
    except ImportError as error:
        return f"distributed cannot be imported ({error}); pip install 'ipc-gauntlet[cluster]'"
    return ""


def check_address(address: str, credentials: Credentials | None) -> None:
    """Refuse what anybody on the network could talk to.

    Args:
        address: Such as `tls://10.0.0.1:8786` or `127.0.0.1:8786`.
        credentials: The certificates, if there are some.

    Raises:
        UsageError: It is not on this machine, and there are no certificates; or it cannot be an address.
    """
    split = urlsplit(address if "://" in address else f"//{address}")
    if not split.hostname or (split.scheme and split.scheme not in ("tls", "tcp")):
        raise UsageError(f"{address!r} is not an address such as tls://10.0.0.1:8786")
    if credentials is not None:
        if split.scheme == "tcp":
            raise UsageError(f"{address} is not encrypted; with certificates write tls://")
        return
    try:
        local = ipaddress.ip_address(split.hostname).is_loopback
    except ValueError:
        local = False
    if not local or split.scheme == "tls":
        raise UsageError(
            f"{address} needs --certificates: without them a cluster is for one machine only, at a literal loopback "
            "address such as 127.0.0.1, since everybody in it can run code on everybody else"
        )


def tls_words(credentials: Credentials | None) -> list[str]:
    """Options of Dask's own programs for these certificates."""
    if credentials is None:
        return []
    return [
        *("--tls-ca-file", str(credentials.ca)),
        *("--tls-cert", str(credentials.certificate)),
        *("--tls-key", str(credentials.key)),
    ]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to run on a cluster.

    Attributes:
        address: Of the scheduler.
        credentials: Certificates; None on one machine.
        store: Where the campaign is kept.
        parts: Of the campaign.
    """

    address: str
    credentials: Credentials | None
    store: Store
    parts: Sequence[parts.Part]


def run(order: Order, said: Callable[[str], None]) -> list[Path]:
    """Have all parts worked on.

    Args:
        order: What to run.
        said: Is told one line about each part.

    Returns:
        Folders of the results, those of earlier tries of the same parts included.

    Raises:
        UsageError: The address is not to be used.
        GauntletError: There is no cluster, or a part could not be worked on; what was is kept.
    """
    check_address(order.address, order.credentials)
    if why := missing():
        raise UsageError(why)
    folder = order.store.root / "cluster" / order.parts[0].campaign
    there = [part for part in order.parts if _is_there(folder, part)]
    for part in there:
        said(f"part {part.number}/{part.count}: was done before")
    todo = [part for part in order.parts if part not in there]
    if todo:
        with _client(order) as client:
            _work(client, order, todo, folder, said)
    return [_place(folder, part) for part in order.parts]


def _place(folder: Path, part: parts.Part) -> Path:
    return folder / f"{part.number}-{part.wishes.seed}"


def _is_there(folder: Path, part: parts.Part) -> bool:
    try:
        return worked.read(_place(folder, part)).part == part
    except UsageError:
        return False


def _client(order: Order) -> Any:  # noqa: ANN401 - Dask has no types
    distributed: Any = importlib.import_module("distributed")
    keys = order.credentials
    security = None
    if keys is not None:
        security = distributed.Security(
            require_encryption=True,
            tls_ca_file=str(keys.ca),
            tls_client_cert=str(keys.certificate),
            tls_client_key=str(keys.key),
        )
    try:
        return distributed.Client(
            order.address,
            security=security,
            timeout=_CONNECT_SECONDS,
            direct_to_workers=False,
        )
    except (OSError, TypeError, ValueError) as error:
        raise GauntletError(f"cannot reach a scheduler at {order.address}: {error}") from error


def _work(
    client: Any,  # noqa: ANN401 - Dask has no types
    order: Order,
    todo: Sequence[parts.Part],
    folder: Path,
    said: Callable[[str], None],
) -> None:
    distributed: Any = importlib.import_module("distributed")
    names = {name for part in todo for name in _targets(part)}
    corpus = {name: list(order.store.inputs(name)) for name in sorted(names)}
    shared = client.scatter(corpus, broadcast=False, hash=False)
    by_future = {
        client.submit(
            work_here,
            msgspec.json.encode(part),
            shared,
            version("ipc-gauntlet"),
            retries=_RETRIES,
            pure=False,
        ): part
        for part in todo
    }
    troubles: list[str] = []
    for future in distributed.as_completed(by_future):
        part = by_future[future]
        try:
            unpack(future.result(), _place(folder, part))
        except Exception as error:  # noqa: BLE001 - whatever the task raised on the other machine
            troubles.append(f"part {part.number}/{part.count}: {type(error).__name__}: {error}")
            continue
        finally:
            future.release()
        said(f"part {part.number}/{part.count}: done")
    if troubles:
        raise GauntletError("; ".join(troubles))


def _targets(part: parts.Part) -> list[str]:
    from ipc_gauntlet.fuzz.registry import find

    return [found.target.name for found in find(part.wishes.patterns, part.wishes.modules)]
