from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from factory_assets.reference_plant.fleets import FLEETS
from factory_assets.reference_plant.historian_export import is_whole, write_days
from factory_assets.reference_plant.simulator import simulate
from factory_assets.reference_plant.truth import write_truth

START = dt.date(2026, 9, 1)
DAYS = [START + dt.timedelta(days=n) for n in (10, 11, 12)]
KEY = ["machine", "tag", "timestamp"]


@pytest.fixture(scope="module")
def written(eighty_days, tmp_path_factory):
    return write_days(eighty_days, tmp_path_factory.mktemp("historian"), DAYS)


@pytest.fixture(scope="module")
def rows(written):
    return pl.concat([pl.read_csv(path, try_parse_dates=False) for path in written])


@pytest.fixture(scope="module")
def blemishes(eighty_days):
    truth = eighty_days.blemishes.filter(pl.col("day").is_in(DAYS))
    return truth.with_columns(pl.col("timestamp").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))


def of_kind(blemishes, kind):
    return blemishes.filter(pl.col("kind") == kind)


def test_a_file_a_day_in_the_historians_shape(written):
    assert [path.name for path in written] == [f"historian_{day}.csv" for day in DAYS]
    for path, day in zip(written, DAYS, strict=True):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0] == "machine,tag,timestamp,value,quality"
        assert lines[1].startswith(f"press-01,PRESS.FILTER_DP,{day}T00:00:00Z,")
        times = [line.split(",")[2] for line in lines[1:]]
        assert times == sorted(times)
        assert set(times) == {f"{day}T{h:02d}:{m}:00Z" for h in range(24) for m in ("00", "20", "40")}


def test_rerun_gives_the_same_bytes_and_touches_nothing(eighty_days, written):
    before = [(path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in written]
    again = write_days(simulate(START, START + dt.timedelta(days=20), 0), written[0].parent, DAYS)
    assert [(path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in again] == before
    assert sorted(written[0].parent.iterdir()) == written


def test_a_changed_file_is_mended(eighty_days, tmp_path):
    (path,) = write_days(eighty_days, tmp_path, DAYS[:1])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert write_days(eighty_days, tmp_path, DAYS[:1]) == [path]
    assert path.read_bytes() == content


def test_blemishes_in_the_files_are_those_of_the_truth(rows, blemishes):
    repeated = rows.filter(rows.is_duplicated()).unique().select(KEY)
    assert repeated.sort(KEY).equals(of_kind(blemishes, "duplicate").select(KEY).sort(KEY))
    bad = rows.filter(pl.col("quality") == 0).select(KEY)
    assert bad.equals(of_kind(blemishes, "bad_quality").select(KEY).sort("timestamp", "machine", "tag"))
    filler = rows.filter((pl.col("quality") == 192) & pl.col("value").is_in([-9999.0, 32767.0])).select(KEY)
    assert filler.sort(KEY).equals(of_kind(blemishes, "impossible_value").select(KEY).sort(KEY))
    assert min(repeated.height, bad.height, filler.height) > 0


def test_everything_else_is_the_plants_own_reading_in_floor_units(eighty_days, rows, blemishes):
    wrong = blemishes.filter(pl.col("kind") != "duplicate")
    good = rows.unique().join(wrong, on=KEY, how="anti")
    channels = {(f.name, c.tag): c for f in FLEETS for c in f.channels}
    readings = eighty_days.readings.filter(pl.col("ts_utc").dt.date().is_in(DAYS))
    assert good.height == readings.height - wrong.height
    joined = 0
    for (fleet, tag), channel in channels.items():
        scale, offset = channel.conversion
        expected = readings.filter((pl.col("fleet") == fleet) & (pl.col("channel") == channel.name)).select(
            "machine",
            timestamp=pl.col("ts_utc").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            expected=pl.col("value") * scale + offset,
        )
        both = good.filter(pl.col("tag") == tag).join(expected, on=["machine", "timestamp"])
        joined += both.height
        assert (both["value"] - both["expected"]).abs().max() <= 0.5001 * 10.0**-channel.decimals
        in_unit = (both["value"] - offset) / scale
        assert in_unit.is_between(channel.low, channel.high).all()
    assert joined == good.height


def test_impossible_values_lie_outside_the_limits_of_every_channel():
    for channel in (c for f in FLEETS for c in f.channels):
        scale, offset = channel.conversion
        for value in (-9999.0, 32767.0):
            assert not channel.low <= (value - offset) / scale <= channel.high


def test_a_day_that_was_not_simulated_is_refused(eighty_days, tmp_path):
    with pytest.raises(ValueError, match="2026-11-20 was not simulated"):
        write_days(eighty_days, tmp_path, [dt.date(2026, 11, 20)])
    assert list(tmp_path.iterdir()) == []


def test_truth_is_kept_apart(eighty_days, tmp_path):
    lives_file, blemishes_file = write_truth(eighty_days, tmp_path / "truth")
    assert pl.read_parquet(lives_file).equals(eighty_days.lives)
    assert pl.read_parquet(blemishes_file).equals(eighty_days.blemishes)
    before = lives_file.read_bytes()
    write_truth(eighty_days, tmp_path / "truth")
    assert lives_file.read_bytes() == before
    assert sorted(p.name for p in (tmp_path / "truth").iterdir()) == ["blemishes.parquet", "lives.parquet"]


def test_today_ends_where_the_day_stands(eighty_days, tmp_path):
    day = eighty_days.start
    now = dt.datetime.combine(day, dt.time(9, 30), dt.UTC)
    (path,) = write_days(eighty_days, tmp_path, [day], now=now)
    assert pl.read_csv(path)["timestamp"].max() == f"{day}T09:20:00Z"
    assert not is_whole(tmp_path, day)
    write_days(eighty_days, tmp_path, [day], now=now + dt.timedelta(days=1))
    assert is_whole(tmp_path, day)
