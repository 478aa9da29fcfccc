"""Forecasts: remaining life, interval, failure probability and rank of every running unit, and why.

Where they are kept, and which model is the champion, is the assets' business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl

from edge_runtime.bundle import Regimes
from edge_runtime.rul.regimes import why_unseen
from edge_runtime.rul.windows import windows_at
from factory_assets.foundation.errors import FactoryError
from factory_assets.rul.forecasts.explanation import Healthy, contributions
from factory_assets.rul.forecasts.past_failures import PastLives, nearest_past_failures
from factory_assets.rul.forecasts.schema import (
    RUL_CONTRIBUTION,
    RUL_FAILURE_PROBABILITY,
    RUL_FORECAST,
    RUL_PAST_FAILURE,
)
from factory_assets.rul.intervals import INTERVALS, LEVELS, MEDIAN, failure_probability

Run = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]
WINDOW, AGE, RUL, QUANTILES = "window", "age_cycles", "rul_cycles", "rul_quantiles_cycles"
UNKNOWN_AGE, NO_READINGS = "unknown_age", "no_readings"
BATCH_UNITS = 256
REASONS_SHOWN, LEAST_REASON_CYCLES = 3, 0.5
MOST_EXPLAINED = 20
# A median so near the cap is at it: the graph computes in single precision.
AT_CAP_CYCLES = 0.01


class ForecastError(FactoryError, ValueError):
    """The model does not fit the readings; the message says how."""


class Input(Protocol):
    """An input channel."""

    @property
    def name(self) -> str:
        """Of the channel."""


class Card(Protocol):
    """What has to be known of the champion."""

    @property
    def inputs(self) -> Sequence[Input]:
        """Channels of the window, in order."""

    @property
    def window_cycles(self) -> int:
        """Length of the window."""

    @property
    def cap_cycles(self) -> int:
        """Cap of the predicted life."""

    @property
    def uses_age(self) -> bool:
        """Whether the model looks at the age."""

    @property
    def regimes(self) -> Regimes | None:
        """Operating regimes of the training data."""


@dataclass(frozen=True)
class Planning:
    """What the plant file asks of forecasts.

    Attributes:
        plant: Its name.
        fleet: The fleet.
        alert_below_cycles: Planning threshold.
        horizons_cycles: Of the failure probabilities.
    """

    plant: str
    fleet: str
    alert_below_cycles: float
    horizons_cycles: tuple[int, ...]


@dataclass(frozen=True)
class Forecast:
    """The forecast of a fleet.

    Attributes:
        units: RUL_FORECAST, a row for every running unit, most urgent first, refused ones last.
        probabilities: RUL_FAILURE_PROBABILITY, a row a unit and horizon.
        contributions: RUL_CONTRIBUTION, of the most urgent units.
        past_failures: RUL_PAST_FAILURE, of the most urgent units.
    """

    units: pl.DataFrame
    probabilities: pl.DataFrame
    contributions: pl.DataFrame
    past_failures: pl.DataFrame


@dataclass(frozen=True)
class Memory:
    """What explanations compare with; made once a model of its training rows."""

    healthy: Healthy
    past: PastLives
    seed: int


@dataclass(frozen=True)
class _Asked:
    """Units as the model takes them; a unit without rows has a window of nothing."""

    keys: pl.DataFrame
    window: np.ndarray
    age: np.ndarray
    refused: list[str | None]

    def inputs(self, units: np.ndarray) -> dict[str, np.ndarray]:
        return {WINDOW: self.window[units], AGE: self.age[units]}


@dataclass(frozen=True)
class _Scored:
    """What the model said: places of the units that it was asked about, (units,) cycles and (units, levels) cycles."""

    units: np.ndarray
    rul: np.ndarray
    quantiles: np.ndarray


def forecast(
    cycles: pl.DataFrame,
    lives: pl.DataFrame,
    run: Run,
    card: Card,
    planning: Planning,
    *,
    memory: Memory | None = None,
    previous: pl.DataFrame | None = None,
    explained: int = MOST_EXPLAINED,
) -> Forecast:
    """Score every running unit at its last cycle.

    Args:
        cycles: Operating cycles of the open lives, as `training_set.life_cycles` gives them: life_id, cycle (from 1 in
            each life) and the channels.
        lives: The open lives themselves, unit_id, life_id and is_start_known: each gets its row, with or without
            readings.
        run: The champion: `rul_cycles` (N, 1) and `rul_quantiles_cycles` (N, 7).
        card: Of the champion.
        planning: Threshold and horizons.
        memory: Healthy readings and past failures; without them nothing is explained.
        previous: The RUL_FORECAST before this one, if there is one.
        explained: How many of the most urgent units are explained at most.

    Raises:
        ForecastError: A channel of the model is missing, a unit runs two lives, or the model gave no finite number.
    """
    asked = _asked(cycles, lives, card, planning)
    scored = _scored(run, asked)
    units = _table(asked, scored, card, planning)
    units = _with_new_alerts(units, previous)
    urgent = units.filter(pl.col("rank") <= explained)["life_id"].to_list()
    places = [asked.keys["life_id"].to_list().index(life) for life in urgent]
    probabilities = _probabilities(asked, scored, card, planning)
    if memory is None or not places:
        empty = (pl.DataFrame(schema=RUL_CONTRIBUTION), pl.DataFrame(schema=RUL_PAST_FAILURE))
        return Forecast(units, probabilities, *empty)
    found = _contributions(run, asked, np.array(places), card, memory)
    units = units.drop("reasons").join(_reasons(found), on="life_id", how="left", maintain_order="left")
    past = _past_failures(asked, np.array(places), memory)
    return Forecast(units.select(list(RUL_FORECAST)), probabilities, found, past)


def _asked(cycles: pl.DataFrame, lives: pl.DataFrame, card: Card, planning: Planning) -> _Asked:
    """The last window of every life, and why some cannot be asked about."""
    channels = [channel.name for channel in card.inputs]
    missing = [name for name in channels if name not in cycles.columns]
    if missing:
        msg = (
            f"fleet {planning.fleet}: the model takes {', '.join(missing)}, which the readings do not have: train again"
        )
        raise ForecastError(msg)
    twice = lives.filter(pl.col("unit_id").is_duplicated())
    if twice.height:
        msg = f"unit {twice.item(0, 'unit_id')} has several open lives: {', '.join(twice['life_id'])}"
        raise ForecastError(msg)
    ordered = lives.sort("unit_id")
    rows = {str(life[0]): frame for life, frame in cycles.group_by("life_id")}
    window = np.full((ordered.height, card.window_cycles, len(channels)), np.nan, np.float32)
    last: list[int | None] = []
    for number, life in enumerate(ordered["life_id"]):
        own = rows.get(life)
        last.append(None if own is None else int(own["cycle"].to_numpy().max()))
        if own is not None:
            end = np.array([last[-1]])
            window[number] = windows_at(
                own["cycle"].to_numpy(), own.select(channels).to_numpy(), end, card.window_cycles
            )
    keys = ordered.select(
        pl.lit(planning.plant).alias("plant"), pl.lit(planning.fleet).alias("fleet"), "unit_id", "life_id"
    ).with_columns(cycle=pl.Series(last, dtype=pl.Int64))
    age = np.array([cycle or 0 for cycle in last], np.float32).reshape(-1, 1)
    return _Asked(keys, window, age, _refused(window, ordered, card, channels))


def _refused(window: np.ndarray, lives: pl.DataFrame, card: Card, channels: Sequence[str]) -> list[str | None]:
    unseen: list[str | None] = [None] * len(window)
    if card.regimes is not None:
        unseen = why_unseen(card.regimes, channels, window)
    reasons: list[str | None] = []
    for number, (unit, is_start_known) in enumerate(lives.select("unit_id", "is_start_known").iter_rows()):
        if np.isnan(window[number]).all():
            why: str | None = (
                f"{NO_READINGS}: no channel of the model was read in the last {card.window_cycles} operating cycles of "
                f"{unit}; see its coverage and the connection of its sensors"
            )
        elif card.uses_age and not is_start_known:
            why = (
                f"{UNKNOWN_AGE}: {unit} was running already when its record began, and the model looks at the age; "
                "import its earlier readings, or set rul.uses_age: false for the fleet"
            )
        else:
            why = unseen[number]
        reasons.append(why)
    return reasons


def _scored(run: Run, asked: _Asked) -> _Scored:
    seen = np.array([number for number, why in enumerate(asked.refused) if why is None], np.int64)
    parts = [run(asked.inputs(seen[first : first + BATCH_UNITS])) for first in range(0, len(seen), BATCH_UNITS)]
    if not parts:
        return _Scored(seen, np.zeros(0), np.zeros((0, len(LEVELS))))
    rul = np.concatenate([np.asarray(part[RUL], np.float64).reshape(-1) for part in parts])
    quantile_cycles = np.concatenate([np.asarray(part[QUANTILES], np.float64) for part in parts])
    bad = np.flatnonzero(~(np.isfinite(rul) & np.isfinite(quantile_cycles).all(axis=1)))
    if len(bad):
        unit = asked.keys.item(int(seen[bad[0]]), "unit_id")
        msg = f"unit {unit}: the model predicts {rul[bad[0]]}, no finite number: look at its readings, or roll back"
        raise ForecastError(msg)
    return _Scored(seen, rul, quantile_cycles)


def _table(asked: _Asked, scored: _Scored, card: Card, planning: Planning) -> pl.DataFrame:
    """RUL_FORECAST without what the forecast before and the explanations say."""
    at = {level: scored.quantiles[:, number] for number, level in enumerate(LEVELS)}
    columns: dict[str, np.ndarray] = {RUL: scored.rul}
    for name, (low, high) in INTERVALS.items():
        columns |= {f"rul_low_{name}_cycles": at[low], f"rul_high_{name}_cycles": at[high]}
    columns["is_at_cap"] = at[MEDIAN] >= card.cap_cycles - AT_CAP_CYCLES
    columns["is_alert"] = scored.rul < planning.alert_below_cycles
    keys = asked.keys[scored.units]
    order = np.lexsort((keys["unit_id"].to_numpy(), columns["rul_low_80_cycles"], scored.rul))
    columns["rank"] = np.empty(len(order), np.int64)
    columns["rank"][order] = np.arange(1, len(order) + 1)
    of_life = keys.select("life_id").with_columns(**{name: pl.Series(values) for name, values in columns.items()})
    whole = asked.keys.with_columns(refused=pl.Series(asked.refused, dtype=pl.String))
    whole = whole.join(of_life, on="life_id", how="left").with_columns(
        reasons=pl.lit(None, pl.String), is_new_alert=pl.lit(None, pl.Boolean)
    )
    ordered = whole.sort("rank", "unit_id", nulls_last=True)
    return ordered.select([pl.col(name).cast(dtype) for name, dtype in RUL_FORECAST.items()])


def _with_new_alerts(units: pl.DataFrame, previous: pl.DataFrame | None) -> pl.DataFrame:
    before = [] if previous is None else previous.filter(pl.col("is_alert"))["life_id"].to_list()
    return units.with_columns(is_new_alert=pl.col("is_alert") & ~pl.col("life_id").is_in(before))


def _probabilities(asked: _Asked, scored: _Scored, card: Card, planning: Planning) -> pl.DataFrame:
    keys = asked.keys[scored.units]
    parts = [
        keys.with_columns(
            horizon_cycles=pl.lit(horizon, pl.Int64),
            failure_probability=pl.Series(failure_probability(scored.quantiles, LEVELS, horizon, card.cap_cycles)),
        )
        for horizon in sorted(planning.horizons_cycles)
    ]
    whole = pl.concat(parts) if parts else pl.DataFrame(schema=RUL_FAILURE_PROBABILITY)
    return whole.with_columns(pl.col("failure_probability").fill_nan(None)).sort("unit_id", "horizon_cycles")


def _contributions(run: Run, asked: _Asked, units: np.ndarray, card: Card, memory: Memory) -> pl.DataFrame:
    found = contributions(run, asked.inputs(units), memory.healthy, has_age=card.uses_age, seed=memory.seed)
    count = len(found.players)
    repeated = asked.keys[np.repeat(units, count)]
    return repeated.with_columns(
        channel=pl.Series(list(found.players) * len(units)),
        contribution_cycles=pl.Series(found.cycles.reshape(-1)),
        healthy_rul_cycles=pl.Series(np.repeat(found.healthy, count)),
    )


def _reasons(found: pl.DataFrame) -> pl.DataFrame:
    """life_id and the strongest contributions of a cycle or so as text: `vibration_mm_s -31, age_cycles -12`."""
    texts = []
    for life, frame in found.group_by("life_id", maintain_order=True):
        ordered = frame.sort(pl.col("contribution_cycles").abs(), descending=True, maintain_order=True)
        rows = ordered.head(REASONS_SHOWN).select("channel", "contribution_cycles").iter_rows()
        told = ", ".join(f"{name} {cycles:+.0f}" for name, cycles in rows if abs(cycles) >= LEAST_REASON_CYCLES)
        texts.append({"life_id": life[0], "reasons": told or "no channel stands out"})
    return pl.DataFrame(texts, schema={"life_id": pl.String, "reasons": pl.String})


def _past_failures(asked: _Asked, units: np.ndarray, memory: Memory) -> pl.DataFrame:
    nearest = nearest_past_failures(memory.past, asked.window[units])
    rows = [
        {
            **asked.keys.row(int(unit), named=True),
            "past_life_id": one.life_id,
            "past_cycle": one.cycle,
            "past_rul_cycles": one.rul_cycles,
            "distance": one.distance,
        }
        for unit, of_unit in zip(units, nearest, strict=True)
        for one in of_unit
    ]
    return pl.DataFrame(rows, schema=RUL_PAST_FAILURE)
