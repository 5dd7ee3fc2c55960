"""The event stream of a run: everything that consumers (terminal, files, reports) ever see.

Events are frozen values. Their times and ids are given to them by the recorder, so the same run with the same clock
gives the same stream.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ipc_gauntlet.verdict import Level, Profile, Verdict


class Implementation(msgspec.Struct, frozen=True, kw_only=True):
    """What is tested: the facts of its statement that a report needs.

    Args:
        name: As the implementation calls itself; the command where it never told.
        version: Its version.
        language: What it is written in.
        profile: The profile it is tested against.
        claimed: The profile it claims itself, where another one was asked for.
        roles: Roles it plays.
        transports: Transports it offers.
        credentials: Kinds of credentials it can use.
        features: Optional features it has.
        observes: Notifications it gives.
        wire: The wire protocol it speaks, in its own words.
        client: Command of the driver that plays the client, as words.
        server: Command of the driver that plays the server, as words.
    """

    name: str
    version: str = ""
    language: str = ""
    profile: str = ""
    claimed: str = ""
    roles: tuple[str, ...] = ()
    transports: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    observes: tuple[str, ...] = ()
    wire: str = ""
    client: tuple[str, ...] = ()
    server: tuple[str, ...] = ()


class Required(msgspec.Struct, frozen=True):
    """What a case holds the implementation to: the requirement's statement and where it comes from."""

    statement: str
    source: str


class CaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """How one case ended, and the evidence.

    Args:
        id: `replay/records/duplicated_record/unix-x509-c2s`.
        suite: The suite's folder name.
        requirement: Id of the requirement.
        level: `MUST` or `SHOULD`.
        profile: The least profile that has to meet the requirement.
        title: One line for people.
        description: What the case does, for people.
        verdict: How it ended.
        stage: How far the session came.
        reason: Short class of the outcome, such as `delivered-twice`.
        message: One sentence on why it did not pass.
        transport: `unix`, `tcp` or `pipe`.
        credential: Credential kind.
        role: The role that was judged.
        timing: Whether it measured real time.
        duration_s: Wall time in seconds.
        cpu_s: Processor time of the tester's process in seconds.
        replay: Command that runs this case again in the same way.
        required: The requirement's text.
        done: What was done to the wire or the set-up.
        expected: What had to be observed.
        seen: What was observed.
        trace: Frames around the fault.
        stderr: For each driver the tail of what it printed for people.
        faults: The fault schedule as data.
        fired: What each fault did.
        notes: Findings that do not decide the verdict.
        detail: Traceback of an error.
        worker: The process that ran it.
    """

    id: str
    suite: str
    requirement: str
    level: Level
    profile: Profile
    title: str
    verdict: Verdict
    description: str = ""
    stage: str = ""
    reason: str = ""
    message: str = ""
    transport: str = ""
    credential: str = ""
    role: str = ""
    timing: bool = False
    duration_s: float = 0.0
    cpu_s: float = 0.0
    replay: str = ""
    required: Required | None = None
    done: tuple[str, ...] = ()
    expected: str = ""
    seen: str = ""
    trace: tuple[str, ...] = ()
    stderr: dict[str, str] = {}
    faults: tuple[Any, ...] = ()
    fired: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    detail: str = ""
    worker: str = ""


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """Base of all events.

    Args:
        at: Seconds since the epoch.
        run: Id of the run.
    """

    at: float
    run: str


class RunStarted(Event, frozen=True, kw_only=True, tag="run-started"):
    """The implementation is known and the cases are chosen.

    Args:
        version: Version of the tester.
        platform: Operating system and Python.
        implementation: What is tested.
        seed: Reproduces every random choice of the run.
        suites: For each suite the number of chosen cases, in reading order.
        selection: The patterns that chose them, by option name.
        workers: How many processes run cases; 0 means the controlling process does.
        requirements_set: Name of the requirement set that the run is about; empty for the whole catalogue.
    """

    version: str
    platform: str
    implementation: Implementation
    seed: int
    suites: dict[str, int] = {}
    selection: dict[str, tuple[str, ...]] = {}
    workers: int = 0
    requirements_set: str = ""


class CaseStarted(Event, frozen=True, kw_only=True, tag="case-started"):
    """A case begins."""

    case: str


class CaseFinished(Event, frozen=True, kw_only=True, tag="case-finished"):
    """A case ended."""

    result: CaseResult


class Warned(Event, frozen=True, kw_only=True, tag="warning"):
    """Something a person should know that decides nothing."""

    message: str


class RunFinished(Event, frozen=True, kw_only=True, tag="run-finished"):
    """The run is over.

    Args:
        duration_s: Wall time in seconds.
        cpu_s: Processor time of the tester and of all processes it started, in seconds.
        interrupted: Whether the run was stopped from outside.
        not_run: Ids of chosen cases that have no result.
        error: Why the run could not be done, if it could not.
        exit_status: Exit status of the command.
    """

    duration_s: float
    cpu_s: float = 0.0
    interrupted: bool = False
    not_run: tuple[str, ...] = ()
    error: str = ""
    exit_status: int = 0


AnyEvent = RunStarted | CaseStarted | CaseFinished | Warned | RunFinished

_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def encode(event: AnyEvent) -> bytes:
    """One event as one line of JSON, without the line's end."""
    return msgspec.json.encode(event)


def decode(line: bytes | str) -> AnyEvent:
    """Read an event back.

    Raises:
        msgspec.ValidationError: It is JSON, but no event.
        msgspec.DecodeError: It is not JSON.
    """
    return _decoder.decode(line)
