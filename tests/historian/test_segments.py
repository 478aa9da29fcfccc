from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from factory_assets.foundation.lake import Partition
from factory_assets.historian import segments
from factory_assets.historian.extract import SegmentDamagedError, extract, unplaced_rows
from tests.plants import START, day_of_readings, drop, make_site

NOW = dt.datetime(2026, 9, 3, tzinfo=dt.UTC)
DAY_1 = Partition("north", "2026-09-01")


def test_a_file_becomes_one_segment_with_a_slice_a_fleet_and_day(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    lines = [
        line
        for unit in ("north-1", "south-1")
        for day in (START, START + dt.timedelta(days=1))
        for line in day_of_readings(unit, day)
    ]
    drop(site, "a.csv", lines)
    (manifest,) = segments.collect(site, now=NOW).new
    assert [(s.fleet, s.day, s.rows) for s in manifest.slices] == [
        (fleet, day, 96) for fleet in ("north", "south") for day in ("2026-09-01", "2026-09-02")
    ]
    assert manifest.rows_read == len(lines)
    assert manifest.received_ts_utc == NOW


def test_collecting_again_finds_nothing_and_changes_nothing(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    path = drop(site, "a.csv", day_of_readings("north-1", START))
    segments.collect(site, now=NOW)
    before = {p: p.read_bytes() for p in site.home.segments.rglob("*") if p.is_file() and p.name != "index.json"}
    path.touch()
    assert segments.collect(site, now=NOW + dt.timedelta(hours=1)).new == []
    assert {p: p.read_bytes() for p in before} == before


def test_a_file_that_grows_is_a_new_segment_and_the_later_one_comes_last(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    lines = day_of_readings("north-1", START)
    drop(site, "a.csv", lines[:40])
    segments.collect(site, now=NOW)
    drop(site, "a.csv", lines)
    segments.collect(site, now=NOW + dt.timedelta(hours=1))
    of_day = segments.contents(site.home.segments)[DAY_1]
    assert [m.slices[0].rows for m in of_day] == [40, 96]
    frame = extract(site.home.segments, DAY_1, of_day)
    assert frame.height == 136
    first_key = frame.filter(pl.col("channel") == "LOAD").head(2)
    assert first_key["segment_id"].to_list() == [m.segment_id for m in of_day]


def test_impossible_times_are_set_aside_by_segment(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    drop(
        site,
        "a.csv",
        [f"north-1,LOAD,{day}T00:00:00Z,1,192" for day in ("1970-01-01", "2026-09-01", "2031-01-01")],
    )
    (manifest,) = segments.collect(site, now=NOW).new
    assert manifest.rows_quarantined == {"impossible_time": 2}
    assert unplaced_rows(manifest) == 0
    aside = pl.read_parquet(site.home.segments / manifest.segment_id / "quarantine.parquet")
    assert aside["time"].str.head(4).to_list() == ["1970", "2031"]


def test_a_limit_leaves_the_rest_for_the_next_look(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    for n in range(3):
        drop(site, f"{n}.csv", day_of_readings("north-1", START, hours=range(n + 1)))
    first = segments.collect(site, now=NOW, limit=2)
    assert (len(first.new), first.waiting) == (2, 1)
    assert len(segments.collect(site, now=NOW, limit=2).new) == 1


def test_one_unreadable_file_does_not_hold_up_the_others(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    drop(site, "a.csv", ["x"], header="nonsense")
    drop(site, "b.csv", day_of_readings("north-1", START))
    found = segments.collect(site, now=NOW)
    assert [name for name, _ in found.refused] == ["a.csv"]
    assert len(found.new) == 1


def test_a_damaged_slice_is_named(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    drop(site, "a.csv", day_of_readings("north-1", START))
    segments.collect(site, now=NOW)
    of_day = segments.contents(site.home.segments)[DAY_1]
    path = segments.slice_path(site.home.segments, of_day[0].segment_id, DAY_1)
    pl.read_parquet(path).head(5).write_parquet(path)
    with pytest.raises(SegmentDamagedError, match="5 rows, the manifest says 96"):
        extract(site.home.segments, DAY_1, of_day)
    path.unlink()
    with pytest.raises(SegmentDamagedError, match=r"collect a\.csv again"):
        extract(site.home.segments, DAY_1, of_day)


def test_a_new_segment_changes_the_version_of_its_partitions_only(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    drop(site, "a.csv", day_of_readings("north-1", START))
    drop(site, "b.csv", day_of_readings("north-1", START + dt.timedelta(days=1)))
    segments.collect(site, now=NOW)
    versions = {p: segments.source_version(m) for p, m in segments.contents(site.home.segments).items()}
    drop(site, "late.csv", day_of_readings("north-2", START))
    segments.collect(site, now=NOW + dt.timedelta(hours=1))
    after = {p: segments.source_version(m) for p, m in segments.contents(site.home.segments).items()}
    assert [p for p in after if after[p] != versions[p]] == [DAY_1]
