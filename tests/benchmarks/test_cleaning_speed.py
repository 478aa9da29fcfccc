"""The cleaning benchmark: what it makes is what it says, and both sides do their work."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from factory_assets.benchmarks import cleaning_speed, cleaning_worker, made_readings
from factory_assets.benchmarks.report import Options
from factory_assets.foundation.lake import Lake, Partition
from factory_assets.historian.schema import EXTRACT, GOOD_QUALITY


@pytest.fixture(scope="module")
def day() -> pl.DataFrame:
    return made_readings.day_extract(3)


def test_a_day_is_an_extract_of_half_a_million_readings(day: pl.DataFrame) -> None:
    assert dict(day.schema) == EXTRACT
    assert day.height == pytest.approx(500_000, rel=0.1)
    assert day["ts_utc"].dt.date().unique().to_list() == [made_readings.START + dt.timedelta(days=3)]
    assert day["unit_id"].n_unique() == 24
    assert day["channel"].n_unique() == 15
    assert day["row"].is_unique().all()
    assert_frame_equal(day, day.sort("unit_id", "channel", "ts_utc", "cycle", maintain_order=True))


def test_about_five_in_a_thousand_are_spoilt(day: pl.DataFrame) -> None:
    repeated = day.height - day.unique(["unit_id", "channel", "ts_utc"]).height
    bad = (day["quality"] != GOOD_QUALITY).sum()
    impossible = (day["value"] >= 90_000).sum()
    lost = made_readings.READINGS_A_DAY - (day.height - repeated)
    for count, per_thousand in ((repeated, 1.5), (bad, 1.0), (impossible, 0.4), (lost, 1.0)):
        assert count / day.height * 1000 == pytest.approx(per_thousand, rel=0.25)


def test_the_same_number_gives_the_same_day_and_another_another(day: pl.DataFrame) -> None:
    assert_frame_equal(day, made_readings.day_extract(3))
    assert not day["value"].equals(made_readings.day_extract(4)["value"])


def test_the_plant_file_knows_every_tag_and_has_its_rules_on() -> None:
    plant = made_readings.plant(4)
    tags = {channel.source_tag for channel in plant.channels(made_readings.FLEET)}
    assert tags == {series.tag for series in made_readings.SERIES}
    assert plant.cleaning.spike_sigmas
    assert plant.cleaning.stuck_after


def test_the_baseline_writes_the_same_rows(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    partition = Partition(made_readings.FLEET, "2026-01-01")
    frame = made_readings.day_extract(0).head(2_000)
    lake.write("historian_extract", frame.reverse(), partition)
    assert cleaning_worker.baseline(lake, partition) == 2_000
    keys = ["unit_id", "channel", "ts_utc"]
    assert_frame_equal(lake.read("baseline", partition).select(keys), frame.select(keys).sort(keys))


def test_both_sides_are_measured_and_the_disk_stays_small(tmp_path: Path) -> None:
    report = cleaning_speed.run(Options(tmp_path, sizes={"rows": 1_000_000}))
    figures = {figure.name: figure for figure in report.figures}
    wall = figures["wall time, s"]
    assert wall.baseline is not None
    assert wall.ratio == pytest.approx(wall.baseline / wall.ours)
    assert 50 < figures["peak memory of cleaning, MiB"].ours < 8_000
    assert figures["peak when rows double, times"].ours >= 1
    json.dumps(report.as_json())
    left = [path for path in (tmp_path / "lake").rglob("*.parquet") if "historian_extract" not in str(path)]
    assert left == []


def test_a_worker_that_ends_early_is_told(tmp_path: Path) -> None:
    with (
        cleaning_speed.worker("ours", Lake(tmp_path / "lake"), 2) as worker,
        pytest.raises(cleaning_speed.WorkerFailedError, match="no partition line/2026-01-01"),
    ):
        worker(Partition("line", "2026-01-01"))
