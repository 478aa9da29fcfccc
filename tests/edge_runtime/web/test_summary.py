"""Quantiles from buckets against those of the latencies themselves; and the board's memory."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.station.latency import BOUNDS_MS, Latencies
from edge_runtime.station.records import Histogram
from edge_runtime.web.board import StatusBoard
from edge_runtime.web.summary import is_beyond, quantile_ms
from tests.edge_runtime.web.fake_station import picture, status, verdict


@given(st.lists(st.floats(0.001, 999), min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_quantile_lies_in_the_bucket_of_the_true_one(latencies_ms: list[float], share: float) -> None:
    latencies = Latencies()
    for value in latencies_ms:
        latencies.add({"total": value})
    true = float(np.quantile(latencies_ms, share, method="inverted_cdf"))
    found = quantile_ms(latencies.histograms()["total"], share)
    assert found is not None
    bounds = (0.0, *BOUNDS_MS)
    at = bisect_left(BOUNDS_MS, true)
    assert bounds[at] - 1e-9 <= found <= bounds[at + 1] + 1e-9


def test_no_latency_has_no_quantile_and_one_above_all_bounds_is_a_lower_limit() -> None:
    assert quantile_ms(Histogram((1.0, 2.0), (0, 0, 0), 0.0), 0.5) is None
    slow = Histogram((1.0, 2.0), (1, 0, 9), 900.0)
    assert quantile_ms(slow, 0.99) == 2.0
    assert is_beyond(slow, 0.99)
    assert not is_beyond(slow, 0.05)


def test_the_board_ages_by_its_own_clock_and_keeps_few_pictures() -> None:
    now = 100.0
    board = StatusBoard(clock=lambda: now)
    assert board.age_s is None
    assert not board.is_fresh
    board.show(status())
    for sequence in range(1, 10):
        board.show(picture(verdict(sequence)))
    assert board.is_fresh
    newest = board.picture()
    assert newest is not None
    assert newest.record.sequence == 9
    assert board.picture(6) is not None
    assert board.picture(5) is None
    now += 2.1
    assert not board.is_fresh
    assert board.why_not_ready() == "the station has said nothing for 2.1 s"
