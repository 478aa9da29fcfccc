"""Faults of single readings in the reference plant: drawn per day, so that a longer run repeats them."""

from __future__ import annotations

import numpy as np
import polars as pl

from factory_assets.reference_plant.episodes import mess_generator
from factory_assets.reference_plant.faults import (
    BAD_QUALITY_CODES,
    IMPOSSIBLE_VALUES,
    NOISE,
    READING_RATES,
    SPIKE_SIGMAS,
)
from factory_assets.reference_plant.fleets import FLEETS
from factory_assets.reference_plant.lives import STEPS_PER_DAY
from factory_assets.reference_plant.names import CHANNEL, FLEET

# Two faults of one sensor lie more than so many steps apart.
APART = 6


def draw_reading_faults(readings: pl.DataFrame, seed: int, *, left_alone: pl.Series, rate: float = 1.0) -> pl.DataFrame:
    """Draw which single readings go wrong, at READING_RATES times `rate`.

    Args:
        readings: index (row number), fleet, machine, channel, step, value; sorted by step, in whole days.
        seed: Of the simulation.
        left_alone: index of readings that nothing shall befall.
        rate: Multiplies the rates.

    Returns:
        index, kind, fault_value (spikes: what is added, in engineering units; bad and impossible readings: what is
        written), fault_quality (null where it is good).
    """
    drawn = _draw(readings, seed, rate).join(left_alone.unique().to_frame(), on="index", how="anti")
    possible = drawn.filter((pl.col("kind") != "spike") | pl.col("jump").is_not_null())
    since_last = pl.col("step").diff().over("machine", "channel", order_by="step")
    apart = possible.filter(since_last.is_null() | (since_last > APART))
    kind = pl.col("kind")
    return apart.select(
        "index",
        "kind",
        fault_value=pl.when(kind == "spike").then("jump").when(kind != "duplicate").then("written"),
        fault_quality=pl.when(kind == "bad_quality").then("code"),
    )


def _draw(readings: pl.DataFrame, seed: int, rate: float) -> pl.DataFrame:
    """Candidates with all that could befall them."""
    bounds = np.cumsum(list(READING_RATES.values())) * rate
    heights = np.bincount(readings.get_column("step").to_numpy() // STEPS_PER_DAY)
    firsts = np.concatenate(([0], np.cumsum(heights)[:-1]))
    drawn = pl.concat(
        _draw_day(mess_generator(seed, "readings", day), int(height), bounds, int(first))
        for day, (height, first) in enumerate(zip(heights, firsts, strict=True))
    )
    of_reading = readings[drawn.get_column("index")].drop("index")
    return _with_jump(pl.concat([drawn, of_reading], how="horizontal"))


def _draw_day(rng: np.random.Generator, height: int, bounds: np.ndarray, first: int) -> pl.DataFrame:
    drawn = rng.uniform(size=height)
    chosen = np.flatnonzero(drawn < bounds[-1])
    kinds = np.array(list(READING_RATES))[np.searchsorted(bounds, drawn[chosen], side="right")]
    impossible = rng.choice(IMPOSSIBLE_VALUES, size=chosen.size)
    arbitrary = np.round(rng.uniform(-100, 1000, size=chosen.size), 2)
    return pl.DataFrame(
        {
            "index": pl.Series(first + chosen, dtype=pl.UInt32),
            "kind": pl.Series(kinds, dtype=pl.String),
            "written": np.where(kinds == "impossible_value", impossible, arbitrary),
            "code": rng.choice(BAD_QUALITY_CODES, size=chosen.size),
            "sigmas": rng.uniform(*SPIKE_SIGMAS, size=chosen.size) * rng.choice((-1, 1), size=chosen.size),
        }
    )


def _with_jump(drawn: pl.DataFrame) -> pl.DataFrame:
    """`jump` of a spike, the other way if the instrument ends before; null if it ends both ways, or is no sensor."""
    rows = [
        (f.name, c.name, float(c.low), float(c.high), *NOISE[c.name])
        for f in FLEETS
        for c in f.channels
        if c.role == "sensor"
    ]
    numbers = dict.fromkeys(("low", "high", "absolute", "relative"), pl.Float64())
    limits = pl.DataFrame(rows, schema={"fleet": FLEET, "channel": CHANNEL, **numbers}, orient="row")
    joined = drawn.join(limits, on=["fleet", "channel"], how="left", maintain_order="left")
    value = pl.col("value")
    jump = pl.col("sigmas") * (pl.col("absolute") + pl.col("relative") * value)

    def fits(by: pl.Expr) -> pl.Expr:
        return (value + by).is_between("low", "high")

    return joined.with_columns(jump=pl.when(fits(jump)).then(jump).when(fits(-jump)).then(-jump))
