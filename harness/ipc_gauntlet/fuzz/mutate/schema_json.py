"""JSON texts: what is well-formed is changed as a value, the rest as bytes with the marks of JSON in them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from ipc_gauntlet.fuzz.mutate.fields_values import disturbed, ways_to_shorten
from ipc_gauntlet.fuzz.target import Part

Value = object
_MARKS = (
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b",",
    b":",
    b"null",
    b"true",
    b"1e999",
    b"NaN",
    b"\\u",
    b"\\ud800",
    b"\xff",
    b"-",
    b"0",
)
_ODD: tuple[Value, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 10**30, -0.0, 1.5, 1e308, float("inf"), float("nan"), "", "a", "\0",
    "\ud800", "ü", "A===", "YQ==", [], {}, [None], {"": None}, [[]], "x" * 300,
)  # fmt: skip
_TOKEN = re.compile(rb'\s+|"(?:[^"\\]|\\.)*"?|[-+0-9.eE]+|[a-zA-Z]+|.', re.DOTALL)
_MOST_DEPTH = 40


@dataclass(frozen=True)
class JsonStructure:
    """The structure of JSON texts.

    Args:
        samples: Valid inputs of which others are made.
        words: Values worth putting in, beside the usual odd ones.
        ending: What a text ends with.
    """

    samples: Sequence[Value]
    words: tuple[Value, ...] = ()
    ending: bytes = b"\n"

    def generate(self, rng: Random) -> bytes:
        """A sample, now and then with another value in it."""
        value = _copy(rng.choice(list(self.samples)))
        return self._write(self._changed(value, rng) if rng.random() < 0.3 else value)

    def mutate(self, data: bytes, rng: Random) -> bytes:
        """Another value in it, a member more or less; now and then something that is no JSON."""
        value = _read(data)
        if value is _UNREADABLE or rng.random() < 0.1:
            return self._spoilt(data, rng)
        for _ in range(4):
            value = self._changed(value, rng)
            if rng.random() < 0.6:
                break
        return self._write(value)

    def smaller(self, data: bytes) -> Iterator[bytes]:
        """Without members, with simpler values; else with fewer bytes."""
        value = _read(data)
        found = set(ways_to_shorten(data, 0))
        if value is not _UNREADABLE:
            found |= {self._write(less) for less in _less(value)}
            found.add(self._write(value))
        yield from sorted(
            (one for one in found if (len(one), one) < (len(data), data)), key=lambda one: (len(one), one)
        )

    def explain(self, data: bytes) -> list[Part]:
        """Each token, by where it stands."""
        parts: list[Part] = []
        stack: list[_Level] = []
        for match in _TOKEN.finditer(data):
            text = match.group()
            path = "".join(level.path for level in stack) or "text"
            parts.append(Part(match.start(), len(text), path, text[:80].decode(errors="backslashreplace")))
            if text in (b"{", b"["):
                stack.append(_Level(text == b"{"))
            elif text in (b"}", b"]"):
                del stack[-1:]
            elif stack:
                stack[-1].take(text)
        return parts

    def _write(self, value: Value) -> bytes:
        try:
            return json.dumps(value).encode() + self.ending
        except (ValueError, RecursionError):
            return b"null" + self.ending

    def _spoilt(self, data: bytes, rng: Random) -> bytes:
        at = rng.randrange(len(data) + 1)
        if rng.random() < 0.5:
            return data[:at] + rng.choice(_MARKS) + data[at:]
        if rng.random() < 0.1:
            return data[:at] + rng.choice((b"[", b'{"a":')) * rng.choice((10, 100, 1500)) + data[at:]
        return disturbed(data, rng)

    def _changed(self, value: Value, rng: Random) -> Value:
        """The value with something in it changed; it is used up."""
        places = list(_places(value))
        if not places or rng.random() < 0.05:
            return self._odd(rng)
        holder, key = rng.choice(places)
        which = rng.random()
        if isinstance(holder, dict):
            _change_member(holder, str(key), which, lambda: self._odd(rng), rng)
        elif isinstance(holder, list) and isinstance(key, int):
            if which < 0.6:
                holder[key] = self._odd(rng) if which < 0.4 else _near(holder[key], rng)
            elif which < 0.8:
                del holder[key]
            else:
                holder.insert(key, _copy(holder[key]))
        return value

    def _odd(self, rng: Random) -> Value:
        return _copy(rng.choice(self.words if self.words and rng.random() < 0.6 else _ODD))


class _Level:
    """An object or array that is open."""

    def __init__(self, is_object: bool) -> None:
        self.is_object = is_object
        self.path = "{" if is_object else "[0]"
        self._at = 0
        self._key = True

    def take(self, token: bytes) -> None:
        """A token within it."""
        if token == b",":
            self._at += 1
            self._key = True
        elif token == b":":
            self._key = False
            return
        if not self.is_object:
            self.path = f"[{self._at}]"
        elif self._key and token.startswith(b'"'):
            self.path = "." + token.strip(b'"').decode(errors="backslashreplace")


_UNREADABLE = object()


def _read(data: bytes) -> Value:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return _UNREADABLE


def _copy(value: Value, depth: int = 0) -> Value:
    if depth > _MOST_DEPTH:
        return None
    if isinstance(value, dict):
        return {key: _copy(one, depth + 1) for key, one in value.items()}
    return [_copy(one, depth + 1) for one in value] if isinstance(value, list) else value


def _places(value: Value) -> Iterator[tuple[Value, object]]:
    """Every place that holds a value: its container, and key or number within it."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        keys = list(one) if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ()
        for key in keys:
            yield one, key
            waiting.append(one[key])  # type: ignore[index]  # a dict or a list: they have keys


def _change_member(
    holder: dict[str, Value], key: str, which: float, odd: Callable[[], Value], rng: Random
) -> None:
    if which < 0.35:
        holder[key] = odd()
    elif which < 0.6:
        holder[key] = _near(holder[key], rng)
    elif which < 0.75:
        del holder[key]
    elif which < 0.85:
        holder[rng.choice(("id", "method", "params", "x", key + "_", key.upper(), ""))] = odd()
    else:
        other = rng.choice(sorted(holder))
        holder[key], holder[other] = holder[other], holder[key]


def _near(value: Value, rng: Random) -> Value:
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int):
        return value + rng.choice((-1, 1, 1000, -(10**6)))
    if isinstance(value, str):
        return disturbed(value.encode(errors="replace"), rng).decode(errors="replace")
    if isinstance(value, list):
        return value + value[:1]
    return [value]


def _less(value: Value) -> Iterator[Value]:
    """Values with one thing less in them."""
    yield None
    for number, (holder, key) in enumerate(_places(value)):
        if number > 200:
            return
        for act in (_without, _zeroed):
            changed = _copy(value)
            found = next((place for at, place in enumerate(_places(changed)) if at == number), None)
            if found is not None:
                act(*found)
                yield changed
        if isinstance(holder, (dict, list)):
            yield _copy(holder[key])  # type: ignore[call-overload]  # its own key


def _without(holder: Value, key: object) -> None:
    del holder[key]  # type: ignore[attr-defined]  # a dict or a list


def _zeroed(holder: Value, key: object) -> None:
    value = holder[key]  # type: ignore[index]  # a dict or a list
    simple: Value = 0
    if isinstance(value, str):
        simple = value[: len(value) // 2]
    elif isinstance(value, (dict, list)):
        simple = type(value)()
    holder[key] = simple  # type: ignore[index]  # a dict or a list
