"""The station's status as the page reads it: plain values, with quantiles and the newest picture's particulars."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from edge_runtime.station.records import Histogram, LivePicture, StationStatus
from edge_runtime.web.board import StatusBoard


def quantile_ms(histogram: Histogram, share: float) -> float | None:
    """A quantile of latencies, linear within its bucket as Prometheus computes it.

    Args:
        histogram: Of one stage.
        share: 0 to 1, such as 0.99.

    Returns:
        Milliseconds; None without any latency. Above all bounds it is the largest bound: a lower limit.
    """
    total = sum(histogram.counts)
    if total == 0:
        return None
    wanted, below, lower_ms = share * total, 0, 0.0
    for bound_ms, count in zip(histogram.bounds_ms, histogram.counts, strict=False):
        if count and below + count >= wanted:
            return lower_ms + (bound_ms - lower_ms) * max(0.0, wanted - below) / count
        below, lower_ms = below + count, bound_ms
    return lower_ms


def is_beyond(histogram: Histogram, share: float) -> bool:
    """Whether a quantile lies above all bounds, so that only a lower limit of it is known."""
    total = sum(histogram.counts)
    return total > 0 and sum(histogram.counts[:-1]) < share * total


def summary(board: StatusBoard) -> dict[str, Any]:
    """Everything that the page shows.

    Returns:
        The fields of `StationStatus`, and `age_s`, `is_fresh`, `reason` (why it is not ready, or null), `quantiles`
        (`p50_ms`, `p99_ms`, `parts` by stage) and `picture`. Before the first status: `age_s` null and no such fields.
    """
    status, age_s, picture = board.status, board.age_s, board.picture()
    said = {} if status is None else {**asdict(status), "quantiles": _quantiles(status)}
    return {
        **said,
        "age_s": None if age_s is None else round(age_s, 3),
        "is_fresh": board.is_fresh,
        "reason": board.why_not_ready(),
        "picture": None if picture is None else _particulars(picture),
    }


def _quantiles(status: StationStatus) -> dict[str, dict[str, Any]]:
    return {
        stage: {
            "parts": sum(histogram.counts),
            "p50_ms": quantile_ms(histogram, 0.5),
            "p99_ms": quantile_ms(histogram, 0.99),
            "is_p99_beyond": is_beyond(histogram, 0.99),
        }
        for stage, histogram in status.latency.items()
    }


def _particulars(picture: LivePicture) -> dict[str, Any]:
    record = picture.record
    return {
        "sequence": record.sequence,
        "part_id": record.trigger.part_id,
        "verdict": record.verdict,
        "failure": record.failure,
        "blobs": [dict(blob) for blob in record.blobs],
        "frame_size_px": list(picture.frame_size_px),
        "has_heat_map": picture.heat_map is not None,
    }
