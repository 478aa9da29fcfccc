"""Every running unit gets its row: a forecast with its interval, rank and reasons, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pytest

from edge_runtime.bundle import Channel, Regimes
from factory_assets.rul.forecasts.explanation import healthy_readings
from factory_assets.rul.forecasts.forecast import Forecast, ForecastError, Memory, Planning, forecast
from factory_assets.rul.forecasts.past_failures import past_lives
from factory_assets.rul.forecasts.schema import (
    RUL_CONTRIBUTION,
    RUL_FAILURE_PROBABILITY,
    RUL_FORECAST,
    RUL_PAST_FAILURE,
)
from factory_assets.rul.intervals import LEVELS

CAP, WINDOW = 60, 8
NAMES = ("load_pct", "vibration_mm_s")
SPREAD = np.array([-12.0, -8, -3, 0, 3, 8, 12])


ONE_LOAD = Regimes(channels=("load_pct",), scale=(10.0,), centres=((50.0,),), reach=(1.0,))


@dataclass(frozen=True)
class Card:
    inputs: tuple[Channel, ...] = tuple(Channel(name=name, unit="1") for name in NAMES)
    window_cycles: int = WINDOW
    cap_cycles: int = CAP
    uses_age: bool = True
    regimes: Regimes | None = ONE_LOAD


PLANNING = Planning(plant="mill", fleet="presses", alert_below_cycles=20, horizons_cycles=(30, 10, 60))


def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """rul = 10 * (8 - mean vibration), capped."""
    rul = np.clip(10 * (8 - np.nanmean(inputs["window"][:, :, 1], axis=1)), 0, CAP)[:, None]
    return {"rul_cycles": rul, "rul_quantiles_cycles": np.clip(rul + SPREAD, 0, CAP)}


def unit(number: int, vibration: float, *, cycles: int = 20, load: float = 50.0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "unit_id": [f"press-{number:02d}"] * cycles,
            "life_id": [f"press-{number:02d}#01"] * cycles,
            "cycle": np.arange(1, cycles + 1),
            "load_pct": [float(load)] * cycles,
            "vibration_mm_s": [float(vibration)] * cycles,
        }
    )


READINGS = pl.concat([unit(1, 7), unit(2, 1), unit(3, 4), unit(4, 7.5, cycles=3)])


def lives(*without: int, count: int = 4) -> pl.DataFrame:
    ids = [f"press-{number:02d}" for number in range(1, count + 1)]
    return pl.DataFrame(
        {
            "unit_id": ids,
            "life_id": [f"{one}#01" for one in ids],
            "is_start_known": [number not in without for number in range(1, count + 1)],
        }
    )


def of_unit(found: Forecast, number: int) -> dict[str, object]:
    return found.units.row(by_predicate=pl.col("unit_id") == f"press-{number:02d}", named=True)


def test_units_come_by_urgency_with_their_intervals() -> None:
    found = forecast(READINGS, lives(), run, Card(), PLANNING)
    assert dict(found.units.schema) == RUL_FORECAST
    assert found.units["unit_id"].to_list() == ["press-04", "press-01", "press-03", "press-02"]
    assert found.units["rank"].to_list() == [1, 2, 3, 4]
    assert found.units["rul_cycles"].to_list() == [5, 10, 40, 60]
    assert found.units["rul_low_80_cycles"].to_list() == [0, 2, 32, 52]
    assert found.units["rul_high_90_cycles"].to_list() == [17, 22, 52, 60]
    assert found.units["is_at_cap"].to_list() == [False, False, False, True]
    assert found.units["is_alert"].to_list() == [True, True, False, False]
    assert found.units["cycle"].to_list() == [3, 20, 20, 20]
    assert set(found.units["plant"]) == {"mill"}
    assert found.units["refused"].null_count() == 4


def test_probabilities_grow_with_the_horizon_and_end_at_the_cap() -> None:
    found = forecast(READINGS, lives(), run, Card(), PLANNING).probabilities
    assert dict(found.schema) == RUL_FAILURE_PROBABILITY
    assert found.height == 4 * 3
    assert found.filter(horizon_cycles=60)["failure_probability"].null_count() == 4
    soon, later = (found.filter(horizon_cycles=cycles)["failure_probability"] for cycles in (10, 30))
    assert (soon <= later).all()
    of_first = found.filter(unit_id="press-01")["failure_probability"].to_list()
    assert of_first == [pytest.approx(0.5), pytest.approx(0.95 + 0.05 * 8 / 38), None]


def test_no_unit_is_dropped_and_each_refusal_says_how_to_mend() -> None:
    table = pl.concat([READINGS.filter(pl.col("unit_id") != "press-02"), unit(5, 5, load=90)])
    found = forecast(table, lives(3, count=5), run, Card(), PLANNING)
    assert found.units["unit_id"].to_list() == ["press-04", "press-01", "press-02", "press-03", "press-05"]
    silent, unknown, odd = (of_unit(found, number) for number in (2, 3, 5))
    assert str(silent["refused"]).startswith("no_readings: ")
    assert silent["cycle"] is None
    assert str(unknown["refused"]).startswith("unknown_age: press-03")
    assert "uses_age: false" in str(unknown["refused"])
    assert str(odd["refused"]).startswith("unseen_regime: load_pct = 90")
    for row in (silent, unknown, odd):
        assert [row[name] for name in ("rank", "rul_cycles", "rul_low_90_cycles", "is_alert", "is_at_cap")] == [
            None
        ] * 5
    assert set(found.probabilities["unit_id"]) == {"press-01", "press-04"}


def test_a_model_without_age_forecasts_units_of_unknown_age() -> None:
    found = forecast(READINGS, lives(1, 2, 3, 4), run, replace(Card(), uses_age=False), PLANNING)
    assert found.units["refused"].null_count() == 4


def test_a_channel_that_was_never_read_is_told_by_the_others() -> None:
    table = READINGS.with_columns(load_pct=pl.lit(None, pl.Float64))
    assert forecast(table, lives(), run, Card(), PLANNING).units["refused"].null_count() == 4
    silent = table.with_columns(vibration_mm_s=pl.lit(None, pl.Float64))
    assert set(forecast(silent, lives(), run, Card(), PLANNING).units["refused"].str.head(11)) == {"no_readings"}


def test_an_alert_is_new_once_in_a_life() -> None:
    first = forecast(READINGS, lives(), run, Card(), PLANNING).units
    assert first["is_new_alert"].to_list() == [True, True, False, False]
    worse = pl.concat([READINGS.filter(pl.col("unit_id") != "press-03"), unit(3, 6.5)])
    second = forecast(worse, lives(), run, Card(), PLANNING, previous=first)
    assert second.units.filter("is_new_alert")["unit_id"].to_list() == ["press-03"]
    assert second.units["is_alert"].sum() == 3
    renewed = worse.with_columns(pl.col("life_id").str.replace("press-03#01", "press-03#02"))
    again = lives().with_columns(pl.col("life_id").str.replace("press-03#01", "press-03#02"))
    third = forecast(renewed, again, run, Card(), PLANNING, previous=second.units)
    assert third.units.filter("is_new_alert")["life_id"].to_list() == ["press-03#02"]


def test_refused_units_have_no_alert_at_all() -> None:
    found = forecast(READINGS, lives(1), run, Card(), PLANNING)
    assert of_unit(found, 1)["is_new_alert"] is None


def test_the_most_urgent_are_explained() -> None:
    rows = pl.concat(
        [
            unit(number, 1, cycles=30).with_columns(
                vibration_mm_s=pl.col("cycle") * 0.25, rul_cycles=30.0 - pl.col("cycle")
            )
            for number in (7, 8)
        ]
    )
    memory = Memory(
        healthy=healthy_readings(rows, NAMES, Card().regimes),
        past=past_lives(rows, NAMES, Card().regimes, window_cycles=WINDOW),
        seed=1,
    )
    found = forecast(READINGS, lives(), run, Card(), PLANNING, memory=memory, explained=2)
    assert dict(found.contributions.schema) == RUL_CONTRIBUTION
    assert dict(found.past_failures.schema) == RUL_PAST_FAILURE
    assert dict(found.units.schema) == RUL_FORECAST
    assert found.units["unit_id"].to_list() == ["press-04", "press-01", "press-03", "press-02"]
    assert found.units["reasons"].to_list()[:2] == ["vibration_mm_s -55", "vibration_mm_s -50"]
    assert found.units["reasons"].null_count() == 2
    total = found.contributions.group_by("unit_id", maintain_order=True).agg(pl.col("contribution_cycles").sum())
    assert total["contribution_cycles"].to_list() == pytest.approx([-55, -50])
    assert set(found.past_failures["past_life_id"]) == {"press-07#01", "press-08#01"}
    assert found.past_failures.filter(unit_id="press-01")["past_cycle"].to_list() == pytest.approx([30, 30], abs=3)


def test_a_healthy_unit_has_nothing_that_stands_out() -> None:
    rows = unit(7, 1, cycles=30).with_columns(rul_cycles=30.0 - pl.col("cycle"))
    memory = Memory(
        healthy=healthy_readings(rows, NAMES, None), past=past_lives(rows, NAMES, None, window_cycles=WINDOW), seed=1
    )
    found = forecast(unit(1, 1), lives(count=1), run, Card(), PLANNING, memory=memory)
    assert found.units["reasons"].to_list() == ["no channel stands out"]


def test_a_fleet_with_nothing_to_score_gives_tables_of_the_same_columns() -> None:
    none = forecast(READINGS.clear(), lives().clear(), run, Card(), PLANNING)
    assert (none.units.height, none.probabilities.height) == (0, 0)
    assert dict(none.units.schema) == RUL_FORECAST
    silent = forecast(READINGS.clear(), lives(), run, Card(), PLANNING)
    assert silent.units["refused"].null_count() == 0
    assert dict(silent.probabilities.schema) == RUL_FAILURE_PROBABILITY


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ForecastError, match="vibration_mm_s, which the readings do not have"):
        forecast(READINGS.drop("vibration_mm_s"), lives(), run, Card(), PLANNING)
    twice = pl.concat([lives(), lives().head(1).with_columns(life_id=pl.lit("press-01#02"))])
    with pytest.raises(ForecastError, match="press-01 has several open lives"):
        forecast(READINGS, twice, run, Card(), PLANNING)

    def broken(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        units = len(inputs["window"])
        return {"rul_cycles": np.full((units, 1), np.nan), "rul_quantiles_cycles": np.zeros((units, len(LEVELS)))}

    with pytest.raises(ForecastError, match="press-01: the model predicts nan"):
        forecast(READINGS, lives(), broken, Card(), PLANNING)
