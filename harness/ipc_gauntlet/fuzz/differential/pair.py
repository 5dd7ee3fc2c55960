"""A target made of two implementations in one process: every engine can fuzz it, and what they judge differently is found.

both(Target(name="mine.box", parse=mine.read, ...), Second("theirs", theirs.read, (theirs.Refused,)))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ipc_gauntlet.fuzz.target import Target


class Disagreement(Exception):
    """Two implementations judge one input differently. No target may declare it.

    Args:
        pair: The two verdicts, in two words.
        message: One line for a person.
    """

    def __init__(self, pair: str, message: str) -> None:
        super().__init__(message)
        self.pair = pair


def _same(one: object, other: object) -> bool:
    """Equality that tells True from 1, at every depth."""
    return repr(one) == repr(other)


@dataclass(frozen=True, slots=True)
class Second:
    """The other implementation.

    Attributes:
        name: What it is called in messages.
        parse: Its parser of the same bytes.
        rejects: The exceptions with which it refuses.
        same: Whether the values of the two are one; by default whether they look the same.
        reason: The word for one of its refusals, out of the words of the first (see `Target.reason`). With it two
            refusals for different reasons are a disagreement: a wrong class of answer. Without it a refusal is a refusal.
    """

    name: str
    parse: Callable[[bytes], object]
    rejects: tuple[type[BaseException], ...]
    same: Callable[[Any, Any], bool] = _same
    reason: Callable[[BaseException], str] | None = None


def both(first: Target, second: Second, *, name: str, measured: tuple[str, ...] = ()) -> Target:
    """A target that both implementations parse.

    Args:
        first: The target of the first; its verdicts are those of the new one. If it has a `reference_parser`, cases of
            the new one are for anybody's implementation of that parser: take it away from a first whose verdicts or
            words are not quite that parser's.
        second: The second implementation.
        name: Of the new target.
        measured: Modules of the second implementation, to be measured beside those of the first.
    """
    return replace(
        first,
        name=name,
        title=f"{first.title.rstrip('.')}; {second.name} must agree.",
        parse=_Pair(first, second),
        measured=(*first.measured, *measured),
        encode=None,
        canonical=False,
        residue=None,
        reference_parser="",
        cases_for=first.case_parser,
        told=None,
    )


@dataclass(frozen=True, slots=True)
class _Pair:
    """The parser of a pair.

    A disagreement carries the stack of the one that refused, because that is where the reason is.
    """

    first: Target
    second: Second

    def __call__(self, data: bytes) -> object:
        value = theirs = mine = other = None
        try:
            value = self.first.parse(data)
        except self.first.rejects as error:
            mine = error
        try:
            theirs = self.second.parse(data)
        except self.second.rejects as error:
            other = error
        try:
            self._compare(mine, other)
            if mine is not None:
                raise mine
        finally:
            # Their stacks lead to this frame, and this frame to them.
            del mine, other
        if not self.second.same(value, theirs):
            text = f"both accept, and read different values: {_short(value)} and {_short(theirs)}"
            raise Disagreement("values", text)
        return value

    def _compare(self, mine: BaseException | None, other: BaseException | None) -> None:
        if mine is not None and other is None:
            reason = self.first.reason(mine)
            text = f"refused ({reason}: {mine}), and {self.second.name} accepts"
            raise Disagreement(f"{reason}/accepted", text).with_traceback(mine.__traceback__) from mine
        if mine is None and other is not None:
            text = f"accepted, and {self.second.name} refuses ({type(other).__name__}: {other})"
            raise Disagreement("accepted/refused", text).with_traceback(other.__traceback__) from other
        if mine is not None and other is not None and self.second.reason is not None:
            reason, theirs = self.first.reason(mine), self.second.reason(other)
            if reason != theirs:
                text = f"refused ({reason}: {mine}), and {self.second.name} refuses for another reason ({theirs}: {other})"
                raise Disagreement(f"{reason}/{theirs}", text).with_traceback(mine.__traceback__) from mine


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
