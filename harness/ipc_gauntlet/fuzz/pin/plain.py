"""Values of parsers made comparable across copies of their modules.

Two copies of a module have two classes of each name, whose instances are never equal. What counts is what a value
says: its class's name and its parts. `True` and `1` are told apart, as a codec must.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import Enum

_DEEPEST = 64
_AS_THEY_ARE = (str, bytes, float, type(None))


def plain(value: object, depth: int = 0) -> object:
    """A value as nested tuples of strings, bytes and numbers.

    Args:
        value: Anything a parser returns.
        depth: How deep in another value; the deepest levels are cut.
    """
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is int:
        return ("int", value)
    if kind is bool:
        return ("bool", value)
    if depth > _DEEPEST:
        return ("...", kind.__name__)
    if isinstance(value, Enum):
        return (kind.__qualname__, value.name)
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, Mapping):
        return ("map", tuple((plain(key, depth + 1), plain(item, depth + 1)) for key, item in value.items()))
    if isinstance(value, (list, tuple)):
        return (kind.__qualname__, *(plain(item, depth + 1) for item in value))
    if isinstance(value, (set, frozenset)):
        return ("set", tuple(sorted(repr(plain(item, depth + 1)) for item in value)))
    if isinstance(value, (str, bytes, int)):
        return (kind.__qualname__, str(value))
    return _parts(value, depth)


def _parts(value: object, depth: int) -> object:
    kind = type(value)
    if isinstance(value, type) or callable(value):
        return ("callable", getattr(value, "__qualname__", kind.__qualname__))
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
    else:
        slots = getattr(kind, "__slots__", ())
        names = [slots] if isinstance(slots, str) else list(slots)
        names += sorted(getattr(value, "__dict__", {}))
    present = [name for name in names if hasattr(value, name)]
    return (kind.__qualname__, *((name, plain(getattr(value, name), depth + 1)) for name in present))
