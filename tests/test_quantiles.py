"""The sketch: quantiles within 1 % of exact, everything else exact, never growing."""

from __future__ import annotations

import math
import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upbit_ws_qt.quantiles import QuantileSketch, SketchSummary

SHARES = (0.0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0)


def exact(values: list[float], share: float) -> float:
    """The figure at the rank the sketch promises: the first that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[math.floor(share * (len(ordered) - 1))]


def distributions() -> dict[str, list[float]]:
    rng = random.Random(20)
    count = 20_000
    return {
        "log-normal": [rng.lognormvariate(-3, 1.5) for _ in range(count)],
        "uniform": [rng.uniform(0.001, 0.4) for _ in range(count)],
        "two peaks": [rng.gauss(0.04, 0.002) if rng.random() < 0.9 else rng.gauss(1.2, 0.05) for _ in range(count)],
        "exponential": [rng.expovariate(20) for _ in range(count)],
        "constant": [0.042] * count,
        "large": [rng.uniform(1, 1e9) for _ in range(count)],
    }


@pytest.mark.parametrize("name", distributions())
def test_quantiles_are_within_one_percent(name: str) -> None:
    values = distributions()[name]
    sketch = QuantileSketch(values)
    for share in SHARES:
        assert sketch.quantile(share) == pytest.approx(exact(values, share), rel=0.0101), share


@given(st.lists(st.floats(min_value=1e-9, max_value=1e12), min_size=1, max_size=600), st.sampled_from(SHARES))
def test_any_figures_within_one_percent(values: list[float], share: float) -> None:
    assert QuantileSketch(values).quantile(share) == pytest.approx(exact(values, share), rel=0.0101)


def test_count_minimum_maximum_and_mean_are_exact() -> None:
    values = [float(n) for n in range(1, 1001)]
    sketch = QuantileSketch(values)
    assert (sketch.count, sketch.minimum, sketch.maximum) == (1000, 1.0, 1000.0)
    assert sketch.mean == pytest.approx(500.5)


def test_nothing_added_is_zero_everywhere() -> None:
    assert QuantileSketch().summary() == SketchSummary()


def test_figures_still_waiting_are_counted() -> None:
    sketch = QuantileSketch()
    sketch.add(0.25)
    assert sketch.summary() == SketchSummary(1, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25)


def test_merge_is_the_same_as_adding_everything_to_one() -> None:
    rng = random.Random(3)
    first = [rng.expovariate(5) for _ in range(700)]
    second = [rng.expovariate(50) for _ in range(900)]
    merged = QuantileSketch(first)
    other = QuantileSketch(second)
    merged.merge(other)
    whole = QuantileSketch(first + second)
    assert merged.quantiles(*SHARES) == whole.quantiles(*SHARES)
    assert (merged.count, merged.minimum, merged.maximum) == (whole.count, whole.minimum, whole.maximum)
    assert other.count == 900


def test_zero_and_negative_figures_are_zero_in_quantiles_and_themselves_in_minimum() -> None:
    sketch = QuantileSketch([-0.5, 0.0, 0.0, 2.0])
    assert sketch.minimum == -0.5
    assert sketch.quantile(0.5) == 0.0
    assert sketch.quantile(1.0) == 2.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_counted_and_left_out(bad: float) -> None:
    sketch = QuantileSketch([1.0, bad, 3.0])
    assert (sketch.count, sketch.rejected, sketch.maximum) == (2, 1, 3.0)
    assert sketch.mean == 2.0


def test_only_figures_that_are_not_finite_leave_it_empty() -> None:
    sketch = QuantileSketch([math.nan])
    assert (sketch.count, sketch.rejected, sketch.quantile(0.5)) == (0, 1, 0.0)


def test_figures_beyond_the_range_keep_their_maximum() -> None:
    sketch = QuantileSketch([1.0, 1e15])
    assert sketch.maximum == 1e15
    assert sketch.quantile(1.0) == 1e15


@pytest.mark.parametrize("share", [-0.01, 1.01, math.nan])
def test_a_share_outside_zero_to_one_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        QuantileSketch([1.0]).quantile(share)


def test_reset_forgets() -> None:
    sketch = QuantileSketch([1.0, math.nan])
    sketch.reset()
    assert sketch.summary() == SketchSummary()
    assert sketch.rejected == 0


def test_it_does_not_grow_with_what_is_added() -> None:
    rng = random.Random(1)
    sketch = QuantileSketch(10 ** rng.uniform(-12, 15) for _ in range(200_000))
    assert sketch.count == 200_000
    assert len(sketch._buckets) <= 2_500
    assert sys.getsizeof(sketch._waiting) < 4_096


def test_a_summary_holds_until_something_is_added() -> None:
    sketch = QuantileSketch([1.0, 3.0])
    first = sketch.summary()
    assert sketch.summary() is first
    sketch.add(5.0)
    assert (sketch.summary().count, sketch.summary().mean) == (3, 3.0)
    sketch.merge(QuantileSketch([7.0]))
    assert (sketch.summary().count, sketch.summary().maximum) == (4, 7.0)
    sketch.reset()
    assert sketch.summary() == SketchSummary()
