"""Figures of a sample of times, and what the sample is too small to tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# In thousandths, so that ranks are whole numbers.
PERCENTILES_PERMILLE = {"p50_ms": 500, "p99_ms": 990, "p999_ms": 999}
SMALLEST_SAMPLES = {"p50_ms": 2, "p99_ms": 100, "p999_ms": 1000}
DIGITS = 4


def percentile(values: Sequence[float], permille: int) -> float:
    """The value that so many thousandths of all lie at or below (nearest rank)."""
    rank = max(1, -(-permille * len(values) // 1000))
    return sorted(values)[rank - 1]


def figures(values_ms: Sequence[float]) -> dict[str, Any]:
    """Percentiles and the largest of times.

    Args:
        values_ms: In ms; may be empty.

    Returns:
        `samples`, `p50_ms`, `p99_ms`, `p999_ms` and `max_ms`; what the sample cannot tell is None, with the reason in
        `not_told` by name.
    """
    count = len(values_ms)
    found: dict[str, Any] = {"samples": count}
    not_told = {}
    for name, permille in PERCENTILES_PERMILLE.items():
        is_enough = count >= SMALLEST_SAMPLES[name]
        found[name] = round(percentile(values_ms, permille), DIGITS) if is_enough else None
        if not is_enough:
            not_told[name] = f"{SMALLEST_SAMPLES[name]} samples are needed, there are {count}"
    found["max_ms"] = round(max(values_ms), DIGITS) if values_ms else None
    if not values_ms:
        not_told["max_ms"] = "there are no samples"
    return {**found, "not_told": not_told}
