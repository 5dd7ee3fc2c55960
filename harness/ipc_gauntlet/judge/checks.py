"""The checks: each a function that returns a predicate over an `Outcome`.

The hard oracle never depends on the reason an implementation gives. It is: the forbidden delivery, effect or
`established` did not happen, and the session did not end as if all were well.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable

from ipc_gauntlet.judge.outcome import Direction, Outcome, Role
from ipc_gauntlet.judge.ruling import Check, Finding


def show(payloads: Iterable[bytes], limit: int = 6) -> str:
    """Describe payloads to a person, shortened."""
    shown = [payload[:24].decode("ascii", "backslashreplace") for payload in payloads]
    more = f" and {len(shown) - limit} more" if len(shown) > limit else ""
    return "[" + ", ".join(shown[:limit]) + "]" + more


def delivered_all(direction: Direction) -> Check:
    """Something was sent and all of it delivered, once, unaltered, in order (a positive control's usual check)."""

    def check(outcome: Outcome) -> Finding | None:
        sent, got = outcome.sent[direction], outcome.delivered(direction)
        if not sent:  # a session that never opened must not pass for one in which all went well
            return Finding(f"messages sent {direction}", "none could be sent", "not-sent")
        if got == sent:
            return None
        return Finding(f"all of {show(sent)} delivered in order", f"delivered {show(got)}", "not-delivered")

    return check


def delivered_only_sent(direction: Direction) -> Check:
    """Nothing was delivered that the peer did not send, byte for byte."""

    def check(outcome: Outcome) -> Finding | None:
        sent = set(outcome.sent[direction])
        strange = [payload for payload in outcome.delivered(direction) if payload not in sent]
        if not strange:
            return None
        return Finding(
            "only what the peer sent to be delivered", f"also delivered {show(strange)}", "altered"
        )

    return check


def delivered_at_most_once(direction: Direction) -> Check:
    """No message was delivered more often than it was sent."""

    def check(outcome: Outcome) -> Finding | None:
        allowed = Counter(outcome.sent[direction])
        surplus = Counter(outcome.delivered(direction)) - allowed
        twice = [payload for payload in surplus if payload in allowed]
        if not twice:
            return None
        seen = f"delivered more than once: {show(twice)}"
        return Finding("each message delivered at most once", seen, "delivered-twice")

    return check


def delivered_prefix(direction: Direction, at_most: int | None = None) -> Check:
    """What was delivered is a prefix of what was sent: no gap, no other order.

    Args:
        direction: The direction to look at.
        at_most: If given, no more than this many messages may have been delivered.
    """

    def check(outcome: Outcome) -> Finding | None:
        sent, got = outcome.sent[direction], outcome.delivered(direction)
        limit = len(sent) if at_most is None else at_most
        if got == sent[: len(got)] and len(got) <= limit:
            return None
        expected = f"a prefix of {show(sent)} delivered"
        if at_most is not None:
            expected += f", at most {at_most} of them"
        return Finding(expected, f"delivered {show(got)}", _order_reason(sent, got))

    return check


def _order_reason(sent: tuple[bytes, ...], got: tuple[bytes, ...]) -> str:
    positions = [sent.index(payload) for payload in got if payload in sent]
    if len(positions) < len(got):
        return "altered"
    if len(set(positions)) < len(positions):
        return "delivered-twice"
    if positions != sorted(positions):
        return "reordered"
    if positions != list(range(len(positions))):
        return "gap"
    return "delivered-beyond"


def nothing_delivered(*directions: Direction) -> Check:
    """No application data was delivered in the directions (default: both)."""
    both: tuple[Direction, ...] = directions or ("c2s", "s2c")

    def check(outcome: Outcome) -> Finding | None:
        got = [payload for direction in both for payload in outcome.delivered(direction)]
        if not got:
            return None
        return Finding("no application data delivered", f"delivered {show(got)}", "delivered")

    return check


def never_delivered(payload: bytes, *roles: Role) -> Check:
    """A given byte string is in no delivered message of the roles (default: both)."""
    ends: tuple[Role, ...] = roles or ("client", "server")

    def check(outcome: Outcome) -> Finding | None:
        for role in ends:
            if any(payload in got for got in outcome.end(role).delivered):
                seen = f"the {role}'s application received {show([payload])}"
                return Finding("injected bytes never delivered", seen, "injected-delivered")
        return None

    return check


def not_established(role: Role) -> Check:
    """The end never called the session authenticated."""

    def check(outcome: Outcome) -> Finding | None:
        views = outcome.end(role).established
        if not views:
            return None
        peer = views[0].peer or "an unnamed peer"
        seen = f"the {role} reported it established with {peer}"
        return Finding(f"the {role} never to call this session established", seen, "established")

    return check


def established(role: Role) -> Check:
    """The end called the session authenticated."""

    def check(outcome: Outcome) -> Finding | None:
        if outcome.end(role).established:
            return None
        return Finding(f"the {role} to establish the session", _ended(outcome, role), "not-established")

    return check


def ended(role: Role) -> Check:
    """The end's application was told that the session is over, in whatever way."""

    def check(outcome: Outcome) -> Finding | None:
        end = outcome.end(role)
        if end.endings or (end.refusals and not end.established):
            return None
        return Finding(f"the {role} to end the session", "it stayed open", "not-ended")

    return check


def not_clean(role: Role) -> Check:
    """The end did not tell its application that the session ended regularly."""

    def check(outcome: Outcome) -> Finding | None:
        ending = outcome.end(role).ending
        if ending is None or ending.how != "clean":
            return None
        expected = f"the {role} not to report a clean end"
        return Finding(expected, "it reported a clean end", "clean-end")

    return check


def ended_as(role: Role, how: str) -> Check:
    """The end reported this kind of ending first."""

    def check(outcome: Outcome) -> Finding | None:
        ending = outcome.end(role).ending
        if ending is not None and ending.how == how:
            return None
        return Finding(f"the {role} to report the end as {how}", _ended(outcome, role), "other-end")

    return check


def refused_for(role: Role, *reasons: str) -> Check:
    """The end gave one of these reason classes for ending or refusing (for advice, not for verdicts)."""

    def check(outcome: Outcome) -> Finding | None:
        end = outcome.end(role)
        given = {ending.reason for ending in end.endings} | {reason for _, reason in end.refusals}
        if given & set(reasons):
            return None
        expected = f"the {role} to say one of {', '.join(reasons)}"
        return Finding(expected, f"it said {', '.join(sorted(given)) or 'nothing'}", "other-reason")

    return check


def executed_times(operation: str, payload: bytes, least: int, most: int) -> Check:
    """The server executed an operation with this payload between `least` and `most` times."""

    def check(outcome: Outcome) -> Finding | None:
        count = outcome.server.executed.count((operation, payload))
        if least <= count <= most:
            return None
        times = str(most) if least == most else f"{least} to {most}"
        return Finding(
            f"{operation} executed {times} time(s)", f"it was executed {count} time(s)", "executed"
        )

    return check


def canary_forms(canary: bytes) -> dict[str, bytes]:
    """The forms in which a secret could appear in clear: raw, hex, base64, UTF-16."""
    text = canary.decode("latin-1")
    return {
        "raw": canary,
        "hex": canary.hex().encode(),
        "base64": base64.b64encode(canary)[: len(canary) // 3 * 4],
        "utf-16": text.encode("utf-16-le"),
    }


def not_in_clear(canary: bytes, *captures: bytes) -> Check:
    """A canary is in none of the captured byte streams (default: the session's wire), in any common form."""

    def check(outcome: Outcome) -> Finding | None:
        streams = captures or tuple(outcome.wire.values())
        for form, needle in canary_forms(canary).items():
            if any(needle in stream for stream in streams):
                return Finding("application data never in clear", f"it was there ({form})", "in-clear")
        return None

    return check


def same_views(reference: Outcome) -> Check:
    """If the session was established at all, both ends saw the same peer, version and suite as in `reference`."""

    def check(outcome: Outcome) -> Finding | None:
        for role in ("client", "server"):
            views = outcome.end(role).established
            wanted = reference.end(role).established
            if not views or not wanted:
                continue
            now, then = views[0], wanted[0]
            if (now.peer, now.version, now.suite) != (then.peer, then.version, then.suite):
                expected = f"the {role} to see {then.peer} {then.version} {then.suite}"
                return Finding(expected, f"it saw {now.peer} {now.version} {now.suite}", "view-changed")
        return None

    return check


def same_endings(reference: Outcome) -> Check:
    """Both ends told of the session's start and end as in `reference` (payloads may differ)."""

    def check(outcome: Outcome) -> Finding | None:
        for role in ("client", "server"):
            now, then = outcome.end(role), reference.end(role)
            hows = [ending.how for ending in now.endings], [ending.how for ending in then.endings]
            if hows[0] != hows[1] or bool(now.established) != bool(then.established):
                expected = f"the {role} to end as before ({', '.join(hows[1]) or 'open'})"
                return Finding(expected, f"it ended: {', '.join(hows[0]) or 'open'}", "events-differ")
        return None

    return check


def bindings_agree() -> Check:
    """If both ends report a channel binding, it is the same one."""

    def check(outcome: Outcome) -> Finding | None:
        ends = [outcome.end(role).established for role in ("client", "server")]
        bindings = [views[0].binding for views in ends if views and views[0].binding is not None]
        if len(bindings) < 2 or bindings[0] == bindings[1]:
            return None
        return Finding("one channel binding at both ends", "two different ones", "binding-differs")

    return check


def _ended(outcome: Outcome, role: Role) -> str:
    end = outcome.end(role)
    if end.ending is not None:
        return f"it ended as {end.ending.how} ({end.ending.reason})"
    if end.refusals:
        return "it refused: " + ", ".join(f"{stage}/{reason}" for stage, reason in end.refusals)
    return "no end was reported"
