from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from factory_assets.foundation.settings import Site
from factory_assets.historian.reading import Parsed, SegmentRefusedError
from factory_assets.historian.segments import source_of
from tests.plants import drop, make_site, plant_dict

GOOD = "north-1,OIL_TEMP,2026-09-01T00:00:00Z,104,192"


def parse(site: Site) -> Parsed:
    source = source_of(site)
    return source.read(source.candidates()[0])


def changed(tmp_path: Path, **source: object) -> Site:
    return make_site(tmp_path, source={**plant_dict()["source"], **source})  # type: ignore[dict-item]


def test_a_tall_export_is_typed(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    drop(site, "a.csv", [GOOD])
    row = parse(site).rows.row(0, named=True)
    assert row == {
        "unit_id": "north-1", "channel": "OIL_TEMP", "ts_utc": dt.datetime(2026, 9, 1, tzinfo=dt.UTC), "fleet": "north",
        "cycle": None, "value": 104.0, "quality": 192, "row": 1,
    }  # fmt: skip


def test_rows_that_belong_nowhere_are_set_aside_as_they_stand(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    drop(
        site,
        "a.csv",
        [
            GOOD,
            "west-9,OIL_TEMP,2026-09-01T00:00:00Z,1,192",
            "north-1,OIL_TEMP,yesterday,1,192",
            "north-1,OIL_TEMP,2026-09-01T00:20:00Z,No Data,192",
        ],
    )
    parsed = parse(site)
    assert parsed.rows.height == 1
    assert parsed.quarantined["reason"].to_list() == ["unknown_unit", "impossible_time", "not_a_number"]
    assert parsed.quarantined["value"].to_list() == ["1", "1", "No Data"]


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-09-01T12:00:00Z", 12),
        ("2026-09-01 12:00:00+02:00", 10),
        ("2026-09-01T12:00:00.250-0500", 17),
        ("2026-09-01 12:00:00", 10),
        ("2026-09-01T12:00", 10),
    ],
)
def test_times_become_utc_by_their_offset_or_the_plants_zone(tmp_path: Path, text: str, hour: int) -> None:
    site = changed(tmp_path, timezone="Europe/Berlin")
    drop(site, "a.csv", [f"north-1,OIL_TEMP,{text},1,192"])
    assert parse(site).rows.item(0, "ts_utc").hour == hour


def test_both_kinds_of_time_in_one_file(tmp_path: Path) -> None:
    site = changed(tmp_path, timezone="Europe/Berlin")
    drop(
        site,
        "a.csv",
        [f"north-1,OIL_TEMP,{text},1,192" for text in ("2026-09-01T12:00:00Z", "2026-09-01 12:00:00")],
    )
    assert [at.hour for at in parse(site).rows["ts_utc"]] == [12, 10]


def test_an_hour_that_the_clock_tells_twice_is_no_certain_time(tmp_path: Path) -> None:
    site = changed(tmp_path, timezone="Europe/Berlin")
    drop(
        site,
        "a.csv",
        ["north-1,OIL_TEMP,2026-10-25 02:30:00,1,192", "north-1,OIL_TEMP,2026-10-25 04:30:00,1,192"],
    )
    parsed = parse(site)
    assert parsed.rows.height == 1
    assert parsed.quarantined["reason"].to_list() == ["ambiguous_time"]


def test_the_plants_own_time_format_is_taken(tmp_path: Path) -> None:
    site = changed(tmp_path, time_format="%d.%m.%Y %H:%M")
    drop(site, "a.csv", ["north-1,OIL_TEMP,02.09.2026 07:30,1,192"])
    assert parse(site).rows.item(0, "ts_utc") == dt.datetime(2026, 9, 2, 7, 30, tzinfo=dt.UTC)


def test_the_plants_own_good_quality_codes_count(tmp_path: Path) -> None:
    site = changed(tmp_path, good_quality=[0, 1])
    drop(
        site,
        "a.csv",
        [f"north-1,OIL_TEMP,2026-09-01T00:0{n}:00Z,1,{code}" for n, code in enumerate((0, 1, 7))],
    )
    assert parse(site).rows["quality"].to_list() == [192, 192, 7]


def test_a_wide_export_becomes_tall_and_empty_cells_are_no_readings(tmp_path: Path) -> None:
    columns = {"unit_id": "machine", "ts_utc": "timestamp"}
    site = changed(tmp_path, layout="wide", columns=columns)
    header = "timestamp,machine,OIL_TEMP,PRESSURE"
    drop(site, "a.csv", ["2026-09-01T00:00:00Z,north-1,104,210", "2026-09-01T01:00:00Z,north-1,,211"], header)
    rows = parse(site).rows.sort("ts_utc", "channel")
    assert rows.select("channel", "value").rows() == [
        ("OIL_TEMP", 104.0),
        ("PRESSURE", 210.0),
        ("PRESSURE", 211.0),
    ]


def test_parquet_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    site = changed(tmp_path, pattern="*.parquet")
    folder = site.folder("{home}/historian")
    folder.mkdir(parents=True)
    pl.DataFrame(
        {
            "machine": ["north-1"], "tag": ["PRESSURE"], "value": [210.5], "quality": [192],
            "timestamp": [dt.datetime(2026, 9, 1, 3, tzinfo=dt.UTC)],
        }
    ).write_parquet(folder / "a.parquet")  # fmt: skip
    row = parse(site).rows.row(0, named=True)
    assert (row["ts_utc"], row["value"]) == (dt.datetime(2026, 9, 1, 3, tzinfo=dt.UTC), 210.5)
    csv_site = make_site(tmp_path)
    (folder / "b.csv").write_text("\ufeffmachine,tag,timestamp,value,quality\n" + GOOD + "\n", encoding="utf-8")
    assert parse(csv_site).rows.height == 1


def test_a_column_that_is_missing_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    drop(site, "a.csv", ["1,2"], header="when,what")
    with pytest.raises(SegmentRefusedError, match=r"a.csv has no column machine, .*its columns are when, what"):
        parse(site)


def test_unfinished_files_are_left_alone(tmp_path: Path) -> None:
    site = changed(tmp_path, pattern="*")
    for name in (".hidden.csv", "a.csv.tmp", "a.csv.part"):
        drop(site, name, [GOOD])
    assert source_of(site).candidates() == []
