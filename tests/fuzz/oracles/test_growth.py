"""Exponents: exact for counts, whatever every execution costs besides; cautious for times."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_gauntlet.fuzz.oracles.growth import LIMIT, exponent_of_counts, exponent_of_times, sizes

SIZES = sizes(4096)


def test_sizes_double() -> None:
    assert SIZES == [256, 512, 1024, 2048, 4096]
    assert sizes(3) == [1, 3]


@given(st.floats(1.0, 3.0), st.integers(1, 1000), st.integers(0, 10**6))
def test_a_power_is_found_beneath_a_constant(power: float, factor: int, constant: int) -> None:
    costs = [constant + factor * size**power for size in SIZES]
    assert exponent_of_counts(costs) == pytest.approx(power, abs=0.01)


@given(st.integers(1, 50), st.integers(0, 10**5))
def test_n_log_n_is_honest(factor: int, constant: int) -> None:
    assert exponent_of_counts([constant + factor * size * math.log2(size) for size in SIZES]) < LIMIT


@given(st.integers(0, 3), st.integers(1, 10**6))
def test_one_step_is_no_growth(step: int, height: int) -> None:
    costs = [10 * size + (height if place > step else 0) for place, size in enumerate(SIZES)]
    assert exponent_of_counts(costs) < LIMIT


@pytest.mark.parametrize("costs", [[], [5.0], [5.0, 9.0], [5.0] * 5, [9.0, 7.0, 5.0, 3.0, 1.0], [0.0] * 5])
def test_nothing_that_grows(costs: list[float]) -> None:
    assert exponent_of_counts(costs) == 0.0
    assert exponent_of_times(costs) == 0.0


def test_times_are_judged_by_the_slower_of_two_doublings() -> None:
    assert exponent_of_times([1, 1, 10, 40, 160]) == pytest.approx(2.0)
    assert exponent_of_times([1, 1, 10, 20, 160]) == pytest.approx(1.0)  # one outlier
    assert exponent_of_times([1, 1, 10, 80, 160]) == pytest.approx(1.0)


@given(st.floats(0.0, 0.45), st.integers(1, 1000))
def test_quadratic_work_shows_beneath_what_is_linear(share: float, factor: int) -> None:
    """`share` of the largest time is linear work; a copy of a buffer for every byte shows although lines cost much."""
    top = SIZES[-1]
    costs = [factor * (share * size / top + (1 - share) * (size / top) ** 2) for size in SIZES]
    assert exponent_of_times(costs) == pytest.approx(2.0, abs=0.01)


@given(st.lists(st.floats(1.0, 1.2), min_size=5, max_size=5), st.integers(1, 10**6))
def test_noise_is_no_growth(noise: list[float], factor: int) -> None:
    costs = [factor * size * math.log2(size) * more for size, more in zip(SIZES, noise, strict=True)]
    assert exponent_of_times(costs) < 1.6


def test_a_cache_that_is_too_small_is_no_growth() -> None:
    """What is done for a byte takes longer from some size on: dearer by as much with every doubling, at the worst."""
    assert exponent_of_times([2, 5.2, 12.8]) < 1.6
