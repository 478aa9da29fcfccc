"""Segments into tables: once each, late or repeated, and what cannot be trusted stays and is told."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest

from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.settings import Site
from factory_assets.inspection.results import collecting, figures
from factory_assets.inspection.results.collecting import QUARANTINE, SEGMENTS, VERDICTS, collect
from tests.inspection.results.exchange import PRODUCTS, a_site, a_verdict, put


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return a_site(tmp_path)


@pytest.fixture
def lake(site: Site) -> Lake:
    return Lake(site.home.lake)


def take(site: Site, lake: Lake) -> collecting.Collection:
    return collect(site.home.results, lake, site.plant)


def verdicts(lake: Lake, product: str = "casting") -> pl.DataFrame:
    return lake.read_fleet(VERDICTS, product)


def contents(lake: Lake) -> dict[str, bytes]:
    return {
        path.relative_to(lake.root).as_posix(): path.read_bytes()
        for path in lake.root.rglob("*.parquet")
        if SEGMENTS not in path.parts
    }


def test_a_plant_without_a_verdict_has_empty_tables(site: Site, lake: Lake) -> None:
    take(site, lake)
    assert verdicts(lake).is_empty()
    assert site.home.results.is_dir()


def test_verdicts_go_into_their_product_and_day(site: Site, lake: Lake) -> None:
    records = [a_verdict(1), a_verdict(2, product="panel"), a_verdict(3, hours=24)]
    put(site.home.results, records)
    found = take(site, lake)
    assert found.touched == {
        Partition("casting", "2026-09-01"),
        Partition("casting", "2026-09-02"),
        Partition("panel", "2026-09-01"),
    }
    assert verdicts(lake)["sequence"].to_list() == [1, 3]
    assert collecting.days_of(lake, "casting") == lake.partitions(VERDICTS, "casting")[:2]


def test_what_was_taken_over_is_not_read_again(site: Site, lake: Lake) -> None:
    path = put(site.home.results, [a_verdict(1)])
    assert take(site, lake).new == 1
    before = contents(lake)
    assert take(site, lake).new == 0
    path.touch()
    take(site, lake)
    assert contents(lake) == before


@pytest.mark.parametrize("seed", range(3))
def test_the_order_in_which_segments_come_changes_nothing(tmp_path: Path, seed: int) -> None:
    made = []
    for order in ("sorted", "shuffled"):
        site = a_site(tmp_path / order)
        lake = Lake(site.home.lake)
        pieces = [(station, first) for station in ("line-1", "line-2") for first in range(1, 40, 4)]
        if order == "shuffled":
            random.Random(seed).shuffle(pieces)
        for station, first in pieces:
            records = [
                a_verdict(n, station, hours=6 * n, product="casting" if n % 3 else "flange")
                for n in range(first, first + 4)
            ]
            put(site.home.results, records, first=first, station=station)
            if order == "shuffled":
                take(site, lake)
        take(site, lake)
        made.append(contents(lake))
    assert made[0] == made[1]


def test_a_late_segment_closes_its_gap(site: Site, lake: Lake) -> None:
    put(site.home.results, [a_verdict(1), a_verdict(2)])
    put(site.home.results, [a_verdict(5)], first=5)
    put(site.home.results, [a_verdict(3, "line-2")], first=3, station="line-2")
    take(site, lake)
    assert figures.gaps(collecting.all_segments(lake)).rows() == [("line-1", 3, 4), ("line-2", 1, 2)]
    put(site.home.results, [a_verdict(3), a_verdict(4)], first=3)
    take(site, lake)
    assert figures.gaps(collecting.all_segments(lake)).rows() == [("line-2", 1, 2)]
    assert verdicts(lake).filter(station="line-1")["sequence"].to_list() == [1, 2, 3, 4, 5]


def test_a_damaged_segment_waits_until_it_is_mended(site: Site, lake: Lake) -> None:
    path = put(site.home.results, [a_verdict(1), a_verdict(2)])
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    take(site, lake)
    segments = collecting.all_segments(lake)
    assert segments["status"].to_list() == ["refused"]
    assert "cut off" in segments["reason"][0]
    assert path.is_file()
    path.write_bytes(whole)
    take(site, lake)
    assert verdicts(lake).height == 2
    assert collecting.all_segments(lake)["reason"].to_list() == [None]


def test_what_was_taken_over_stands_when_its_file_changes(site: Site, lake: Lake) -> None:
    put(site.home.results, [a_verdict(1)])
    take(site, lake)
    before = contents(lake)
    put(site.home.results, [a_verdict(1, verdict="nok", score=0.9)])
    take(site, lake)
    assert contents(lake) == before
    assert "other verdicts" in collecting.all_segments(lake)["reason"][0]


@pytest.mark.parametrize(("first", "count"), [(1, 3), (2, 1), (3, 4), (2, 9)])
@pytest.mark.parametrize("together", [True, False])
def test_no_number_is_given_two_verdicts(site: Site, lake: Lake, first: int, count: int, together: bool) -> None:
    put(site.home.results, [a_verdict(n) for n in (1, 2, 3, 4)])
    if not together:
        take(site, lake)
    put(site.home.results, [a_verdict(n) for n in range(first, first + count)], first=first)
    take(site, lake)
    assert verdicts(lake)["sequence"].is_unique().all()
    segments = collecting.all_segments(lake)
    assert segments["status"].value_counts(sort=True, name="n")["n"].to_list() == [1, 1]
    assert "give them names of their own" in segments["reason"].drop_nulls()[0]


def test_lines_that_are_no_verdict_are_kept_and_counted(site: Site, lake: Lake) -> None:
    put(site.home.results, [a_verdict(1), b"nonsense", a_verdict(3, product="flange")])
    take(site, lake)
    quarantined = collecting.all_quarantined(lake)
    assert quarantined["reason"].to_list() == ["not_a_verdict", "unknown_product"]
    assert figures.unplaced(collecting.all_segments(lake)).is_empty()
    assert lake.has(QUARANTINE, Partition("line-1"))


def test_a_product_that_becomes_known_gets_its_verdicts(site: Site, lake: Lake, tmp_path: Path) -> None:
    put(site.home.results, [a_verdict(1), a_verdict(2, product="flange")])
    take(site, lake)
    flange = {"name": "flange", "images": {"folder": "x"}, "method": "classification"}
    wider = a_site(tmp_path / "wider", products=[flange, *PRODUCTS])
    collect(site.home.results, lake, wider.plant)
    assert verdicts(lake, "flange")["sequence"].to_list() == [2]
    assert verdicts(lake)["sequence"].to_list() == [1]
    assert collecting.all_quarantined(lake).is_empty()


def test_a_day_that_is_lost_from_the_lake_is_made_again(site: Site, lake: Lake) -> None:
    put(site.home.results, [a_verdict(1), a_verdict(2, hours=24)])
    take(site, lake)
    before = contents(lake)
    lake.path(VERDICTS, Partition("casting", "2026-09-02")).unlink()
    take(site, lake)
    assert contents(lake) == before


def test_a_crash_between_table_and_note_is_done_again(site: Site, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    put(site.home.results, [a_verdict(1), b"nonsense"])
    write = Lake.write

    def crashing(lake: Lake, table: str, *arguments: object) -> object:
        if table == SEGMENTS:
            raise KeyboardInterrupt
        return write(lake, table, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "write", crashing)
        with pytest.raises(KeyboardInterrupt):
            take(site, lake)
    take(site, lake)
    assert verdicts(lake).height == collecting.all_quarantined(lake).height == 1


def test_days_that_lose_a_verdict_are_told(site: Site, lake: Lake) -> None:
    put(site.home.results, [a_verdict(1), a_verdict(2)])
    found = take(site, lake)
    segments = collecting.all_segments(lake)
    assert figures.misplaced(lake, segments, found.touched) == {}
    (day,) = found.touched
    lake.write(VERDICTS, lake.read(VERDICTS, day).head(1), day)
    assert figures.misplaced(lake, segments, found.touched) == {day: "2026-09-01: 1 of 2 verdicts"}


def test_the_version_follows_the_verdicts_of_the_product_alone(site: Site, lake: Lake) -> None:
    put(site.home.results, [a_verdict(1)])
    take(site, lake)
    of_casting, of_panel = (collecting.data_version(collecting.all_segments(lake), p) for p in ("casting", "panel"))
    before = collecting.source_version(site.home.results)
    put(site.home.results, [a_verdict(2, product="panel")], first=2)
    assert collecting.source_version(site.home.results) != before
    take(site, lake)
    segments = collecting.all_segments(lake)
    assert collecting.data_version(segments, "casting") == of_casting
    assert collecting.data_version(segments, "panel") != of_panel
