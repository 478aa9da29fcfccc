"""How long the stages of a verdict take, counted in buckets: the memory does not grow with the parts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from edge_runtime.station.records import STAGES, Histogram, Stage

BOUNDS_MS = (0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10, 15, 20, 30, 50, 75, 100, 200, 500, 1000)


class Latencies:
    """A histogram for each stage."""

    def __init__(self) -> None:
        self._counts: dict[Stage, list[int]] = {stage: [0] * (len(BOUNDS_MS) + 1) for stage in STAGES}
        self._sums_ms: dict[Stage, float] = dict.fromkeys(STAGES, 0.0)

    def add(self, stages_ms: Mapping[Stage, float]) -> None:
        """Count the stages of one verdict."""
        for stage, value_ms in stages_ms.items():
            self._counts[stage][bisect_left(BOUNDS_MS, value_ms)] += 1
            self._sums_ms[stage] += value_ms

    def histograms(self) -> dict[Stage, Histogram]:
        """What was counted so far."""
        return {stage: Histogram(BOUNDS_MS, tuple(self._counts[stage]), self._sums_ms[stage]) for stage in STAGES}
