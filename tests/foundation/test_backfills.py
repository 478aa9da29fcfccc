"""A backfill over months is one run, with one step an asset; and what is refused in it is named."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest

from factory_assets.definitions import build_defs
from factory_assets.foundation import partitions as parts
from factory_assets.foundation.instance import open_instance
from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.settings import Site
from tests.plants import day_of_readings, drop, make_site

DAYS = 90
START = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=DAYS)
ASSETS = ("historian_extract", "clean_reading", "quarantined_reading", "cleaning_ledger", "sensor_table")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Ninety days with readings on some of them."""
    site = make_site(tmp_path, start=START.isoformat())
    for number in range(0, DAYS, 15):
        day = START + dt.timedelta(days=number)
        lines = [line for unit in ("north-1", "south-1") for line in day_of_readings(unit, day, hours=range(4))]
        drop(site, f"{day}.csv", lines)
    return site


def test_ninety_days_of_two_fleets_are_one_run_with_one_step_an_asset(site: Site) -> None:
    first, last = START.isoformat(), (START + dt.timedelta(days=DAYS - 1)).isoformat()
    tags = parts.range_tags(parts.to_key(Partition("north", first)), parts.to_key(Partition("south", last)))
    with open_instance(site.home.dagster) as instance:
        job = build_defs(site).resolve_job_def("readings")
        done = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
        assert done.success
        assert len(instance.get_runs()) == 1
        steps = [event.step_key for event in done.all_events if event.event_type_value == "STEP_START"]
        assert sorted(steps) == ["cleaning", "historian_extract", "sensor_table"]
        for name in ASSETS:
            assert len(instance.get_materialized_partitions(dg.AssetKey(name))) == 2 * DAYS, name
    lake = Lake(site.home.lake)
    assert [len(lake.partitions("clean_reading", fleet)) for fleet in ("north", "south")] == [DAYS, DAYS]
    assert lake.read_fleet("clean_reading", "south").height == 6 * 4 * 4
