from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from factory_assets.reference_plant.historian_export import is_whole, told_until, write_days
from factory_assets.reference_plant.simulator import simulate
from factory_assets.reference_plant.truth import faults, gaps, write_truth

START = dt.date(2026, 9, 1)
DAYS = [START + dt.timedelta(days=n) for n in range(10, 17)]


@pytest.fixture(scope="module")
def written(eighty_days, tmp_path_factory):
    return write_days(eighty_days, tmp_path_factory.mktemp("historian"), DAYS)


def at(day, hour=0, minute=0):
    return dt.datetime.combine(day, dt.time(hour, minute), dt.UTC)


def test_a_file_a_day_in_the_historians_shape_and_late_ones(eighty_days, written):
    names = [path.name for path in written]
    late = faults(eighty_days).filter(pl.col("file").str.contains("late"))["file"].unique().to_list()
    expected_late = [f"historian_{day}_late.csv" for day in DAYS if f"historian_{day}_late.csv" in late]
    assert len(expected_late) >= 1
    assert names == sorted([f"historian_{day}.csv" for day in DAYS] + expected_late)
    for path in written:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0] == "machine,tag,timestamp,value,quality"
        assert pl.read_csv(path).height == len(lines) - 1 > 0


def test_presses_write_utc_and_spindles_local_time(written):
    rows = pl.read_csv(written[0])
    presses = pl.col("machine").str.starts_with("press")
    assert rows.filter(presses)["timestamp"].str.contains(r"^2026-09-1\dT\d\d:\d\d:00Z$").all()
    assert rows.filter(~presses)["timestamp"].str.contains(r"^2026-09-1\d \d\d:\d\d:00$").all()
    first = rows.filter(~presses)["timestamp"][0]
    assert first == f"{DAYS[0]} 02:00:00"


def test_rerun_gives_the_same_bytes_and_touches_nothing(written):
    before = [(path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in written]
    again = write_days(simulate(START, START + dt.timedelta(days=20), 0), written[0].parent, DAYS)
    assert [(path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in again] == before
    assert sorted(written[0].parent.iterdir()) == written


def test_a_changed_file_is_mended(eighty_days, tmp_path):
    (path, *_) = write_days(eighty_days, tmp_path, DAYS[:1])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    write_days(eighty_days, tmp_path, DAYS[:1])
    assert path.read_bytes() == content


def test_a_day_that_was_not_simulated_is_refused(eighty_days, tmp_path):
    with pytest.raises(ValueError, match="2026-11-20 was not simulated"):
        write_days(eighty_days, tmp_path, [DAYS[0], dt.date(2026, 11, 20)])
    assert list(tmp_path.iterdir()) == []


def test_truth_is_kept_apart(eighty_days, tmp_path):
    folder = tmp_path / "truth"
    paths = write_truth(eighty_days, folder)
    tables = (eighty_days.lives, faults(eighty_days), gaps(eighty_days))
    assert [path.name for path in paths] == ["lives.parquet", "faults.parquet", "gaps.parquet"]
    for path, table in zip(paths, tables, strict=True):
        assert pl.read_parquet(path).equals(table)
        assert table.height > 0
    before = [path.read_bytes() for path in paths]
    write_truth(eighty_days, folder)
    assert [path.read_bytes() for path in paths] == before
    assert sorted(folder.iterdir()) == sorted(paths)


def test_today_ends_where_the_day_stands(eighty_days, tmp_path):
    day = eighty_days.start
    now = at(day, 9, 30)
    (path,) = write_days(eighty_days, tmp_path, [day], now=now)
    presses = pl.read_csv(path).filter(pl.col("machine").str.starts_with("press"))
    assert presses["timestamp"].max() == f"{day}T09:20:00Z"
    assert not is_whole(tmp_path, day)
    write_days(eighty_days, tmp_path, [day], now=now + dt.timedelta(days=1))
    assert is_whole(tmp_path, day)


def test_a_clock_that_is_ahead_tells_nothing_of_the_future(eighty_days):
    ahead = eighty_days.lines.filter(pl.col("stamp") > pl.col("told_at"))
    now = ahead.item(0, "told_at")
    told = told_until(eighty_days, now)
    assert told.height < eighty_days.lines.filter(pl.col("told_at") <= now).height
    assert told["stamp"].max() <= now


def test_late_lines_wait_for_the_day_on_which_they_come(eighty_days, tmp_path):
    late = faults(eighty_days).filter(pl.col("file").str.contains("_late"))
    name = late.item(0, "file")
    arrival = dt.date.fromisoformat(name[10:20])
    early = write_days(eighty_days, tmp_path, [arrival], now=at(arrival, 1))
    assert [path.name for path in early] == [f"historian_{arrival}.csv"]
    whole = write_days(eighty_days, tmp_path, [arrival])
    assert [path.name for path in whole] == [f"historian_{arrival}.csv", name]


def test_truth_at_a_moment_is_of_the_files_as_they_stand_then(eighty_days, tmp_path):
    now = at(DAYS[3], 13, 30)
    days = [START + dt.timedelta(days=n) for n in range((DAYS[3] - START).days + 1)]
    paths = write_days(eighty_days, tmp_path, days, now=now)
    heights = pl.DataFrame([(path.name, pl.read_csv(path).height) for path in paths], ["file", "rows"], orient="row")
    known = faults(eighty_days, now=now)
    counted = known.group_by("file").agg(pl.col("row").max()).join(heights, on="file", how="left")
    assert (counted["row"] <= counted["rows"]).all()
    assert known["ts_utc"].max() <= now
    assert known["told_ts_utc"].max() <= now
    later = gaps(eighty_days)
    assert gaps(eighty_days, now=now).height == later.filter(pl.col("first_ts_utc") <= now).height
