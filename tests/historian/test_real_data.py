"""Real exports by configuration alone: NAB's machine temperature and SKAB's water loop, straight from their zips."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from factory_assets.foundation.lake import Partition
from factory_assets.foundation.settings import PROJECT_ROOT, Settings, load_site
from factory_assets.historian import segments
from factory_assets.historian.extract import extract, unplaced_rows
from factory_assets.historian.schema import SegmentManifest
from tests.conftest import data_folder

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def collected(plant: str, data_set: str, home: Path) -> tuple[list[SegmentManifest], pl.DataFrame]:
    data = data_folder()
    if data is None or not (data / data_set).is_dir():
        pytest.skip(f"{data_set} is not here: set FACTORY_DATA to the folder that holds {data_set}/")
    site = load_site(Settings(plant=PROJECT_ROOT / "configs" / "plants" / f"{plant}.yaml", home=home, data=data))
    found = segments.collect(site, now=NOW)
    assert found.refused == []
    assert [unplaced_rows(manifest) for manifest in found.new] == [0] * len(found.new)
    assert all(manifest.rows_quarantined == {} for manifest in found.new)
    (fleet,) = site.plant.fleet_names
    partition = Partition(fleet)
    return found.new, extract(site.home.segments, partition, segments.contents(site.home.segments)[partition])


def test_nab_machine_temperature(tmp_path: Path) -> None:
    manifests, frame = collected("nab", "nab_machine_temperature", tmp_path)
    assert [manifest.rows_read for manifest in manifests] == [22_695]
    assert frame["unit_id"].unique().to_list() == ["machine-1"]
    as_told = frame.sort("row")["ts_utc"]
    assert (as_told[0], as_told[-1]) == (
        dt.datetime(2013, 12, 2, 21, 15, tzinfo=dt.UTC),
        dt.datetime(2014, 2, 19, 15, 25, tzinfo=dt.UTC),
    )
    # The clock steps back once, and nothing is sorted together silently: the row says what was told first.
    assert (as_told.diff().drop_nulls() < dt.timedelta(0)).sum() == 1
    assert as_told.len() - as_told.n_unique() == 12


def test_skab(tmp_path: Path) -> None:
    manifests, frame = collected("skab", "skab", tmp_path)
    assert len(manifests) == frame["unit_id"].n_unique() == 35
    lines = {manifest.source: manifest.rows_read for manifest in manifests}
    assert lines["SKAB.zip/anomaly-free/anomaly-free.csv"] == 9_405 * 8
    assert sum(lines.values()) == 9_405 * 8 + 37_401 * 10
    of_channel = dict(frame.group_by("channel").len().iter_rows())
    assert of_channel["Volume Flow RateRMS"] == 46_806
    assert of_channel["anomaly"] == of_channel["changepoint"] == 37_401
    assert frame.filter(pl.col("channel") == "anomaly")["value"].sum() == 13_067
    assert frame.filter(pl.col("channel") == "changepoint")["value"].sum() == 129
    assert {"valve1-0", "valve2-3", "other-14", "anomaly-free-anomaly-free"} <= set(frame["unit_id"])
