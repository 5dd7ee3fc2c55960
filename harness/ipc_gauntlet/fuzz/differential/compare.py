"""Two verdicts on one input, held against each other. Pure functions."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from ipc_gauntlet.driver.vocabulary import Reason
from ipc_gauntlet.fuzz.differential.answers import Answer, Trouble, template
from ipc_gauntlet.fuzz.findings import Finding, FindingKind, Frame
from ipc_gauntlet.fuzz.signature import frames_of, sign
from ipc_gauntlet.fuzz.target import Target, Verdict

REASONS = frozenset(get_args(Reason))
"""The reason classes of the driver protocol: what two implementations can agree on."""
_SILENT = "unspecified"


@dataclass(frozen=True, slots=True)
class Reference:
    """What the reference made of an input.

    Attributes:
        verdict: Its verdict.
        refusal: The exception with which it refused, None if it accepted.
    """

    verdict: Verdict
    refusal: BaseException | None = None

    @property
    def word(self) -> str:
        """The verdict in one word."""
        return "accepted" if self.verdict.accepted else self.verdict.reason

    @property
    def check(self) -> str:
        """Which check refused: the word and the place of it, which may only tell inputs apart within one run."""
        trace = self.refusal.__traceback__ if self.refusal is not None else None
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        return f"{self.word}@{trace.tb_lineno}" if trace is not None else self.word


def refer(target: Target, data: bytes) -> Reference:
    """Ask the reference.

    Raises:
        BaseException: Whatever it raises beyond what it declares.
    """
    try:
        value = target.parse(data)
    except target.rejects as error:
        return Reference(Verdict(False, target.reason(error)), error)
    return Reference(Verdict(True, "", value))


def compare(target: Target, data: bytes, reference: Reference, answer: Answer) -> Finding | None:
    """The finding of two verdicts that do not go together, None if they do.

    A refusal for another reason is one only if both reasons are of the closed list and the other implementation does
    not say that it cannot tell.
    """
    verdict = reference.verdict
    if verdict.accepted != answer.accepted:
        return _disagreement(target, data, reference, answer)
    if verdict.accepted:
        return _other_value(target, data, verdict, answer)
    if answer.reason in (_SILENT, verdict.reason) or verdict.reason not in REASONS:
        return None
    text = f"the reference refuses with {verdict.reason}, the implementation with {answer.reason}{_why(reference)}"
    extra = f"{verdict.reason}/{answer.reason}"
    return _finding(target, data, "wrong-answer", (text, extra), reference, answer)


def _disagreement(target: Target, data: bytes, reference: Reference, answer: Answer) -> Finding:
    said = "accepts" if reference.verdict.accepted else f"refuses ({reference.word})"
    other = "accepts" if answer.accepted else f"refuses ({answer.word})"
    text = f"the reference {said}, the implementation {other}{_why(reference)}"
    words = (text, f"{reference.word}/{answer.word}")
    return _finding(target, data, "disagreement", words, reference, answer)


def _other_value(target: Target, data: bytes, verdict: Verdict, answer: Answer) -> Finding | None:
    if answer.value is None:
        return None
    if target.told is not None:
        told = target.told(data)
    elif target.canonical and target.encode is not None and isinstance(answer.value, str):
        told = base64.b64encode(target.encode(verdict.value)).decode()
    else:
        return None
    if (mine := _json(told)) == (theirs := _json(answer.value)):
        return None
    places = sorted(set(_places(json.loads(mine), json.loads(theirs), "")))
    where = ", ".join(places)
    text = f"both accept, and read different values: {where or 'at the top'}: {mine[:80]} and {theirs[:80]}"
    reference = Reference(verdict)
    return _finding(target, data, "disagreement", (text, f"value {where}"), reference, answer)


def troubled(target: Target, data: bytes, trouble: Trouble) -> Finding:
    """The finding of an input that got no answer."""
    kind: FindingKind = (
        "hang" if trouble.kind == "hang" else "native" if trouble.kind == "native" else "crash"
    )
    return Finding(
        target=target.name,
        kind=kind,
        signature=sign(kind, trouble.error, (), f"{target.name} driver {trouble.cause}"),
        message=f"the implementation under test: {trouble.message}",
        input_b64=base64.b64encode(data).decode(),
        error=trouble.error,
        details={"side": "implementation", **trouble.details},
    )


def _finding(
    target: Target,
    data: bytes,
    kind: FindingKind,
    words: tuple[str, str],
    reference: Reference,
    answer: Answer,
) -> Finding:
    text, pair = words
    frames = _frames(target, reference)
    because = template(str(reference.refusal)) if reference.refusal is not None else ""
    return Finding(
        target=target.name,
        kind=kind,
        signature=sign(kind, pair, frames, f"{target.name} {because}"),
        message=text,
        input_b64=base64.b64encode(data).decode(),
        error=pair,
        frames=frames,
        details={"reference": reference.word, "implementation": answer.word},
    )


def _frames(target: Target, reference: Reference) -> tuple[Frame, ...]:
    return (
        frames_of(reference.refusal.__traceback__, target.measured) if reference.refusal is not None else ()
    )


def _why(reference: Reference) -> str:
    text = " ".join(str(reference.refusal).split())[:160] if reference.refusal is not None else ""
    return f": {text}" if text else ""


def _json(value: object) -> str:
    """One text for one JSON value, in which True is not 1."""
    return json.dumps(value, sort_keys=True, default=repr)


def _places(one: object, other: object, path: str) -> Iterator[str]:
    """Where two JSON values differ; places in lists count as one."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in {*one, *other}:
            yield from _places(one.get(key), other.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for mine, theirs in zip(one, other, strict=True):
            yield from _places(mine, theirs, f"{path}[]")
    elif _json(one) != _json(other):
        yield path
