from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.station.latency import BOUNDS_MS, Latencies
from edge_runtime.station.records import STAGES


@given(st.lists(st.floats(0, 5000)))
def test_every_value_is_counted_in_its_bucket(values: list[float]) -> None:
    latencies = Latencies()
    for value in values:
        latencies.add({"engine": value})
    found = latencies.histograms()["engine"]
    edges = [-1.0, *BOUNDS_MS, float("inf")]
    expected = [sum(low < v <= high for v in values) for low, high in itertools.pairwise(edges)]
    assert list(found.counts) == expected
    assert abs(found.sum_ms - sum(values)) <= 1e-6 * max(1, sum(values))


def test_stages_that_were_not_measured_stay_empty() -> None:
    latencies = Latencies()
    latencies.add({"total": 1.0})
    assert {stage for stage in STAGES if sum(latencies.histograms()[stage].counts)} == {"total"}
