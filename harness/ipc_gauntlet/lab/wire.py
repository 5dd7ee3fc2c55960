"""The part of a lab that makes wire peers: the harness speaks SIPC/1 itself, to one implementation under test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from ipc_gauntlet.adversary import RawPeer
from ipc_gauntlet.credentials import Deployment
from ipc_gauntlet.driver import Call, Observation
from ipc_gauntlet.errors import Inconclusive
from ipc_gauntlet.judge.outcome import EndView
from ipc_gauntlet.lab.plan import connect_params
from ipc_gauntlet.lab.views import view_of
from ipc_gauntlet.lab.waiting import PATIENCE_S
from ipc_gauntlet.lab.wirepeer import WirePeer
from ipc_gauntlet.peer import (
    Autopilot,
    Identity,
    MessageSigner,
    Peer,
    PeerConfig,
    Quirks,
    ReadyValues,
)
from ipc_gauntlet.peer.config import PeerRole
from ipc_gauntlet.peer.suites import SUITES, mandatory, suite_named
from ipc_gauntlet.seeds import derive_bytes

if TYPE_CHECKING:
    from ipc_gauntlet.lab.lab import Lab
    from ipc_gauntlet.lab.served import Served

RULE_ABIDING = Quirks()

Options = Mapping[str, object]


class Wiring:
    """Makes wire peers, and asks about the other side of their connections; a part of `Lab`."""

    def signer(self, name: str, key: str = "") -> MessageSigner:
        """Somebody who signs messages; the same name has the same key within a run.

        Args:
            name: The signer's name.
            key: A label for another key under the same name.
        """
        lab = cast("Lab", self)
        return MessageSigner(name, derive_bytes(lab.facts.seed, "signer", name, key, length=32))

    def wire_client(
        self,
        served: Served,
        *,
        deployment: Deployment | None = None,
        quirks: Quirks = RULE_ABIDING,
        options: Options | None = None,
    ) -> WirePeer:
        """Connect a client that the case plays by hand.

        Args:
            served: The implementation's endpoint.
            deployment: Who the client is; by default who the endpoint was told to expect.
            quirks: How it breaks the rules.
            options: `suites` (names or numbers), `versions`, `mode`, `epoch_bits`, `psk` as in the driver protocol,
                `ready` (a `ReadyValues`), `chosen` (the version an offer begins with).
        """
        lab = cast("Lab", self)
        given = deployment or served.deployment
        raw = RawPeer.dial(lab.reactor, served.address)
        peer = _wire(lab, raw, given, quirks, _config("initiator", given, options or {}))
        peer.served, peer.since = served, served.since()
        return peer

    def wire_server(
        self,
        *,
        deployment: Deployment | None = None,
        quirks: Quirks = RULE_ABIDING,
        options: Options | None = None,
    ) -> WirePeer:
        """Listen as a server that the case plays by hand, for one client; `attempt_to` has the IUT connect.

        Args:
            deployment: Who the server is, and who will connect; the good one by default.
            quirks: How it breaks the rules.
            options: See `wire_client`; `suites` is what it allows, by default every suite of its mode.
        """
        lab = cast("Lab", self)
        given = deployment or lab.issuer.good()
        raw = RawPeer.listen(lab.reactor, lab.transport, lab.directory)
        return _wire(lab, raw, given, quirks, _config("responder", given, options or {}))

    def attempt_to(
        self, peer: WirePeer, *, deployment: Deployment | None = None, options: Options | None = None
    ) -> str:
        """Have the client under test connect to a wire server, without waiting for what comes of it.

        Args:
            peer: The wire server.
            deployment: Who the client is; by default who the wire server was told to expect.
            options: Options of the driver protocol, for the client under test.

        Returns:
            The connection's id at the client's driver.
        """
        lab = cast("Lab", self)
        conn = peer.conn = lab.new_conn()
        params = connect_params(conn, peer.address, deployment or peer.deployment, options or {})
        lab.submit("client", "connect", params)
        return conn

    def iut_told(self, peer: WirePeer) -> list[Observation]:
        """What the driver of the implementation under test told about its connection with a wire peer.

        Of several wire clients at one endpoint, each is told what came since it connected; where the implementation
        tells channel bindings, only what is about its own session.
        """
        lab = cast("Lab", self)
        if peer.served is None:
            return [one for one in lab.client.observations if one.conn is not None and one.conn == peer.conn]
        seen = peer.served.seen(peer.since)
        binding = peer.state.binding if peer.state is not None else None
        bound = {one.binding: one.conn for one in seen if one.method == "established"}
        if binding in bound:
            return [one for one in seen if one.conn == bound[binding]]
        return [one for one in seen if one.conn not in {bound[other] for other in bound if other is not None}]

    def iut_view(self, peer: WirePeer) -> EndView:
        """The same as the judge's checks want it; see `require_view`."""
        return view_of(self.iut_told(peer))

    def iut_conn(self, peer: WirePeer, timeout_s: float = PATIENCE_S) -> str:
        """Wait until the implementation under test calls its session with a wire peer established; its connection id.

        Raises:
            Inconclusive: It does not.
        """
        lab = cast("Lab", self)

        def conns() -> list[str]:
            return [one.conn for one in self.iut_told(peer) if one.method == "established" and one.conn]

        lab.wait(lambda: bool(conns()), timeout_s)
        if not conns():
            raise Inconclusive(f"the implementation under test told of no session with {peer.name}")
        return conns()[0]

    def close_iut(self, peer: WirePeer, mode: str = "graceful") -> Call:
        """Have the implementation under test close its session with a wire peer, without waiting for the end of that.

        Raises:
            Inconclusive: It told of no session.
        """
        lab = cast("Lab", self)
        role = "client" if peer.served is None else peer.served.role
        return lab.submit(role, "close", {"conn": self.iut_conn(peer), "mode": mode})

    def keep_wire(self, peer: WirePeer) -> None:
        """Close a wire peer and keep its trace as evidence, as long as there are not many."""
        lab = cast("Lab", self)
        peer.hang_up()
        lab.add_trace(peer.trace())


def _wire(lab: Lab, raw: RawPeer, deployment: Deployment, quirks: Quirks, config: PeerConfig) -> WirePeer:
    name = lab.name("wire client " if config.role == "initiator" else "wire server ")
    drawn = 0

    def entropy(size: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return derive_bytes(lab.facts.seed, lab.facts.case_id, name, str(drawn), length=size)

    peer = WirePeer(lab, raw, Autopilot(Peer(config, entropy, quirks)), deployment, name)
    for line in quirks.describe():
        lab.did(f"{name}: {line}")
    lab.own(lambda: lab.keep_wire(peer))
    return peer


def _config(role: PeerRole, deployment: Deployment, options: Options) -> PeerConfig:
    side = deployment.client if role == "initiator" else deployment.server
    extra = options.get("psk")
    identity = Identity.of(side.credential, extra if isinstance(extra, Mapping) else None)
    mode = "x509+psk" if identity.chain and identity.psk else "x509" if identity.chain else "psk"
    lowest, highest = cast("tuple[int, int]", options.get("versions", (1, 1)))
    ready = options.get("ready")
    return PeerConfig(
        role=role,
        identity=identity,
        service=deployment.service if role == "initiator" else deployment.server.name,
        suites=_suites(options.get("suites"), role, mode),
        lowest=lowest,
        highest=highest,
        chosen=int(str(options.get("chosen", highest))),
        ready=ready if isinstance(ready, ReadyValues) else ReadyValues(),
        datagram=options.get("mode") == "datagram",
        epoch_bits=int(str(options.get("epoch_bits", 20))),
    )


def _suites(given: object, role: PeerRole, mode: str) -> tuple[int, ...]:
    if isinstance(given, list | tuple):
        return tuple(one if isinstance(one, int) else suite_named(str(one)).number for one in given)
    if role == "initiator":
        return (mandatory(mode).number,)
    return tuple(suite.number for suite in SUITES.values() if suite.mode == mode)
