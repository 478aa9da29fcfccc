"""Everything a plant may get wrong: a named error or a quarantine reason, nothing lost, and a rerun changes nothing."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest

from edge_runtime.rul.windows import last_windows
from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.settings import Site
from factory_assets.historian import assets as historian
from factory_assets.historian import segments
from factory_assets.historian.extract import extract, unplaced_rows
from factory_assets.telemetry import assets as telemetry
from tests.plants import START, day_of_readings, drop, make_site, plant_dict

NOW = dt.datetime(2026, 9, 10, tzinfo=dt.UTC)
DAY = Partition("north", "2026-09-01")
AT = "2026-09-01T00:00:00Z"

# What a file holds, and why its rows were set aside on the way to clean readings.
ASIDE = {
    "unknown_unit": [f"west-1,LOAD,{AT},1,192"],
    "impossible_time": [f"north-1,LOAD,{when},1,192" for when in ("yesterday", "", "1970-01-01T00:00:00Z")],
    "not_a_number": [f"north-1,LOAD,{AT},No Data,192", f"north-1,LOAD,{AT},,192"],
    "repeated_header": ["machine,tag,timestamp,value,quality"],
    "ragged_line": [f"north-1,LOAD,{AT}", f"north-1,LOAD,{AT},1,192,extra"],
}
BAD_READINGS = {
    "unknown_channel": [f"north-1,NEVER_HEARD,{AT},1,192"],
    "bad_quality": [f"north-1,LOAD,{AT.replace('00:00:00', '00:01:00')},1,0"],
    "not_finite": [f"north-1,LOAD,{AT.replace('00:00:00', f'00:{minute:02d}:30')},NaN,192" for minute in range(2, 22)],
    "out_of_range": [f"north-1,PRESSURE,{AT.replace('00:00:00', '00:01:00')},99999,192"],
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path)


def archive(folder: Path, **source: object) -> Site:
    """Presses whose historian counts cycles and knows no time."""
    columns = {"unit_id": "machine", "cycle": "cycle"}
    told = {"kind": "export", "folder": "{home}/historian", "layout": "wide", "columns": columns, **source}
    life = {"run_to_failure_units": "north-*"}
    fleet = {"name": "north", "machine_class": "press", "units": ["north-*"], "life": life}
    return make_site(folder, **plant_dict(running=False, start=None, fleets=[fleet], source=told))


def histories(*units: str, cycles: int = 19, lift: float = 0.0) -> list[str]:
    return [f"{unit},{cycle},{100 + lift + cycle}" for unit in units for cycle in range(1, cycles + 1)]


def materialize(site: Site, partition: Partition) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [*historian.assets(site), *telemetry.assets(site)],
        selection=["historian_extract", "clean_reading", "quarantined_reading", "cleaning_ledger", "sensor_table"],
        resources={"lake": LakeResource(root=str(site.home.lake))},
        partition_key=dg.MultiPartitionKey({"day": str(partition.day), "fleet": str(partition.fleet)})
        if partition.day
        else str(partition.fleet),
        instance=dg.DagsterInstance.ephemeral(),
    )


def test_a_file_of_everything_bad_goes_through_with_every_row_in_its_place(site: Site) -> None:
    good = day_of_readings("north-1", START)
    bad = [line for lines in (*ASIDE.values(), *BAD_READINGS.values()) for line in lines]
    drop(site, "a.csv", good[:4] + bad + good[4:])  # in order of time: what goes back in time has reasons of its own
    drop(site, "refused.csv", ["x"], header="nonsense")
    done = materialize(site, DAY)
    assert done.success
    checks = {check.check_name: check.passed for check in done.get_asset_check_evaluations()}
    assert checks.keys() >= {"segments_lose_no_reading", "extracts_hold_their_segments", "readings_are_conserved"}
    assert all(checks.values())
    (manifest,) = segments.manifests(site.home.segments)
    assert manifest.rows_quarantined == {reason: len(lines) for reason, lines in ASIDE.items()}
    lake = Lake(site.home.lake)
    set_aside = dict(lake.read("quarantined_reading", DAY).group_by("reason").len().iter_rows())
    assert {reason: set_aside.get(reason) for reason in BAD_READINGS} == {
        reason: len(lines) for reason, lines in BAD_READINGS.items()
    }
    metadata = done.asset_materializations_for_node("historian_extract")[0].metadata
    assert metadata["files_refused"].value == 1
    assert "refused.csv has no column machine" in str(metadata["refused"].value)
    before = {name: lake.path(name, DAY).read_bytes() for name in ("historian_extract", "clean_reading")}
    assert materialize(site, DAY).success
    assert {name: lake.path(name, DAY).read_bytes() for name in before} == before


def test_a_partition_without_a_reading_is_empty_and_not_an_error(site: Site) -> None:
    drop(site, "a.csv", day_of_readings("north-1", START))
    empty = Partition("south", "2026-09-01")
    assert materialize(site, empty).success
    assert Lake(site.home.lake).read("sensor_table", empty).is_empty()


def test_an_archive_stops_on_a_file_that_it_cannot_read(tmp_path: Path) -> None:
    site = archive(tmp_path)
    drop(site, "a.csv", histories("north-1"), header="machine,cycle,PRESSURE")
    drop(site, "b.csv", ["1,2"], header="what,ever")
    with pytest.raises(dg.Failure, match=r"b\.csv has no column machine"):
        materialize(site, Partition("north"))


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (
            histories("north-1") + histories("north-1", lift=5),
            r"unit north-1 begins again at data line 20 with cycle 1",
        ),
        (histories("north-1", "north-2") + histories("north-2", lift=1), r"north-2 begins again at data line 39"),
    ],
)
def test_unit_numbers_that_restart_are_refused_with_the_line(tmp_path: Path, lines: list[str], reason: str) -> None:
    site = archive(tmp_path)
    drop(site, "a.csv", lines, header="machine,cycle,PRESSURE")
    ((_, message),) = segments.collect(site, now=NOW).refused
    assert re.search(reason, message)
    assert "give each unit a name of its own" in message


@pytest.mark.parametrize(
    "lines",
    [
        histories("north-1") + histories("north-1"),  # told twice, the same
        histories("north-1")[::-1],  # newest first
        histories("north-1")[10:] + histories("north-1")[:10],  # out of order
    ],
)
def test_lines_out_of_order_or_told_twice_are_no_restart(tmp_path: Path, lines: list[str]) -> None:
    site = archive(tmp_path)
    drop(site, "a.csv", lines, header="machine,cycle,PRESSURE")
    found = segments.collect(site, now=NOW)
    assert found.refused == []
    assert found.new[0].rows_read == len(lines)


def test_a_cycle_that_is_no_number_is_set_aside(tmp_path: Path) -> None:
    site = archive(tmp_path)
    drop(site, "a.csv", [*histories("north-1"), "north-1,last,7"], header="machine,cycle,PRESSURE")
    (manifest,) = segments.collect(site, now=NOW).new
    assert manifest.rows_quarantined == {"impossible_cycle": 1}
    assert unplaced_rows(manifest) == 0


def test_a_channel_that_is_nan_throughout_leaves_the_others_alone(tmp_path: Path) -> None:
    site = archive(tmp_path)
    lines = [f"{line},NaN" for line in histories("north-1", cycles=30)]
    drop(site, "a.csv", lines, header="machine,cycle,PRESSURE,LOAD")
    north = Partition("north")
    assert materialize(site, north).success
    frame = Lake(site.home.lake).read("sensor_table", north)
    assert frame["pressure_bar"].null_count() == 0
    assert frame["load_pct"].null_count() == frame.height == 30
    reasons = Lake(site.home.lake).read("quarantined_reading", north)["reason"].unique().to_list()
    assert reasons == ["not_finite"]


def test_a_history_of_19_cycles_is_a_window_that_is_partly_empty() -> None:
    values = np.arange(19 * 2, dtype=np.float32).reshape(19, 2)
    units, cycles, window, age = last_windows(("u",) * 19, np.arange(1, 20), values, 60)
    assert (list(units), list(cycles), age.tolist()) == (["u"], [19], [[19.0]])
    assert np.isnan(window[0, :41]).all()
    np.testing.assert_array_equal(window[0, 41:], values)


def test_mixed_time_zones_in_one_file_are_one_time(tmp_path: Path) -> None:
    source = {**plant_dict()["source"], "timezone": "Europe/Berlin"}  # type: ignore[dict-item]
    site = make_site(tmp_path, source=source)
    told = ["2026-09-01T10:00:00Z", "2026-09-01 12:20:00", "2026-09-01T06:40:00-04:00"]
    drop(site, "a.csv", [f"north-1,LOAD,{at},1,192" for at in told])
    segments.collect(site, now=NOW)
    frame = extract(site.home.segments, DAY, segments.contents(site.home.segments)[DAY])
    assert frame["ts_utc"].dt.strftime("%H:%M").to_list() == ["10:00", "10:20", "10:40"]


def test_a_readable_file_becomes_the_same_segment_wherever_its_columns_stand(site: Site) -> None:
    drop(site, "a.csv", day_of_readings("north-1", START))
    swapped = [",".join(line.split(",")[::-1]) for line in day_of_readings("north-2", START)]
    drop(site, "b.csv", swapped, header="quality,value,timestamp,tag,machine")
    path = drop(site, "c.csv", day_of_readings("north-3", START))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    segments.collect(site, now=NOW)
    frame = extract(site.home.segments, DAY, segments.contents(site.home.segments)[DAY])
    units = frame.partition_by("unit_id", include_key=False)
    without_origin = [unit.drop("segment_id").sort(pl.all()) for unit in units]
    assert len(units) == 3
    assert without_origin[0].equals(without_origin[1])
    assert without_origin[0].equals(without_origin[2])
