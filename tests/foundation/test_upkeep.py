"""Retention: nothing is stale afterwards, nothing that is needed goes, and what went is written down."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from factory_assets.foundation import partitions as parts
from factory_assets.foundation.instance import open_instance
from factory_assets.foundation.retention import RECORD, kept, leftovers
from factory_assets.foundation.settings import Home, RetentionThresholds
from factory_assets.foundation.staleness import observe, stale_partitions
from factory_assets.foundation.upkeep import retain

RULES = RetentionThresholds(releases_kept=2, runs_days=90, leftovers_days=2)
DAYS = dg.DailyPartitionsDefinition("2026-09-01", end_date="2026-09-11")
KEYS = DAYS.get_partition_keys()
LATER = dt.datetime.now(dt.UTC) + dt.timedelta(days=91)
FAILS = [False]


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run(), code_version="1")
def extract() -> dg.MaterializeResult:
    """By day."""
    if FAILS[0]:
        raise dg.Failure("broken")
    return dg.MaterializeResult(data_version=dg.DataVersion("a"))


@dg.asset(deps=[extract], code_version="1", check_specs=[dg.AssetCheckSpec("is_right", asset="mart")])
def mart() -> dg.MaterializeResult:
    """Of all days."""
    return dg.MaterializeResult(
        data_version=dg.DataVersion("b"), check_results=[dg.AssetCheckResult(passed=True, check_name="is_right")]
    )


SOURCE = dg.AssetSpec("source", partitions_def=DAYS)
DEFS = dg.Definitions([SOURCE, extract, mart])


def run(instance: dg.DagsterInstance, asset: dg.AssetsDefinition, *range_: str) -> str:
    job = DEFS.resolve_implicit_global_asset_job_def()
    tags = parts.range_tags(*range_) if range_ else {}
    options: dict[str, Any] = {"asset_selection": [asset.key], "tags": tags, "raise_on_error": False}
    return str(job.execute_in_process(instance=instance, **options).run_id)


def stale(instance: dg.DagsterInstance) -> list[str | None]:
    graph = DEFS.get_repository_def().asset_graph
    return stale_partitions(instance, graph, extract.key, KEYS) + stale_partitions(instance, graph, mart.key, [None])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "plant")


def test_only_runs_on_which_nothing_depends_go(home: Home) -> None:
    with open_instance(home.dagster) as instance:
        observe(instance, SOURCE.key, dict.fromkeys(KEYS, "1"))
        superseded = run(instance, extract, KEYS[0], KEYS[3])
        partly = run(instance, extract, KEYS[2], KEYS[6])
        run(instance, extract, KEYS[0], KEYS[1])
        run(instance, extract, KEYS[3], KEYS[-1])
        old_mart = run(instance, mart)
        new_mart = run(instance, mart)
        assert stale(instance) == []
        would = retain(instance, home, RULES, now=LATER, is_dry_run=True)
        assert {thing.name for thing in would} == {superseded, old_mart}
        assert len(instance.get_runs()) == 6
        assert retain(instance, home, RULES, now=LATER) == would
        left = {run.run_id for run in instance.get_runs()}
        assert {partly, new_mart} <= left
        assert not {superseded, old_mart} & left
        assert stale(instance) == []
        assert observe(instance, SOURCE.key, dict.fromkeys(KEYS, "1")) == []
        assert retain(instance, home, RULES, now=LATER) == []
    files = {path.name for path in home.dagster.rglob("*.db*")}
    assert not any(name.startswith((superseded, old_mart)) for name in files)
    lines = [json.loads(line) for line in (home.root / RECORD).read_text().splitlines()]
    assert {line["name"] for line in lines} == {superseded, old_mart}
    assert all(line["bytes"] > 0 for line in lines)


def test_young_runs_stay(home: Home) -> None:
    with open_instance(home.dagster) as instance:
        run(instance, mart)
        run(instance, mart)
        assert retain(instance, home, RULES, now=LATER - dt.timedelta(days=2)) == []


def test_a_failed_partition_that_was_not_made_since_still_shows_as_failed(home: Home) -> None:
    with open_instance(home.dagster) as instance:
        FAILS[0] = True
        mended = run(instance, extract, KEYS[0], KEYS[1])
        open_one = run(instance, extract, KEYS[1], KEYS[2])
        FAILS[0] = False
        run(instance, extract, KEYS[0], KEYS[1])
        assert {thing.name for thing in retain(instance, home, RULES, now=LATER)} == {mended}
        assert open_one in {run.run_id for run in instance.get_runs()}


def test_half_written_files_go_when_nobody_has_touched_them_for_days(home: Home) -> None:
    old, young, whole = home.lake / ".a.parquet.7.tmp", home.lake / ".b.parquet.8.tmp", home.lake / "c.parquet"
    making = home.segments / ".making-x" / "press" / "d.parquet"
    segment = home.segments / "day-123" / "quarantine.parquet"
    for file in (old, young, whole, making, segment):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"1234")
    now = dt.datetime.now(dt.UTC)
    ago = (now - dt.timedelta(days=3)).timestamp()
    for file in (old, whole, making, making.parent, making.parent.parent, segment):
        os.utime(file, (ago, ago))
    found = leftovers(home.root, before=now - dt.timedelta(days=2))
    assert {thing.name for thing in found} == {"lake/.a.parquet.7.tmp", "exchange/segments/.making-x"}
    with open_instance(home.dagster) as instance:
        assert retain(instance, home, RULES, now=now) == found
    assert not old.exists()
    assert not making.exists()
    assert young.exists()
    assert whole.exists()
    assert segment.exists()
    assert kept(home)["segments"] == 4
