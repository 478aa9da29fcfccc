from __future__ import annotations

import datetime as dt
import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from factory_assets.foundation.lake import Partition
from factory_assets.foundation.settings import Home, Site
from factory_assets.historian import segments, slices
from factory_assets.historian.export import ExportFolder
from factory_assets.historian.extract import SegmentDamagedError, extract, unplaced_rows
from factory_assets.historian.making import MAKING, SegmentNotWrittenError
from factory_assets.historian.owner import HomeTakenError
from factory_assets.historian.reading import Batch, Candidate
from tests.plants import START, day_of_readings, drop, make_site, plant_dict

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


def everything_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    read: list[str] = []
    original = segments.ExportFolder.batches

    def batches(self: segments.ExportFolder, candidate: Candidate) -> Iterator[Batch]:
        read.append(candidate.name)
        return original(self, candidate)

    monkeypatch.setattr(segments.ExportFolder, "batches", batches)
    return read


def test_a_refused_file_is_read_once_and_stays_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = count_reads(monkeypatch)
    site = make_site(tmp_path)
    bad = drop(site, "a.csv", ["x"], header="nonsense")
    first = segments.collect(site, now=NOW)
    assert first.refused == first.newly_refused
    for _ in range(3):
        again = segments.collect(site, now=NOW)
        assert (again.refused, again.newly_refused) == (first.refused, [])
    assert read == ["a.csv"]
    bad.write_text("more nonsense\n1\n", encoding="utf-8")
    assert len(segments.collect(site, now=NOW).newly_refused) == 1
    assert read == ["a.csv", "a.csv"]
    bad.unlink()
    assert segments.collect(site, now=NOW).refused == []


def test_a_refused_file_is_read_again_when_the_plant_file_changes(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    german = ["north-1;LOAD;2026-09-01T00:00:00Z;1,5;192"]
    drop(site, "a.csv", german, header="machine;tag;timestamp;value;quality")
    assert "source.separator" in segments.collect(site, now=NOW).refused[0][1]
    source = site.plant.source.model_copy(update={"separator": ";", "decimal_comma": True})
    mended = replace(site, plant=site.plant.model_copy(update={"source": source}))
    found = segments.collect(mended, now=NOW)
    assert (len(found.new), found.refused) == (1, [])


def test_a_half_written_parquet_file_is_collected_once_it_is_whole(tmp_path: Path) -> None:
    site = make_site(tmp_path, source={**plant_dict()["source"], "pattern": "*.parquet"})  # type: ignore[dict-item]
    path = drop(site, "a.parquet", [])
    frame = pl.DataFrame(
        {"machine": "north-1", "tag": "LOAD", "timestamp": "2026-09-01T00:00:00Z", "value": 1.0, "quality": 192}
    )
    frame.write_parquet(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    assert [name for name, _ in segments.collect(site, now=NOW).refused] == ["a.parquet"]
    path.write_bytes(whole)
    found = segments.collect(site, now=NOW)
    assert (len(found.new), found.refused) == (1, [])


def test_a_segment_does_not_depend_on_how_it_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for name, batch_bytes, spill_rows in (("a", 8 << 20, 1_000_000), ("b", 300, 17), ("c", 5_000, 60)):
        monkeypatch.setattr(slices.SliceWriter.__init__, "__defaults__", (spill_rows, *_defaults()))
        monkeypatch.setattr(ExportFolder.__init__, "__defaults__", (batch_bytes,))
        folder = tmp_path / name
        folder.mkdir()
        site = make_site(folder)
        lines = [line for n in range(3) for line in day_of_readings("north-1", START + n * dt.timedelta(days=1))]
        drop(site, "a.csv", [*lines, "west-1,LOAD,2026-09-01T00:00:00Z,1,192", *lines[:50], "ragged"])
        (manifest,) = segments.collect(site, now=NOW).new
        assert unplaced_rows(manifest) == 0
        made.append(everything_in(site.home.segments / manifest.segment_id))
    assert made[0] == made[1] == made[2]


def _defaults() -> tuple[object, ...]:
    return slices.SliceWriter.__init__.__defaults__[1:]


@pytest.mark.parametrize(("at", "call"), [("_write", 2), ("_spill", 1)])
def test_a_full_disk_leaves_nothing_half_made_and_a_rerun_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str, call: int
) -> None:
    monkeypatch.setattr(slices.SliceWriter.__init__, "__defaults__", (50, *_defaults()))
    site = make_site(tmp_path)
    drop(site, "a.csv", day_of_readings("north-1", START))
    segments.collect(site, now=NOW)
    kept = everything_in(site.home.segments)
    two_days = day_of_readings("north-2", START) + day_of_readings("north-2", START + dt.timedelta(days=1))
    drop(site, "b.csv", two_days)
    original, calls = getattr(slices.SliceWriter, at), []

    def full(self: slices.SliceWriter, *arguments: object) -> object:
        calls.append(at)
        if len(calls) == call:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(slices.SliceWriter, at, full)
        with pytest.raises(SegmentNotWrittenError, match=r"segment of b\.csv .*No space left.*make room"):
            segments.collect(site, now=NOW)
    assert everything_in(site.home.segments) == kept
    assert [path.name for path in site.home.segments.iterdir() if path.name.startswith(".making")] == []
    (manifest,) = segments.collect(site, now=NOW).new
    assert manifest.source == "b.csv"
    assert sum(piece.rows for piece in manifest.slices) == len(two_days)


def test_what_a_killed_process_left_is_removed_a_day_later(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    old, young = (site.home.segments / f"{MAKING}{name}" for name in ("old", "young"))
    for folder in (old, young):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    segments.collect(site, now=NOW)
    assert (old.exists(), young.exists()) == (False, True)


def test_a_file_that_changes_while_it_is_read_waits_for_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(tmp_path)
    path = drop(site, "a.csv", day_of_readings("north-1", START, hours=range(5)))
    original = segments.ExportFolder.batches

    def growing(self: segments.ExportFolder, candidate: Candidate) -> Iterator[Batch]:
        yield from original(self, candidate)
        path.write_text(path.read_text() + day_of_readings("north-1", START)[-1] + "\n")

    with monkeypatch.context() as patch:
        patch.setattr(segments.ExportFolder, "batches", growing)
        assert "changed while it was read" in segments.collect(site, now=NOW).refused[0][1]
    assert len(segments.collect(site, now=NOW).new) == 1


def test_a_cut_index_is_made_anew(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    drop(site, "a.csv", day_of_readings("north-1", START))
    segments.collect(site, now=NOW)
    (site.home.segments / "index.json").write_text('{"a.csv": {"sta', encoding="utf-8")
    found = segments.collect(site, now=NOW)
    assert (found.new, found.refused) == ([], [])


def test_two_plants_of_one_name_on_one_home_are_told_apart(tmp_path: Path) -> None:
    sites = []
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        source = {**plant_dict()["source"], "folder": str(tmp_path / name / "historian")}  # type: ignore[dict-item]
        site = make_site(tmp_path / name, source=source)
        sites.append(replace(site, home=Home(tmp_path / "home" / "small")))
    segments.collect(sites[0], now=NOW)
    with pytest.raises(HomeTakenError, match=r"another plant named small.*another name \(field plant\)"):
        segments.collect(sites[1], now=NOW)
    segments.collect(sites[0], now=NOW)
    sites[0].plant_file.rename(tmp_path / "here" / "moved.yaml")
    segments.collect(replace(sites[0], plant_file=tmp_path / "here" / "moved.yaml"), now=NOW)


def test_lines_of_one_file_stand_in_the_order_in_which_they_were_told(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    told = [f"north-1,LOAD,2026-09-01T00:00:00Z,{value},192" for value in (5, 3, 4)]
    drop(site, "b.csv", told)
    segments.collect(site, now=NOW)
    drop(site, "a.csv", [told[1], told[0]])
    segments.collect(site, now=NOW + dt.timedelta(hours=1))
    frame = extract(site.home.segments, DAY_1, segments.contents(site.home.segments)[DAY_1])
    assert frame.select("value", "row").rows() == [(5.0, 1), (3.0, 2), (4.0, 3), (3.0, 1), (5.0, 2)]


def in_zone(site: Site, zone: str) -> Site:
    source = site.plant.source.model_copy(update={"timezone": zone})
    return replace(site, plant=site.plant.model_copy(update={"source": source}))


def test_a_mended_plant_file_has_files_read_again_in_their_order(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    for hour, name in enumerate(("z.csv", "a.csv")):
        drop(site, name, [f"north-1,LOAD,2026-09-01 12:00:00,{hour},192"])
        segments.collect(site, now=NOW + hour * dt.timedelta(hours=1))
    mended = in_zone(site, "Europe/Berlin")
    later = NOW + dt.timedelta(days=1)
    assert len(segments.collect(mended, now=later).new) == 2
    assert segments.collect(mended, now=later).new == []
    frame = extract(site.home.segments, DAY_1, segments.contents(site.home.segments)[DAY_1])
    assert [at.hour for at in frame["ts_utc"]] == [10, 10]
    assert frame["value"].to_list() == [0.0, 1.0]
    assert all(m.received_ts_utc >= later for m in segments.manifests(site.home.segments))


def test_a_new_fleet_takes_what_was_set_aside_as_unknown(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    drop(site, "a.csv", ["north-1,LOAD,2026-09-01T00:00:00Z,1,192", "west-1,LOAD,2026-09-01T00:00:00Z,1,192"])
    assert segments.collect(site, now=NOW).new[0].rows_quarantined == {"unknown_unit": 1}
    west = site.plant.fleets[0].model_copy(update={"name": "west", "units": ("west-*",)})
    more = replace(site, plant=site.plant.model_copy(update={"fleets": (*site.plant.fleets, west)}))
    (manifest,) = segments.collect(more, now=NOW).new
    assert (manifest.rows_quarantined, len(manifest.slices)) == ({}, 2)
    assert segments.manifests(site.home.segments) == [manifest]


def test_channels_limits_and_models_do_not_have_files_read_again(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    drop(site, "a.csv", day_of_readings("north-1", START))
    segments.collect(site, now=NOW)
    other = replace(site, plant=site.plant.model_copy(update={"title": "x", "cycle_length": dt.timedelta(hours=2)}))
    assert segments.collect(other, now=NOW).new == []
