"""The age of the newest reading: late fleets, silent fleets, and plants of which nobody expects anything."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from factory_assets.foundation.lake import Lake
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.settings import Site
from factory_assets.warehouse import assets, freshness
from tests.plants import make_site

NOW = dt.datetime(2026, 9, 10, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def coverage(**newest: dt.datetime | None) -> pl.DataFrame:
    rows = [(fleet, channel, at) for fleet, at in newest.items() for channel, at in (("a", at), ("silent", None))]
    schema = {"fleet": pl.String, "channel": pl.String, "last_ts_utc": pl.Datetime("us", "UTC")}
    return pl.DataFrame(rows, schema=schema, orient="row")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path)


def test_yesterdays_file_is_fresh_all_day(site: Site) -> None:
    last_of_yesterday = dt.datetime(2026, 9, 9, 23, 40, tzinfo=dt.UTC)
    table = coverage(north=last_of_yesterday, south=last_of_yesterday)
    for hour in (1, 12, 23):
        ages = freshness.fleet_ages(table, site.plant, now=NOW.replace(hour=hour))
        assert not ages["is_late"].any()
    assert freshness.in_words(ages, "a folder") == "Every fleet has told something lately."


def test_a_late_fleet_and_a_fleet_without_readings_are_named(site: Site) -> None:
    ages = freshness.fleet_ages(coverage(north=NOW - 37 * HOUR), site.plant, now=NOW)
    assert ages.select("fleet", "age_h", "is_late").rows() == [("north", 37.0, True), ("south", None, True)]
    said = freshness.in_words(ages, "{home}/historian")
    assert "north: newest reading 2026-09-08 12:00 UTC, 37 h ago; expected within 36 h" in said
    assert "south: no reading yet" in said
    assert "writes into {home}/historian" in said


def test_slow_channels_have_three_periods(tmp_path_factory: pytest.TempPathFactory) -> None:
    slow = make_site(tmp_path_factory.mktemp("slow"), sample_period="P1D").plant
    assert freshness.expected_within(slow) == dt.timedelta(days=3)
    unknown = make_site(tmp_path_factory.mktemp("unknown"), sample_period=None).plant
    assert freshness.expected_within(unknown) == dt.timedelta(hours=36)


@pytest.mark.parametrize(("age_h", "passed"), [(1, True), (100, False)])
def test_the_check_warns_and_blocks_nothing(site: Site, *, age_h: int, passed: bool) -> None:
    newest = dt.datetime.now(dt.UTC) - age_h * HOUR
    Lake(site.home.lake).write("channel_coverage", coverage(north=newest, south=newest))
    (check,) = [asset for asset in assets.assets(site) if isinstance(asset, dg.AssetChecksDefinition)]
    (spec,) = check.check_specs
    assert (spec.name, spec.asset_key, spec.blocking) == (
        "newest_reading_is_recent",
        dg.AssetKey("channel_coverage"),
        False,
    )
    result = check(lake=LakeResource(root=str(site.home.lake)))
    assert isinstance(result, dg.AssetCheckResult)
    assert (result.passed, result.severity) == (passed, dg.AssetCheckSeverity.WARN)


def test_nothing_is_expected_of_an_archive(tmp_path: Path) -> None:
    life = {"run_to_failure_units": "*"}
    fleets = [{"name": "north", "machine_class": "press", "units": ["*"], "life": life}]
    archive = make_site(tmp_path, running=False, start=None, fleets=fleets)
    assert not [asset for asset in assets.assets(archive) if isinstance(asset, dg.AssetChecksDefinition)]
