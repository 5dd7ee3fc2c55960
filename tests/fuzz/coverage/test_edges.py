"""Each way through the code has edges of its own, named after where it stands."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured_modules import Modules

from ipc_gauntlet.fuzz.coverage.edges import BUCKETS, bucket, feature

# Source, and for each argument of f the names of the edges without their module.
WAYS: dict[str, tuple[str, dict[object, set[str]]]] = {
    "if": (
        """
        def f(x):
            if x > 3:
                return 1
            return 0
        """,
        {5: {"2:enter:0", "4:then:0"}, 1: {"2:enter:0", "3:else:0"}},
    ),
    "elif": (
        """
        def f(x):
            if x == 1:
                y = 1
            elif x == 2:
                y = 2
            else:
                y = 3
            return y
        """,
        {
            1: {"2:enter:0", "4:then:0"},
            2: {"2:enter:0", "5:else:0", "6:then:0"},
            3: {"2:enter:0", "5:else:0", "8:else:0"},
        },
    ),
    "for": (
        """
        def f(x):
            for i in range(x):
                if i == 2:
                    break
            else:
                x = 0
            return x
        """,
        {
            0: {"2:enter:0", "3:skip:0"},
            1: {"2:enter:0", "4:body:0", "4:else:0", "3:end:0"},
            3: {"2:enter:0", "4:body:0", "4:else:0", "5:then:0"},
        },
    ),
    "while": (
        """
        def f(x):
            while x:
                x -= 1
        """,
        {0: {"2:enter:0", "3:skip:0"}, 2: {"2:enter:0", "4:body:0", "3:end:0"}},
    ),
    "while true": (
        """
        def f(x):
            while True:
                if x:
                    return
                x = 1
        """,
        {1: {"2:enter:0", "4:body:0", "5:then:0"}, 0: {"2:enter:0", "4:body:0", "4:else:0", "5:then:0"}},
    ),
    "loop of a function that looks at itself": (
        """
        def f(x):
            for _ in range(x):
                pass
            assert set(locals()) <= {"x", "_"}
        """,
        {0: {"2:enter:0", "3:end:0"}, 1: {"2:enter:0", "4:body:0", "3:end:0"}},
    ),
    "and, or": (
        """
        def f(x):
            return (x > 1 and x < 5) or x == 7
        """,
        {
            0: {"2:enter:0", "3:next:1"},
            3: {"2:enter:0", "3:next:0"},
            7: {"2:enter:0", "3:next:0", "3:next:1"},
        },
    ),
    "chain": (
        """
        def f(x):
            return 1 < x < 5
        """,
        {0: {"2:enter:0"}, 3: {"2:enter:0", "3:next:0"}},
    ),
    "conditional expression": (
        """
        def f(x):
            return 1 if x else 2
        """,
        {0: {"2:enter:0", "3:else:0"}, 1: {"2:enter:0", "3:then:0"}},
    ),
    "comprehensions": (
        """
        def f(x):
            return [i for i in range(x) if i % 2], {i: i for i in range(x)}, {i for i in ()}
        """,
        {
            0: {"2:enter:0"},
            1: {"2:enter:0", "3:else:0", "3:body:1"},
            2: {"2:enter:0", "3:else:0", "3:then:0", "3:body:0", "3:body:1"},
        },
    ),
    "except": (
        """
        def f(x):
            try:
                return 1 // x
            except ZeroDivisionError:
                return 0
        """,
        {1: {"2:enter:0"}, 0: {"2:enter:0", "6:handler:0"}},
    ),
    "except group": (
        """
        def f(x):
            try:
                raise ExceptionGroup("g", [ValueError() if x else KeyError()])
            except* ValueError:
                x = 2
            except* KeyError:
                x = 3
        """,
        {1: {"2:enter:0", "4:then:0", "6:handler:0"}, 0: {"2:enter:0", "4:else:0", "8:handler:0"}},
    ),
    "match": (
        """
        def f(x):
            match x:
                case 1 | 2:
                    return 1
                case int() if x > 10:
                    return 2
        """,
        {1: {"2:enter:0", "5:case:0"}, 11: {"2:enter:0", "7:case:0"}, 5: {"2:enter:0", "3:none:0"}},
    ),
    "match that takes all": (
        """
        def f(x):
            match x:
                case 1:
                    return 1
                case (int() as y) | y:
                    return y
        """,
        {1: {"2:enter:0", "5:case:0"}, 5: {"2:enter:0", "7:case:0"}},
    ),
    "assert": (
        """
        def f(x):
            try:
                assert x, "text"
            except AssertionError as error:
                assert str(error) == "text"
        """,
        {1: {"2:enter:0"}, 0: {"2:enter:0", "4:assert:0", "6:handler:0"}},
    ),
    "lambda": (
        """
        def f(x):
            return (lambda y: y and 1)(x)
        """,
        {0: {"2:enter:0", "3:enter:0"}, 1: {"2:enter:0", "3:enter:0", "3:next:0"}},
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_has_its_edges(modules: Modules, way: str) -> None:
    """What is taken is what the names say, and nothing else."""
    source, expected = WAYS[way]
    name = modules.write(source)
    module, coverage = modules.measured(name)
    everything: set[str] = set()
    for argument, edges in expected.items():
        coverage.begin()
        module.f(argument)
        taken = coverage.edges.names(coverage.hits())
        assert taken == {f"{name}:{edge}" for edge in edges}, argument
        everything |= taken
    assert coverage.covered() == everything
    assert coverage.covered_count() == len(everything) <= coverage.total


def test_another_way_is_another_path(modules: Modules) -> None:
    """The number of a path tells ways apart, and the order in which they are gone."""
    module, coverage = modules.measured(
        modules.write("""
        def f(x):
            for c in x:
                if c == "a":
                    pass
    """)
    )
    seen: dict[str, int] = {}
    for text in ("", "a", "b", "ab", "ba", "aa"):
        coverage.begin()
        module.f(text)
        seen[text] = coverage.path()
    assert len(set(seen.values())) == len(seen)
    coverage.begin()
    module.f("ca")
    assert coverage.path() == seen["ba"]


def test_counts_become_features(modules: Modules) -> None:
    """More rounds are new features now and then, not each time."""
    module, coverage = modules.measured(
        modules.write("""
        def f(x):
            for _ in range(x):
                pass
    """)
    )
    kinds = set()
    for rounds in range(200):
        coverage.begin()
        module.f(rounds)
        kinds.add(tuple(coverage.features()))
    assert len(kinds) == BUCKETS + 1


@given(count=st.integers(1, 10_000))
def test_buckets(count: int) -> None:
    """Buckets grow with counts; small counts have one of their own."""
    assert 0 <= bucket(count) < BUCKETS
    assert bucket(count) <= bucket(count + 1)
    assert (bucket(count) == bucket(count + 1)) == (count not in {1, 2, 3, 7, 15, 31, 127})
    assert feature(7, count) // BUCKETS == 7


@pytest.mark.parametrize(
    ("call", "functions"),
    [
        (lambda m: m.outer(), {"outer", "outer.<locals>.inner"}),
        (lambda m: m.Class().method(), {"Class.method", "Class.<lambda>"}),
        (lambda m: m.make()().method(), {"make", "make.<locals>.Local.method"}),
    ],
)
def test_functions_have_the_names_that_python_gives(
    modules: Modules, call: Callable[[object], object], functions: set[str]
) -> None:
    """`functions` and `where` name a function as its __qualname__ does."""
    name = modules.write("""
        def outer():
            def inner():
                return inner.__qualname__
            return inner()

        class Class:
            helper = lambda self: 1
            def method(self):
                return self.helper()

        def make():
            class Local:
                def method(self):
                    return 1
            return Local
    """)
    module, coverage = modules.measured(name)
    call(module)
    assert coverage.functions() == {f"{name}:{function}" for function in functions}
    assert {coverage.where(edge)[2] for edge in coverage.hits()} == functions
    assert all(coverage.where(edge)[0] == module.__file__ for edge in coverage.hits())
