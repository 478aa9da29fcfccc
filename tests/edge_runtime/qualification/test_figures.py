"""Percentiles, and those that a sample is too small for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.qualification.figures import figures, percentile


def test_ranks_are_the_nearest() -> None:
    values = [float(number) for number in range(1, 1001)]
    found = figures(values[::-1])
    assert (found["p50_ms"], found["p99_ms"], found["p999_ms"], found["max_ms"]) == (500, 990, 999, 1000)
    assert (found["samples"], found["not_told"]) == (1000, {})


def test_what_a_sample_cannot_tell_is_none_with_the_reason() -> None:
    found = figures([1.0] * 100)
    assert (found["p99_ms"], found["p999_ms"]) == (1.0, None)
    assert found["not_told"] == {"p999_ms": "1000 samples are needed, there are 100"}
    assert figures([1.0] * 99)["p99_ms"] is None
    nothing = figures([])
    assert nothing["max_ms"] is None
    assert set(nothing["not_told"]) == {"p50_ms", "p99_ms", "p999_ms", "max_ms"}


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200), st.integers(1, 999))
def test_so_many_thousandths_lie_at_or_below(values: list[float], permille: int) -> None:
    found = percentile(values, permille)
    assert found in values
    assert 1000 * sum(value <= found for value in values) >= permille * len(values)
    assert 1000 * sum(value < found for value in values) < permille * len(values)
