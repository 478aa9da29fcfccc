"""Unit lives: where a unit's runs from new (or overhaul) to failure begin and end."""

from __future__ import annotations

import polars as pl

from factory_assets.foundation.plant import Life, Plant
from factory_assets.telemetry.schema import UNIT_LIFE


def unit_lives(sensor_table: pl.DataFrame, *, plant: Plant, fleet: str) -> pl.DataFrame:
    """Find the lives of all units of a fleet.

    Where a state channel tells, a life begins with the first running cycle after the start or after an end, and ends
    with the cycle that shows a failure or an overhaul. Without one a unit has one life. The start of a life is known if
    an end was seen before it (archives: if the record begins with the first cycle).

    Returns:
        As UNIT_LIFE, in order of unit and life.
    """
    life = plant.fleet(fleet).life
    rows: list[dict[str, object]] = []
    ordered = sensor_table.sort("unit_id", "cycle")
    for unit in ordered.partition_by("unit_id", maintain_order=True):
        rows += _by_state(unit, life) if life.state_channel else [_whole(unit, life, plant)]
    keyed = [{"plant": plant.plant, "fleet": fleet, **row} for row in rows]
    return pl.DataFrame(keyed, schema=UNIT_LIFE)


def _whole(unit: pl.DataFrame, life: Life, plant: Plant) -> dict[str, object]:
    unit_id = unit.item(0, "unit_id")
    # Where only time is known, the first cycle is that of the record, not of the unit.
    counts_from_new = life.tells_failures and not plant.running
    return {
        "life": 1,
        "life_id": unit_id,
        **_span(unit),
        "is_start_known": counts_from_new and unit.item(0, "cycle") <= 1,
        "ended_by": "failure" if life.ran_until_failure(unit_id) else "open" if plant.running else "cut",
    }


def _by_state(unit: pl.DataFrame, life: Life) -> list[dict[str, object]]:
    state = pl.col(str(life.state_channel)).round().cast(pl.Int64)
    is_end = state.is_in([life.failed_value, life.overhaul_value])
    marked = unit.with_columns(
        is_running=(state == life.running_value).fill_null(value=False), is_end=is_end.fill_null(value=False)
    )
    # An end lasts for some cycles: only the first one after running closes the life.
    numbered = marked.with_columns(n_ends=(pl.col("is_end") & ~pl.col("is_end").shift(1, fill_value=False)).cum_sum())
    found: list[dict[str, object]] = []
    for run in numbered.filter(pl.col("is_running")).partition_by("n_ends", maintain_order=True):
        number = len(found) + 1
        ends_before = run.item(0, "n_ends")
        end = numbered.filter((pl.col("n_ends") == ends_before + 1) & pl.col("is_end"))
        found.append(
            {
                "life": number,
                "life_id": f"{run.item(0, 'unit_id')}#{number:02d}",
                **_span(run),
                "is_start_known": ends_before > 0,
                "ended_by": _ending(end, life),
            }
        )
    return found


def _ending(end: pl.DataFrame, life: Life) -> str:
    if not end.height:
        return "open"
    return "failure" if round(end.item(0, str(life.state_channel))) == life.failed_value else "overhaul"


def _span(rows: pl.DataFrame) -> dict[str, object]:
    first, last = rows.row(0, named=True), rows.row(-1, named=True)
    return {
        "unit_id": first["unit_id"],
        "first_cycle": first["cycle"],
        "last_cycle": last["cycle"],
        "first_ts_utc": first["ts_utc"],
        "last_ts_utc": last["ts_utc"],
        "n_cycles": rows.height,
    }
