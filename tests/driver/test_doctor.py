"""The doctor: a good driver passes every check, and each kind of bad one fails at the right one."""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from systems import STACK_TRANSPORT

from ipc_gauntlet.driver import Driver, DriverCommand, Statement, SupervisionLimits
from ipc_gauntlet.driver.doctor import Check, Provisioned, examine
from ipc_gauntlet.driver.doctor.exam import Exam, Wrong
from ipc_gauntlet.driver.doctor.protocol_checks import claims_fit_together
from ipc_gauntlet.driver.statement import CredentialSupport
from ipc_gauntlet.reactor import Reactor

MakeDriver = Callable[..., Driver]
Examine = Callable[[str], dict[str, Check]]

STARTS = "it starts and describes itself in time"
UNDECLARED = "what it does not declare is refused with -32001"
FORGETS = "reset forgets what was done"
CLEAN = "its standard output carries the driver protocol only"


def provision(support: CredentialSupport | None) -> Provisioned:
    """Make a pre-shared key."""
    assert support is not None
    key = {"kind": "psk", "id": "k", "key": "A" * 43 + "=", "self": "spiffe://t/s", "other": "spiffe://t/c"}
    return Provisioned(
        {"service": "spiffe://t/s", "credential": key, "trust": {"kind": "psk", "keys": [key]}},
        {"service": "spiffe://t/s", "credential": key, "trust": {"kind": "psk", "keys": [key]}},
    )


@pytest.fixture
def examined(
    command: Callable[[str], DriverCommand],
    reactor: Reactor,
    tmp_path_factory: pytest.TempPathFactory,
    make_driver: MakeDriver,  # for its check that nothing is left
) -> Examine:
    """Examine a driver by name and return the checks by name."""

    def run(name: str) -> dict[str, Check]:
        limits = SupervisionLimits(call_s=0.2, grace_s=0.5, output_bytes=2_000_000)
        if "plain" in name:
            limits = SupervisionLimits()
        workdir = Path(tmp_path_factory.mktemp("d"))
        checks = examine(command(name), reactor, workdir, provision, limits)
        assert len({check.name for check in checks}) == len(checks)
        return {check.name: check for check in checks}

    return run


def test_a_good_driver_passes_every_check(examined: Examine) -> None:
    """All checks are made, and each says what it saw."""
    checks = examined("plain")
    assert {name: check.detail for name, check in checks.items() if not check.ok} == {}
    assert len(checks) == 17
    assert all(check.detail for check in checks.values())
    assert f"{STACK_TRANSPORT} with psk" in checks["both roles really talk to each other"].detail
    assert "tcp with psk" in checks["both roles really talk to each other"].detail


@pytest.mark.parametrize(
    "name", ["prints_junk", "exits", "closes_stdout", "no_statement", "refuses_to_describe"]
)
def test_a_driver_that_does_not_start_gets_one_answer(examined: Examine, name: str) -> None:
    """There is nothing else to check, and the one line says why."""
    checks = examined(name)
    assert list(checks) == [STARTS]
    assert not checks[STARTS].ok
    assert "try: " in checks[STARTS].detail


def test_a_driver_that_agrees_to_everything_is_found_out(examined: Examine) -> None:
    """Honest refusals are what makes an answer worth something."""
    checks = examined("agrees_to_everything")
    wrong = {name for name, check in checks.items() if not check.ok}
    assert {
        "an unknown method is refused with -32601",
        "an unknown option is refused with -32001",
        "an unknown transport is refused with -32001",
        "an unknown credential kind is refused with -32001",
        "bad requests do not break it",
        "both roles really talk to each other",
        "it leaves on shutdown",
        "what it does not declare is refused with -32001",
    } <= wrong
    assert "was accepted instead of refused" in checks["an unknown option is refused with -32001"].detail
    assert checks[STARTS].ok
    assert checks["it leaves when its standard input ends"].ok


@pytest.mark.parametrize(
    ("name", "check", "text"),
    [
        ("forgetful_plain", "reset really resets", "after `reset`|it answered `listen` with error"),
        (
            "garbling_plain",
            "both roles really talk to each other",
            f"{STACK_TRANSPORT} with psk.*another payload than the client",
        ),
        ("deaf_plain", "both roles really talk to each other", "did not report `delivered`; .*established"),
        ("optional_plain", "an unknown option is refused with -32001", "accepted instead of refused"),
        ("requests_plain", UNDECLARED, "`send request` without the feature request was accepted"),
        ("configures_plain", UNDECLARED, "`configure no_such_thing` was accepted"),
        (
            "grants_plain",
            UNDECLARED,
            "`configure no_such_thing` was not refused as unsupported .*No such file",
        ),
        ("advances_plain", UNDECLARED, "`advance_clock` without the feature virtual-clock was accepted"),
        ("status_plain", "it leaves on shutdown", "exit status 7; .*status 0"),
        ("killed_plain", "it leaves on shutdown", "exit status (-15, which is signal 15|3);"),
        ("ends_plain", "it leaves when its standard input ends", "exit status 1; "),
    ],
)
def test_one_defect_fails_its_own_check(examined: Examine, name: str, check: str, text: str) -> None:
    """A good driver with one line changed fails where that line matters, and nowhere else."""
    checks = examined(name)
    assert [found.name for found in checks.values() if not found.ok] == [check]
    assert re.search(text, checks[check].detail)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        (
            "nothing",
            "^ledger, idempotency records, which store was used, [1-9]+ counters, 8 armed faults, the virtual clock$",
        ),
        ("ledger", "after `reset` and one `append` its ledger has 2 entries"),
        ("records", "answered from the idempotency records of before"),
        ("file", "answered from the idempotency records of before"),
        ("counters", "not 0: established, suite:.*; they count from"),
        ("faults", "a fault that was armed before `reset` happened after it"),
        ("clock", "the virtual clock was moved before `reset`, and after it"),
    ],
)
def test_a_driver_that_does_not_forget_is_reported(
    word: str,
    text: str,
    command: Callable[[str], DriverCommand],
    reactor: Reactor,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All of the reference, with one thing left behind by `reset`: a later case would take it for its own."""
    monkeypatch.setenv("KEEPS", word)
    # Long enough for a busy machine; only the driver that keeps a fault is waited for, by the handshake's own deadline.
    checks = examine(command("keeps_reference"), reactor, tmp_path_factory.mktemp("d"))
    found = {check.name: check for check in checks}
    assert [check.name for check in checks if not check.ok] == ([] if word == "nothing" else [FORGETS])
    assert re.search(text, found[FORGETS].detail)


def test_a_driver_that_breaks_the_protocol_is_reported_as_unclean(examined: Examine) -> None:
    """What it printed is named in the last check, although every check got a fresh process."""
    checks = examined("invents_notifications")
    assert not checks[CLEAN].ok
    assert "broken during" in checks[CLEAN].detail


def test_a_driver_that_leaves_processes_behind_is_reported(examined: Examine) -> None:
    """The harness can clean up after it, and still says so."""
    checks = examined("daemon_escapes")
    assert "left processes behind" in checks["it leaves when its standard input ends"].detail


def test_a_driver_that_stays_is_reported(examined: Examine) -> None:
    """Neither `shutdown` nor the end of its input makes it leave."""
    checks = examined("stays")
    assert "still runs" in checks["it leaves when its standard input ends"].detail
    assert "still runs" in checks["it leaves on shutdown"].detail


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"credentials": []}, "profile channel without credentials"),
        ({"profile": "messaging"}, "profile messaging without the feature request"),
        ({"features": ["idempotency"]}, "idempotency without request"),
        ({"features": ["durable"]}, "durable without idempotency"),
        ({"features": ["parse"]}, "go together"),
        ({"parsers": ["frame"]}, "go together"),
        ({"coverage": "edges/1"}, "coverage without parsers"),
        ({"observes": ["closed"]}, "without observing `delivered`"),
        ({"credentials": [{"kind": "x509"}]}, "lists of keys and of names"),
    ],
)
def test_claims_that_contradict_each_other_are_wrong(change: dict[str, object], text: str) -> None:
    """Each claim is fine alone; together they cannot be true."""
    good = {
        "protocol": 1,
        "name": "n",
        "version": "1",
        "profile": "channel",
        "roles": ["server"],
        "transports": [STACK_TRANSPORT],
        "credentials": [{"kind": "psk"}],
        "observes": ["delivered"],
    }
    assert claims_fit_together(cast("Exam", SimpleNamespace(statement=Statement.from_result(good))))
    with pytest.raises(Wrong, match=text):
        claims_fit_together(
            cast("Exam", SimpleNamespace(statement=Statement.from_result({**good, **change})))
        )


def test_a_driver_of_parsers_only_is_examined_as_one(examined: Examine) -> None:
    """What needs connections is not checked, and says so; its parsers are."""
    checks = examined("parses_plain")
    assert {name: check.detail for name, check in checks.items() if not check.ok} == {}
    assert checks["reset really resets"].detail == "not checked: it has parsers only"
    assert checks[FORGETS].detail == "not checked: it has parsers only"
    assert "configure no_such_thing" in checks[UNDECLARED].detail
    assert checks["its parsers answer whatever they are given"].detail == "parsers: box; coverage: edges/1"


@pytest.mark.parametrize(
    ("word", "text"),
    [("silent", "no list of edges"), ("guessing", "was not refused"), ("failing", "instead of -32001")],
)
def test_parsers_that_do_not_do_what_was_claimed_are_reported(
    word: str, text: str, examined: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Coverage that is not told, and an unknown parser that is answered."""
    monkeypatch.setenv("PARSES_PLAIN", word)
    check = examined("parses_plain")["its parsers answer whatever they are given"]
    assert not check.ok
    assert text in check.detail


def test_a_driver_that_hangs_costs_bounded_time(examined: Examine) -> None:
    """Every check has a deadline, so the examination ends."""
    checks = examined("hangs_in_the_middle")
    assert checks[STARTS].ok
    assert "did not answer `listen`" not in checks["an unknown option is refused with -32001"].detail
    assert not checks["both roles really talk to each other"].ok
    assert "`reset` did not work" in checks["reset really resets"].detail
    assert not checks["reset really resets"].ok


def test_credentials_come_from_the_harness_when_none_are_given(
    command: Callable[[str], DriverCommand], reactor: Reactor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Without a callable, the harness's own issuers make what the statement asks for."""
    checks = examine(command("plain"), reactor, tmp_path_factory.mktemp("d"))
    assert [check.detail for check in checks if not check.ok] == []
