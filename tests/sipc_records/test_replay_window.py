"""The window against the set of all numbers ever accepted, and the cost of a jump."""

from hypothesis import given
from hypothesis import strategies as st

from sipc.replay_window import MAX_NUMBER, WINDOW, ReplayWindow

# Steps between numbers that matter: within a word, across words, around the window's width, and far ahead.
STEPS = st.one_of(
    st.integers(-WINDOW - 2, WINDOW + 2),
    st.sampled_from([-WINDOW, 1 - WINDOW, WINDOW, 63, 64, 65, 2**32, 2**62, -(2**20)]),
)
STARTS = st.sampled_from([0, 1, 63, 64, 1023, 1024, 2**32 - 2, 2**32, 2**63, MAX_NUMBER - 3])


@given(STARTS, st.lists(st.tuples(STEPS, st.booleans()), max_size=60))
def test_exactly_what_is_new_and_recent_is_accepted(start: int, steps: list[tuple[int, bool]]) -> None:
    """Accepted iff not seen and above highest - W; a number that was not authentic changes nothing."""
    window, seen, highest, number = ReplayWindow(), set[int](), -1, start
    for step, authentic in steps:
        expected = 0 <= number <= MAX_NUMBER and number not in seen and number > highest - WINDOW
        assert window.accepts(number) is expected, number
        if expected and authentic:
            window.mark(number)
            seen.add(number)
            highest = max(highest, number)
        number += step
    assert window.highest == highest


def test_each_number_of_a_full_window() -> None:
    """All W numbers below the highest are open until they come, and none below them."""
    window = ReplayWindow()
    window.mark(5000)
    assert not window.accepts(5000 - WINDOW)
    for number in range(5000 - WINDOW + 1, 5000):
        assert window.accepts(number)
        window.mark(number)
        assert not window.accepts(number)


def test_the_last_number() -> None:
    """2^64-2 is the last number there is."""
    window = ReplayWindow()
    assert window.accepts(MAX_NUMBER)
    window.mark(MAX_NUMBER)
    assert not window.accepts(MAX_NUMBER + 1)
    assert window.accepts(MAX_NUMBER - 1)
    assert not window.accepts(0)


@given(st.sampled_from([0, 1, 64, 1000, 1 << 40]), st.integers(-5, 5))
def test_moving_to_a_number(number: int, step: int) -> None:
    """Everything below is over, everything from there on is open."""
    window = ReplayWindow()
    window.move_to(number)
    assert window.accepts(number + step) is (step >= 0)
