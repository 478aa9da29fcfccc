"""Whether a running plant still tells something: how old the newest reading of each fleet is.

Asked of the readings themselves. A partition that was made on time may be empty, so Dagster's own freshness, which
looks at when an asset was made, would call a silent historian fresh.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from factory_assets.foundation.plant import Plant

# Historians that write a file a day are the slowest that the platform is made for: a day, and half of one to deliver.
A_DAY_AND_ITS_DELIVERY = dt.timedelta(hours=36)
FEWEST_PERIODS = 3

FLEET_AGE: dict[str, pl.DataType] = {
    "fleet": pl.String(),
    "newest_ts_utc": pl.Datetime("us", "UTC"),
    "age_h": pl.Float64(),
    "expected_within_h": pl.Float64(),
    "is_late": pl.Boolean(),
}


def expected_within(plant: Plant) -> dt.timedelta:
    """How old the newest reading of a running plant may be: 36 hours, or three sample periods if that is longer."""
    if plant.sample_period is None:
        return A_DAY_AND_ITS_DELIVERY
    return max(A_DAY_AND_ITS_DELIVERY, plant.sample_period * FEWEST_PERIODS)


def fleet_ages(coverage: pl.DataFrame, plant: Plant, *, now: dt.datetime) -> pl.DataFrame:
    """The age of each fleet's newest accepted reading.

    Args:
        coverage: The mart `channel_coverage`.
        plant: The plant file; a fleet without a single reading is late too.
        now: The time to compare with, UTC.

    Returns:
        As FLEET_AGE, in the plant file's order.
    """
    newest = dict(coverage.group_by("fleet").agg(pl.col("last_ts_utc").max()).iter_rows())
    within = expected_within(plant)
    rows = []
    for fleet in plant.fleet_names:
        last = newest.get(fleet)
        age = now - last if last is not None else None
        rows.append(
            (
                fleet,
                last,
                age and age / dt.timedelta(hours=1),
                within / dt.timedelta(hours=1),
                age is None or age > within,
            )
        )
    return pl.DataFrame(rows, schema=FLEET_AGE, orient="row")


def in_words(ages: pl.DataFrame, source: str) -> str:
    """What a person must know of the fleets that are late, with what to look at."""
    late = ages.filter(pl.col("is_late"))
    if late.is_empty():
        return "Every fleet has told something lately."
    lines = [
        f"{row['fleet']}: "
        + (
            "no reading yet"
            if row["newest_ts_utc"] is None
            else f"newest reading {row['newest_ts_utc']:%Y-%m-%d %H:%M} UTC, {row['age_h']:.0f} h ago"
        )
        + f"; expected within {row['expected_within_h']:.0f} h"
        for row in late.iter_rows(named=True)
    ]
    mend = (
        f"See whether the historian still writes into {source}, and whether what it writes was refused or quarantined."
    )
    return "\n".join([*lines, mend])
