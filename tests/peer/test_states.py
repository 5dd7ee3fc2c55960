"""The table of states and messages: complete, derived from few rules, and in agreement with the protocol's page."""

import re
from pathlib import Path

import pytest

from ipc_gauntlet.peer.states import (
    BOTH,
    FATAL_BY_DEFAULT,
    MESSAGES,
    RULES,
    STATES,
    Transition,
    transition,
    transitions,
)


def test_the_table_is_complete() -> None:
    """Every state of both roles times every message, each once."""
    table = list(transitions())
    expected = {(role, state, message) for role in BOTH for state in STATES[role] for message in MESSAGES}
    assert {(one.role, one.state, one.message) for one in table} == expected
    assert len(table) == len(expected)
    assert len({(one.role, one.id) for one in table}) == len(table)


def test_no_rule_says_two_things() -> None:
    """No cell is covered by two rules, so that their order means nothing."""
    for one in transitions():
        matching = [
            rule
            for rule in RULES
            if one.role in rule.roles and one.state in rule.states and one.message in rule.messages
        ]
        assert len(matching) <= 1, one


def test_handshake_states_are_those_of_the_page(checkout: Path) -> None:
    """What is legal in a handshake state is what section 8 lists."""
    page = (checkout / "docs" / "sipc1.md").read_text("utf-8")
    section = page.split("## 8. ")[1].split("## 9. ")[0]
    listed: dict[tuple[str, str], set[str]] = {}
    role = state = ""
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] in BOTH:
            role = cells[0]
        elif (
            role
            and len(cells) == 3
            and re.fullmatch(r"[A-Z]*|empty", cells[0])
            and not cells[1].startswith("--")
        ):
            state = cells[0] or state
            if state:
                kind = {"accept": "ACCEPT", "empty, message 3": "MESSAGE3"}.get(cells[1], cells[1])
                listed.setdefault((role, state), set()).add(kind)
        if line.startswith("Everything else"):
            break
    ours: dict[tuple[str, str], set[str]] = {}
    for rule in RULES:
        for one in rule.roles:
            for name in rule.states:
                if rule.section.startswith("8,"):
                    ours.setdefault((one, name), set()).update(rule.messages)
    assert ours == listed


@pytest.mark.parametrize(
    ("role", "state", "message", "effect"),
    [
        ("responder", "ANSWERED", "READY", "fatal"),
        ("responder", "CONFIRMING", "MSG", "fatal"),
        ("responder", "CONFIRMING", "UNKNOWN_IGNORABLE", "fatal"),
        ("initiator", "OFFERED", "REJECT", "ends"),
        ("initiator", "RETRIED", "RETRY", "fatal"),
        ("initiator", "OPEN", "UNKNOWN_IGNORABLE", "ignored"),
        ("initiator", "OPEN", "READY", "fatal"),
        ("responder", "ENDING", "READY", "ignored"),
    ],
)
def test_some_cells(role: str, state: str, message: str, effect: str) -> None:
    """Cells that were read off the page by hand."""
    assert transition(role, state, message).effect == effect  # type: ignore[arg-type]


def test_what_no_rule_names_is_fatal() -> None:
    """And says where the page says so."""
    assert transition("responder", "LISTENING", "MSG") == Transition(
        "responder", "LISTENING", "MSG", "fatal", FATAL_BY_DEFAULT
    )


def test_there_is_no_third_message_under_psk() -> None:
    """A responder with pre-shared keys is never ANSWERED."""
    assert "ANSWERED" not in {one.state for one in transitions("responder", mode="psk")}
