"""A cluster of real processes on this machine: mutual TLS, and a worker that is killed in the middle of its work."""

from __future__ import annotations

import datetime
import json
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from cryptography import x509

from ipc_gauntlet.errors import GauntletError, UsageError
from ipc_gauntlet.fuzz.campaign.orders import Wishes
from ipc_gauntlet.fuzz.campaign.state import State
from ipc_gauntlet.fuzz.corpus.store import Store
from ipc_gauntlet.fuzz.scale import worked
from ipc_gauntlet.fuzz.scale.cluster import Order, check_address, run
from ipc_gauntlet.fuzz.scale.cluster_keys import Credentials, make, of
from ipc_gauntlet.fuzz.scale.cluster_task import pack, unpack, work_here
from ipc_gauntlet.fuzz.scale.collect import Ours, collect
from ipc_gauntlet.fuzz.scale.parts import cut

NOW = datetime.datetime.now(datetime.UTC)
CLI = [sys.executable, "-m", "ipc_gauntlet.cli", "fuzz", "cluster"]


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def keys(tmp_path: Path) -> Credentials:
    """Certificates of the cluster."""
    return make(tmp_path / "keys", NOW, 2)


@pytest.fixture
def started() -> Iterator[Callable[..., psutil.Popen]]:
    """Starts programs; afterwards nothing of them is left."""
    programs: list[psutil.Popen] = []

    def start(*words: str | Path) -> psutil.Popen:
        made = psutil.Popen([*CLI, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        programs.append(made)
        return made

    yield start
    for program in programs:
        family = program.children(recursive=True) if program.is_running() else []
        for member in [*family, program]:
            try:
                member.kill()
            except psutil.NoSuchProcess:
                continue
        program.wait()


@pytest.fixture
def wishes(checkout: Path) -> Wishes:
    """A few seconds of the demo."""
    demo = str(checkout / "tests" / "support" / "fuzz_demo.py")
    return Wishes(
        name="night",
        seconds=4.0,
        jobs=1,
        seed=5,
        patterns=("demo.*",),
        modules=(demo,),
        slice_seconds=4.0,
        canary=False,
    )


def test_certificates_are_for_their_owner_and_for_both_sides(keys: Credentials) -> None:
    leaf = x509.load_pem_x509_certificate(keys.certificate.read_bytes())
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert {oid._name for oid in usage} == {"serverAuth", "clientAuth"}
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(keys.ca.read_bytes()))
    if sys.platform != "win32":
        assert stat.S_IMODE(keys.key.stat().st_mode) == 0o600
        assert stat.S_IMODE(keys.key.parent.stat().st_mode) == 0o700
    with pytest.raises(UsageError, match="not empty"):
        make(keys.key.parent, NOW, 2)
    keys.key.unlink()
    with pytest.raises(UsageError, match="there is no"):
        of(keys.ca.parent)


@pytest.mark.parametrize("address", ["127.0.0.1:8786", "tcp://127.0.0.1:1", "tcp://[::1]:8786"])
def test_one_machine_needs_no_certificates(address: str) -> None:
    check_address(address, None)


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1:8786", "tcp://0.0.0.0:1", "localhost:8786", "tls://127.0.0.1:1", "http://127.0.0.1", "", "::"],
)
def test_everything_else_needs_them(address: str) -> None:
    with pytest.raises(UsageError):
        check_address(address, None)


def test_with_certificates_everything_is_encrypted(keys: Credentials) -> None:
    check_address("tls://10.0.0.1:8786", keys)
    with pytest.raises(UsageError, match="not encrypted"):
        check_address("tcp://10.0.0.1:8786", keys)


def test_another_version_is_refused() -> None:
    with pytest.raises(GauntletError, match="install the same"):
        work_here(b"{}", {}, "0.0.0")


def test_results_travel_as_files_only(tmp_path: Path) -> None:
    inner = tmp_path / "r" / "campaigns" / "n"
    (inner / "slices" / "1").mkdir(parents=True)
    (inner / "slices" / "1" / "x").write_bytes(b"x")
    (inner / "plan.json").write_bytes(b"{}")
    (tmp_path / "r" / "link").symlink_to("/etc/passwd")
    unpack(pack(tmp_path / "r"), tmp_path / "there")
    assert sorted(p.relative_to(tmp_path / "there").as_posix() for p in (tmp_path / "there").rglob("*")) == [
        "campaigns",
        "campaigns/n",
        "campaigns/n/plan.json",
    ]
    with pytest.raises(GauntletError, match="cannot unpack"):
        unpack(b"junk", tmp_path / "elsewhere")


def scheduler(started: Callable[..., psutil.Popen], tmp_path: Path, keys: Credentials) -> str:
    """Start a scheduler; return its address."""
    file = tmp_path / "address.json"
    words = (
        "scheduler",
        "--listen",
        "tls://127.0.0.1:0",
        "--certificates",
        keys.ca.parent,
        "--address-file",
        file,
    )
    started(*words)
    until(lambda: file.exists() and file.stat().st_size > 0)
    return str(json.loads(file.read_text(encoding="utf-8"))["address"])


def refused(address: str, keys: Credentials) -> bool:
    """Whether somebody without a certificate is turned away."""
    host, _, port = address.removeprefix("tls://").rpartition(":")
    context = ssl.create_default_context(cafile=str(keys.ca))
    context.check_hostname = False
    try:
        with socket.create_connection((host, int(port)), 20) as raw, context.wrap_socket(raw) as stream:
            stream.settimeout(20)
            return stream.recv(1) == b""  # TLS 1.3 tells the client after its own handshake
    except (ssl.SSLError, ConnectionError):
        return True


def slices_of(program: psutil.Popen) -> list[psutil.Process]:
    """The processes that fuzz below a worker."""
    return [
        one for one in program.children(recursive=True) if "ipc_gauntlet.fuzz.slice" in " ".join(_words(one))
    ]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is what is tested")
def test_a_killed_worker_costs_nothing(
    started: Callable[..., psutil.Popen], tmp_path: Path, keys: Credentials, wishes: Wishes
) -> None:
    """Two workers, four parts; one worker process is killed while it fuzzes: all parts arrive, and nothing is left over."""
    address = scheduler(started, tmp_path, keys)
    assert refused(address, keys)
    workers = [
        started("worker", address, "--certificates", keys.ca.parent, "--name", f"w{n}") for n in (1, 2)
    ]
    store = Store(tmp_path / "store")
    parts = cut(wishes, 4)
    order = Order(address=address, credentials=keys, store=store, parts=parts)
    killed: list[psutil.Process] = []

    def said(_text: str) -> None:
        if killed:
            return
        end = time.monotonic() + 30
        while not killed and time.monotonic() < end:
            busy = next((slices for worker in workers if (slices := slices_of(worker))), [])
            parent = busy[0].parent() if busy else None  # the worker process, below its nanny
            if parent is not None:
                killed.extend(busy)
                parent.kill()

    folders = run(order, said)
    assert killed
    until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in killed))
    assert [worked.read(folder).part for folder in folders] == parts
    collected = collect(folders, store, None, lambda _text: None, Ours(modules=wishes.modules))
    assert collected.missing == ()
    with State.open(collected.folder) as state:
        assert [finding.kind for finding in state.findings()] == ["crash"]
    said_again: list[str] = []
    assert run(order, said_again.append) == folders
    assert all("was done before" in text for text in said_again)


def test_nobody_there(tmp_path: Path, wishes: Wishes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler that does not answer is a clear error."""
    monkeypatch.setattr("ipc_gauntlet.fuzz.scale.cluster._CONNECT_SECONDS", 1)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        order = Order(
            address=f"tcp://127.0.0.1:{unused.getsockname()[1]}",
            credentials=None,
            store=Store(tmp_path),
            parts=cut(wishes, 1),
        )
        with pytest.raises(GauntletError, match="cannot reach a scheduler"):
            run(order, lambda _text: None)
