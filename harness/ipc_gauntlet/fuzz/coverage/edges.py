"""The table of edges: what is counted, where it stands in the source, and how counts become features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

EdgeKind = Literal[
    "enter",  # a function was called
    "then",  # a condition was true: if, conditional expression, filter of a comprehension
    "else",  # it was false
    "body",  # a loop or a comprehension went round
    "end",  # a loop ended by itself, after at least one round
    "skip",  # a loop had no round
    "next",  # the next operand of `and`, `or` or of a chain of comparisons was looked at
    "handler",  # an except clause was entered
    "case",  # a case of match was entered
    "none",  # no case did match
    "assert",  # an assertion failed
    "jump",  # a branch of compiled code without source
]
"""What kind of place an edge leads to."""

# Counts within one bucket are one feature: 1, 2, 3, 4-7, 8-15, 16-31, 32-127, 128 and more.
_UPPER = (1, 2, 3, 7, 15, 31, 127)
BUCKETS = len(_UPPER) + 1
"""Features of one edge."""
_BUCKET = bytes(sum(count > upper for upper in _UPPER) for count in range(129))


def bucket(count: int) -> int:
    """The bucket of a count that is at least 1."""
    return _BUCKET[count] if count < len(_BUCKET) else BUCKETS - 1


def feature(edge: int, count: int) -> int:
    """The number of a feature: an edge, and roughly how often it was taken."""
    return edge * BUCKETS + bucket(count)


class Edge(NamedTuple):
    """A place in the measured code.

    Attributes:
        module: Name of the module.
        file: Path of its source.
        line: Where the edge leads to, or where the condition stands if nothing is written there.
        kind: What kind of place it is.
        function: Qualified name of the function around it.
        ordinal: Number among the edges of this kind on this line of the module.
    """

    module: str
    file: str
    line: int
    kind: EdgeKind
    function: str
    ordinal: int

    @property
    def name(self) -> str:
        """`module:line:kind:ordinal`, stable for one version of the code."""
        return f"{self.module}:{self.line}:{self.kind}:{self.ordinal}"


class Edges:
    """All edges, numbered in the order in which modules are imported, and within one in the order of its source."""

    def __init__(self) -> None:
        self._edges: list[Edge] = []
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._edges)

    def __getitem__(self, number: int) -> Edge:
        return self._edges[number]

    def add(self, edge: Edge) -> int:
        """The number of an edge; one that is known already keeps its number, so that a module can be imported again."""
        number = self._numbers.get(edge.name)
        if number is None:
            number = self._numbers[edge.name] = len(self._edges)
            self._edges.append(edge)
        else:
            self._edges[number] = edge
        return number

    def names(self, numbers: Iterable[int]) -> set[str]:
        """Names of edges."""
        return {self._edges[number].name for number in numbers}

    def functions(self, numbers: Iterable[int]) -> set[str]:
        """`module:qualified.name` of each function whose entry is among the edges."""
        return {
            f"{edge.module}:{edge.function}"
            for edge in map(self._edges.__getitem__, numbers)
            if edge.kind == "enter"
        }


class Numbering:
    """Gives out the edges of one module while its source is rewritten."""

    def __init__(self, edges: Edges, module: str, file: str) -> None:
        self._edges = edges
        self._module = module
        self._file = file
        self._used: dict[tuple[int, str], int] = {}

    def add(self, kind: EdgeKind, line: int, function: str) -> int:
        """The number of the next edge."""
        ordinal = self._used.get((line, kind), 0)
        self._used[line, kind] = ordinal + 1
        return self._edges.add(Edge(self._module, self._file, line, kind, function, ordinal))


def features(hits: Mapping[int, int]) -> list[int]:
    """The features of one execution, in the order in which their edges were first taken."""
    return [feature(edge, count) for edge, count in hits.items()]
