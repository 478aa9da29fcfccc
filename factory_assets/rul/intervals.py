"""Conformal intervals around predicted remaining life: calibrated by unit and by band of predicted RUL.

Residuals are those of members that did not see the unit. Nothing here knows models or tables.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from factory_assets.foundation.errors import FactoryError

LEVELS = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)
MEDIAN = 0.50
INTERVALS = {"80": (0.10, 0.90), "90": (0.05, 0.95)}
MOST_BANDS, UNITS_A_BAND = 10, 2
# Narrower bands would make offsets so steep that rounding of a prediction shows in its quantiles.
NARROWEST_BAND = 0.02
ROUNDING = 1e-9


class CalibrationError(FactoryError, ValueError):
    """Nothing to calibrate intervals with; the message says what is missing."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Calibration(_Record):
    """What turns a predicted RUL into quantiles: `predicted + offset`, clipped to 0 and the cap.

    An offset runs straight from knot to knot and stays what it is beyond the outermost two.

    Attributes:
        levels: Of the quantiles, rising.
        band_edges_cycles: (bands - 1) predicted RUL where one band ends and the next begins (it holds its edge).
        knots_cycles: (bands,) predicted RUL in the midst of each band, at which its offsets hold.
        offsets_cycles: (bands, levels), not falling along a band.
        units: (bands,) calibrating units that have predictions in the band.
    """

    levels: tuple[float, ...] = LEVELS
    band_edges_cycles: tuple[float, ...]
    knots_cycles: tuple[float, ...] = Field(min_length=1)
    offsets_cycles: tuple[tuple[float, ...], ...]
    units: tuple[int, ...]

    @model_validator(mode="after")
    def _shapes_agree(self) -> Calibration:
        bands = len(self.knots_cycles)
        if {len(self.band_edges_cycles) + 1, len(self.offsets_cycles), len(self.units)} != {bands}:
            msg = f"{bands} knots need {bands - 1} band edges, and {bands} rows of offsets and counts of units"
            raise ValueError(msg)
        if any(len(row) != len(self.levels) for row in self.offsets_cycles):
            msg = f"every band needs {len(self.levels)} offsets, one a level"
            raise ValueError(msg)
        rising = np.diff(self.levels), np.diff(self.band_edges_cycles), np.diff(self.knots_cycles)
        if any((steps <= 0).any() for steps in rising) or (np.diff(self.offsets_cycles, axis=1) < 0).any():
            msg = "levels, band edges and knots must rise, and the offsets of a band must not fall"
            raise ValueError(msg)
        return self

    @property
    def unreached_levels(self) -> tuple[float, ...]:
        """Levels that some band has too few units to guarantee: there its widest residual stands in."""
        return tuple(level for level in self.levels if not _is_reached(level, min(self.units)))

    def hinges(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The offsets as a sum: `first + clip((predicted - start) / span, 0, 1) @ step`.

        Returns:
            first (levels,), start (hinges,), span (hinges,) and step (hinges, levels), in cycles; at least one hinge.
        """
        knots, offsets = np.asarray(self.knots_cycles), np.asarray(self.offsets_cycles)
        if len(knots) == 1:
            return offsets[0], knots, np.ones(1), np.zeros_like(offsets)
        return offsets[0], knots[:-1], np.diff(knots), np.diff(offsets, axis=0)


class BandCoverage(_Record):
    """How often intervals held the truth in one band of predicted RUL, every unit weighing alike."""

    from_cycles: float
    to_cycles: float
    units: int
    windows: int
    coverage: float
    mean_width_cycles: float


class IntervalCoverage(_Record):
    """How often intervals of one nominal coverage held the truth (capped), every unit weighing alike."""

    nominal: float
    units: int
    windows: int
    coverage: float
    mean_width_cycles: float
    by_band: tuple[BandCoverage, ...]


def calibrate(
    predicted: np.ndarray,
    truth: np.ndarray,
    units: np.ndarray,
    *,
    cap_cycles: float,
    censored: np.ndarray | None = None,
    bands: int | None = None,
) -> Calibration:
    """Find the offsets of every band.

    A band's offset of an upper level q is the smallest residual below which lies the share q of its units, where a
    unit counts once however many windows it has, and one more unit is taken to lie above all others (hierarchical
    conformal prediction: Lee, Barber and Willett, arXiv 2306.06342; bands: Mondrian). A window drawn from those of a
    new unit in the band then lies below with probability q at least. Lower levels are the mirror image; the median is
    plain. Where a band has too few units for a level, its largest residual in either direction stands in, and
    `Calibration.unreached_levels` says so. Offsets are joined by straight lines, since steps would turn a rounding of
    the prediction into cycles; between knots the probabilities are therefore near those named, and
    `cross_coverage` measures them.

    Args:
        predicted: (N,) predicted RUL in cycles, out of fold.
        truth: (N,) true RUL in cycles; capped here.
        units: (N,) the unit of each window.
        cap_cycles: The model's cap.
        censored: (N,) whether the truth is a lower bound only: such windows have no residual and are left out.
        bands: How many bands to make at most; None chooses by the number of units.

    Raises:
        CalibrationError: No window is left, a number is not finite, or shapes do not agree.
    """
    predicted, truth, units = _checked(predicted, truth, units, cap_cycles)
    if censored is not None:
        known = ~np.asarray(censored, bool).reshape(-1)
        predicted, truth, units = predicted[known], truth[known], units[known]
    if len(predicted) == 0:
        msg = "no uncensored out-of-fold prediction to calibrate intervals with: at least one unit must have failed"
        raise CalibrationError(msg)
    residual, code = truth - predicted, np.unique(units, return_inverse=True)[1]
    wanted = band_count(int(code.max()) + 1) if bands is None else bands
    edges = _edges(predicted, code, wanted, NARROWEST_BAND * cap_cycles)
    band = np.searchsorted(edges, predicted, side="right")
    bounds = np.concatenate([[predicted.min()], edges, [predicted.max()]])
    knots, offsets, counts = [], [], []
    for number in range(len(edges) + 1):
        inside = band == number
        weights, count = _unit_weights(code[inside])
        counts.append(count)
        offsets.append(_offsets(residual[inside], weights, count))
        knots.append(_knot(predicted[inside], weights, bounds[number], bounds[number + 1]))
    return Calibration(
        band_edges_cycles=tuple(edges.tolist()),
        knots_cycles=tuple(knots),
        offsets_cycles=tuple(offsets),
        units=tuple(counts),
    )


def band_count(units: int) -> int:
    """How many bands so many calibrating units can fill."""
    return int(np.clip(units // UNITS_A_BAND, 1, MOST_BANDS))


def quantiles(calibration: Calibration, predicted: np.ndarray, cap_cycles: float) -> np.ndarray:
    """Quantiles of the remaining life, capped.

    Args:
        calibration: Of the model.
        predicted: (N,) predicted RUL in cycles.
        cap_cycles: The model's cap.

    Returns:
        (N, levels) cycles, not falling along a row, from 0 to the cap.
    """
    column = np.asarray(predicted, np.float64).reshape(-1, 1)
    first, start, span, step = calibration.hinges()
    offsets = first + np.clip((column - start) / span, 0, 1) @ step
    # The sum of hinges may round two equal offsets apart.
    clipped: np.ndarray = np.maximum.accumulate(np.clip(column + offsets, 0, cap_cycles), axis=1)
    return clipped


def failure_probability(
    quantile_cycles: np.ndarray, levels: Sequence[float], horizon_cycles: float, cap_cycles: float
) -> np.ndarray:
    """Probability that a unit fails within the next cycles, read from its quantiles by straight lines between them.

    Args:
        quantile_cycles: (N, levels) as `quantiles` gives.
        levels: Of the quantiles.
        horizon_cycles: How many cycles ahead.
        cap_cycles: The model's cap.

    Returns:
        (N,) from 0 to 1; NaN where the horizon is not below the cap, since the model does not look so far.
    """
    # A graph's single precision may put equal quantiles a hair out of order.
    found = np.maximum.accumulate(np.asarray(quantile_cycles, np.float64), axis=1)
    if horizon_cycles >= cap_cycles:
        return np.full(len(found), np.nan)
    if horizon_cycles < 0:
        return np.zeros(len(found))
    knots = np.concatenate([np.zeros((len(found), 1)), found, np.full((len(found), 1), cap_cycles)], axis=1)
    shares = np.array([0.0, *levels, 1.0])
    row, at = np.arange(len(found)), (knots <= horizon_cycles).sum(axis=1) - 1
    along = (horizon_cycles - knots[row, at]) / (knots[row, at + 1] - knots[row, at])
    probability: np.ndarray = shares[at] + along * (shares[at + 1] - shares[at])
    return probability


def coverage_of(
    quantile_cycles: np.ndarray,
    predicted: np.ndarray,
    truth: np.ndarray,
    units: np.ndarray,
    *,
    cap_cycles: float,
    band_edges_cycles: Sequence[float] = (),
) -> dict[str, IntervalCoverage]:
    """Count how often the 80 and 90 % intervals hold the truth.

    Args:
        quantile_cycles: (N, 7) at `LEVELS`.
        predicted: (N,) predicted RUL in cycles; it decides the band.
        truth: (N,) true RUL in cycles; capped here.
        units: (N,) the unit of each window.
        cap_cycles: The model's cap.
        band_edges_cycles: Of the bands to report.

    Returns:
        By nominal per cent, "80" and "90"; bands without windows are left out.
    """
    predicted, truth, units = _checked(predicted, truth, units, cap_cycles)
    edges = np.asarray(band_edges_cycles, np.float64)
    band = np.searchsorted(edges, predicted, side="right")
    bounds = [0.0, *edges.tolist(), float(cap_cycles)]
    result = {}
    for name, (low, high) in INTERVALS.items():
        lower, upper = (np.asarray(quantile_cycles)[:, LEVELS.index(level)] for level in (low, high))
        # A quantile is a sum of a prediction and a residual, so a truth on the bound may miss it by rounding.
        is_inside = (lower - ROUNDING <= truth) & (truth <= upper + ROUNDING)
        by_band = tuple(
            BandCoverage(
                from_cycles=bounds[number],
                to_cycles=bounds[number + 1],
                **_counted(is_inside, upper - lower, units, band == number),
            )
            for number in range(len(edges) + 1)
            if (band == number).any()
        )
        whole = _counted(is_inside, upper - lower, units, np.ones(len(units), bool))
        result[name] = IntervalCoverage(nominal=round(high - low, 6), by_band=by_band, **whole)
    return result


def cross_coverage(
    predicted: np.ndarray,
    truth: np.ndarray,
    units: np.ndarray,
    folds: np.ndarray,
    *,
    cap_cycles: float,
    censored: np.ndarray | None = None,
) -> dict[str, IntervalCoverage]:
    """Coverage that a new unit may expect: intervals of a fold's units are calibrated on the other folds' units.

    Args:
        predicted: (N,) predicted RUL in cycles, out of fold.
        truth: (N,) true RUL in cycles; capped here.
        units: (N,) the unit of each window.
        folds: (N,) the fold of each window; all windows of a unit are in one.
        cap_cycles: The model's cap.
        censored: (N,) whether the truth is a lower bound only; such windows neither calibrate nor count.

    Returns:
        As `coverage_of`, in the bands of the calibration on all folds.

    Raises:
        CalibrationError: As `calibrate`, or there is one fold only, or a unit is in two folds.
    """
    predicted, truth, units = _checked(predicted, truth, units, cap_cycles)
    folds = np.asarray(folds).reshape(-1)
    if censored is not None:
        known = ~np.asarray(censored, bool).reshape(-1)
        predicted, truth, units, folds = predicted[known], truth[known], units[known], folds[known]
    found = np.unique(folds)
    if len(found) < 2:
        msg = (
            "coverage across folds needs uncensored units in two folds at least: wait for failures, or lower rul.folds"
        )
        raise CalibrationError(msg)
    if len(np.unique(units)) != sum(len(np.unique(units[folds == fold])) for fold in found):
        msg = "a unit is in two folds, so its own residuals would calibrate its intervals: split folds by unit"
        raise CalibrationError(msg)
    crossed = np.empty((len(predicted), len(LEVELS)))
    for fold in found:
        others, own = folds != fold, folds == fold
        calibration = calibrate(predicted[others], truth[others], units[others], cap_cycles=cap_cycles)
        crossed[own] = quantiles(calibration, predicted[own], cap_cycles)
    edges = calibrate(predicted, truth, units, cap_cycles=cap_cycles).band_edges_cycles
    return coverage_of(crossed, predicted, truth, units, cap_cycles=cap_cycles, band_edges_cycles=edges)


def _checked(
    predicted: np.ndarray, truth: np.ndarray, units: np.ndarray, cap_cycles: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flat arrays, the truth capped."""
    predicted = np.asarray(predicted, np.float64).reshape(-1)
    truth = np.minimum(np.asarray(truth, np.float64).reshape(-1), cap_cycles)
    units = np.asarray(units).reshape(-1)
    if not len(predicted) == len(truth) == len(units):
        msg = f"{len(predicted)} predictions, {len(truth)} truths and {len(units)} units must be as many"
        raise CalibrationError(msg)
    bad = np.flatnonzero(~(np.isfinite(predicted) & np.isfinite(truth)))
    if len(bad):
        msg = f"unit {units[bad[0]]}: predicted {predicted[bad[0]]} and true {truth[bad[0]]} RUL must be finite"
        raise CalibrationError(msg)
    return predicted, truth, units


def _unit_weights(code: np.ndarray) -> tuple[np.ndarray, int]:
    """Weights that sum to 1 for every unit, and how many units there are."""
    _, inverse, count = np.unique(code, return_inverse=True, return_counts=True)
    return 1.0 / count[inverse], len(count)


def _edges(predicted: np.ndarray, code: np.ndarray, bands: int, narrowest: float) -> np.ndarray:
    """Edges between bands of equal shares of the predictions, every unit weighing alike; too narrow ones are joined."""
    weights, _ = _unit_weights(code)
    order = np.argsort(predicted, kind="stable")
    cumulated = np.cumsum(weights[order]) / weights.sum()
    places = np.searchsorted(cumulated, np.arange(1, bands) / bands)
    kept: list[float] = []
    above = float(predicted.max())
    for edge in predicted[order][np.minimum(places, len(order) - 1)][::-1].tolist():
        if above - edge >= narrowest and edge - predicted.min() >= narrowest:
            kept.append(edge)
            above = edge
    return np.array(kept[::-1], np.float64)


def _knot(predicted: np.ndarray, weights: np.ndarray, low: float, high: float) -> float:
    """The median of a band's predictions, but not near its edges, where it could meet the next band's."""
    order = np.argsort(predicted, kind="stable")
    median = _first(predicted[order], np.cumsum(weights[order]), weights.sum() / 2)
    margin = (high - low) / 4
    return float(np.clip(median, low + margin, high - margin))


def _offsets(residual: np.ndarray, weights: np.ndarray, units: int) -> tuple[float, ...]:
    order = np.argsort(residual, kind="stable")
    rising, below = residual[order], np.cumsum(weights[order])
    falling, above = rising[::-1], np.cumsum(weights[order][::-1])
    widest = float(np.abs(residual).max())
    found = []
    for level in LEVELS:
        if level == MEDIAN:
            found.append(_first(rising, below, units / 2))
        elif not _is_reached(level, units):
            found.append(widest if level > MEDIAN else -widest)
        elif level > MEDIAN:
            found.append(_first(rising, below, level * (units + 1)))
        else:
            found.append(_first(falling, above, (1 - level) * (units + 1)))
    return tuple(np.maximum.accumulate(found).tolist())


def _first(values: np.ndarray, cumulated: np.ndarray, share: float) -> float:
    """The first value at which the cumulated weight reaches the share."""
    return float(values[min(int(np.searchsorted(cumulated, share - ROUNDING)), len(values) - 1)])


def _is_reached(level: float, units: int) -> bool:
    """Whether so many units can guarantee a level: its share of one unit more than there are must be among them."""
    return level == MEDIAN or max(level, 1 - level) * (units + 1) <= units + ROUNDING


def _counted(is_inside: np.ndarray, width: np.ndarray, units: np.ndarray, chosen: np.ndarray) -> dict[str, float]:
    weights, count = _unit_weights(units[chosen])
    return {
        "units": count,
        "windows": int(chosen.sum()),
        "coverage": float(np.average(is_inside[chosen], weights=weights)),
        "mean_width_cycles": float(np.average(width[chosen], weights=weights)),
    }
