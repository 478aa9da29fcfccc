"""The station's status as Prometheus metrics. Names carry units; every label has few values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from edge_runtime import __version__
from edge_runtime.station.records import Health, Histogram, Stage, StationStatus
from edge_runtime.station.states import STATES
from edge_runtime.web.board import StatusBoard

PREFIX = "factory_edge"
NOT_FAILED = "none"
SPOOL = {
    "waiting": ("spool_waiting_verdicts", "Verdicts that were not handed on yet."),
    "stored_images": ("spool_stored_images", "Images that are kept here."),
    "stored_bytes": ("spool_stored_bytes", "Size of these images."),
    "quota_bytes": ("spool_quota_bytes", "Size that they may reach."),
}


class StationCollector(Collector):
    """Makes metrics of the newest status whenever they are asked for."""

    def __init__(self, board: StatusBoard) -> None:
        self._board = board

    def describe(self) -> Iterator[Metric]:
        """Nothing beforehand: what there is depends on the status."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The metrics of now."""
        status, age_s, is_fresh = self._board.status, self._board.age_s, self._board.is_fresh
        yield _gauge("status_fresh", "1 if the station said something within the last seconds.", float(is_fresh))
        yield InfoMetricFamily(f"{PREFIX}_runtime", "Version of the edge runtime.", {"version": __version__})
        if status is None or age_s is None:
            return
        yield _gauge("status_age_seconds", "Time since the station said something.", age_s)
        yield _gauge("ready", "1 if a trigger now would be judged.", float(is_fresh and status.is_ready))
        yield from _identity(status)
        yield from _verdicts(status)
        yield _latencies(status.latency)
        yield from _parts(status)
        for key, (name, text) in SPOOL.items():
            if key in status.spool:
                yield _gauge(name, text, status.spool[key])


def exposition(board: StatusBoard) -> bytes:
    """The metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StationCollector(board))
    return generate_latest(registry)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text, value=value)


def _identity(status: StationStatus) -> Iterator[Metric]:
    started = datetime.fromisoformat(status.started_utc.replace("Z", "+00:00"))
    yield _gauge("start_time_seconds", "When the service started, seconds since 1970.", started.timestamp())
    yield InfoMetricFamily(
        f"{PREFIX}_station", "Which station this is.", {"station": status.station, "product": status.product}
    )
    release = "" if status.release is None else str(status.release)
    yield InfoMetricFamily(
        f"{PREFIX}_release",
        "What judges the parts; empty if nothing does.",
        {"release": release, "bundle": status.bundle, "engine": status.engine},
    )
    update = status.update.partition(":")[0]
    yield InfoMetricFamily(f"{PREFIX}_last_update", "What became of the last update.", {"outcome": update})


def _verdicts(status: StationStatus) -> Iterator[Metric]:
    counts, failed = status.counts, sum(status.failures.values())
    yield CounterMetricFamily(f"{PREFIX}_triggers", "Parts that were announced.", value=counts.get("triggers", 0))
    verdicts = CounterMetricFamily(
        f"{PREFIX}_verdicts",
        "Verdicts since the start; those with a failure were rejected without being judged.",
        labels=("verdict", "failure"),
    )
    verdicts.add_metric(("ok", NOT_FAILED), counts.get("ok", 0))
    verdicts.add_metric(("nok", NOT_FAILED), counts.get("nok", 0) - failed)
    verdicts.add_metric(("classified", NOT_FAILED), counts.get("classified", 0))
    for failure, count in status.failures.items():
        verdicts.add_metric(("nok", failure), count)
    yield verdicts


def _latencies(latency: Mapping[Stage, Histogram]) -> Metric:
    family = HistogramMetricFamily(
        f"{PREFIX}_stage_latency_seconds", "How long the stages of a verdict took.", labels=("stage",)
    )
    for stage, histogram in latency.items():
        bounds = [*(str(bound / 1000) for bound in histogram.bounds_ms), "+Inf"]
        buckets = list(zip(bounds, (float(count) for count in accumulate(histogram.counts)), strict=True))
        family.add_metric((stage,), buckets, histogram.sum_ms / 1000)
    return family


def _parts(status: StationStatus) -> Iterator[Metric]:
    restarts = CounterMetricFamily(f"{PREFIX}_process_restarts", "Restarts since the start.", labels=("process",))
    for process, count in status.restarts.items():
        restarts.add_metric((process,), count)
    yield restarts
    state = GaugeMetricFamily(f"{PREFIX}_state", "1 for the state that the station is in.", labels=("state",))
    for name in STATES:
        state.add_metric((name,), float(name == status.state))
    yield state
    yield _health(status.health)


def _health(parts: tuple[Health, ...]) -> Metric:
    family = GaugeMetricFamily(
        f"{PREFIX}_health", "1 for the health that a part of the station has.", labels=("part", "health")
    )
    for part in parts:
        for health in ("ok", "warning", "failed"):
            family.add_metric((part.name, health), float(part.state == health))
    return family
