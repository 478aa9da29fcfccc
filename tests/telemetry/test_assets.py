"""The readings of a small plant, through Dagster, as `factory materialize` runs them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from factory_assets.foundation import partitions as parts
from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.runs import RunFailedError, Scope, refresh
from factory_assets.foundation.settings import Site
from factory_assets.foundation.staleness import observe
from factory_assets.historian import assets as historian
from factory_assets.historian import segments
from factory_assets.telemetry import assets as telemetry
from tests.plants import START, day_of_readings, drop, make_site

ONE_DAY = dt.timedelta(days=1)
PER_DAY = ["historian_extract", "clean_reading, cleaning_ledger, quarantined_reading", "sensor_table"]


class Bench:
    """A plant with a Dagster instance of its own."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.lake = Lake(site.home.lake)
        self.instance = dg.DagsterInstance.ephemeral()

    def refresh(self) -> list[tuple[str, int]]:
        """What was run: (assets, partitions)."""
        site = self.site
        defs = dg.Definitions(
            [*historian.assets(site), *telemetry.assets(site)],
            resources={"lake": LakeResource(root=str(self.lake.root))},
        )

        def scope() -> Scope:
            segments.collect(site, now=dt.datetime.now(dt.UTC))
            contents = segments.contents(site.home.segments)
            versions = {parts.to_key(p): segments.source_version(m) for p, m in contents.items()}
            observe(self.instance, dg.AssetKey("historian_source"), versions)
            return Scope(readings=sorted(contents, key=str), fleets=site.plant.fleet_names)

        done = refresh(defs, self.instance, site.plant, scope)
        return [(", ".join(progress.assets), progress.partitions) for progress in done.executed]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    site = make_site(tmp_path)
    for n in range(4):
        day = START + n * ONE_DAY
        drop(
            site,
            f"{day}.csv",
            [line for unit in ("north-1", "south-1") for line in day_of_readings(unit, day)],
        )
    return Bench(site)


def test_all_days_and_fleets_go_in_one_run_an_asset(bench: Bench) -> None:
    executed = bench.refresh()
    assert [(names, n) for names, n in executed if names in PER_DAY] == [(names, 8) for names in PER_DAY]
    table = bench.lake.read_fleet("sensor_table", "north")
    assert table.height == 4 * 24
    assert bench.lake.read("unit_life", Partition("south"))["n_cycles"].to_list() == [4 * 24]


def test_what_has_not_changed_is_not_done_again(bench: Bench) -> None:
    bench.refresh()
    assert bench.refresh() == []


def test_a_late_file_reopens_its_day_and_the_next_for_its_fleet_alone(bench: Bench) -> None:
    bench.refresh()
    drop(bench.site, "late.csv", day_of_readings("north-2", START + ONE_DAY))
    assert dict(bench.refresh()) == {PER_DAY[0]: 1, PER_DAY[1]: 2, PER_DAY[2]: 2, "unit_life": 1}


def test_a_file_that_changes_nothing_stops_the_work_where_nothing_changed(bench: Bench) -> None:
    bench.refresh()
    again = day_of_readings("north-1", START)
    drop(bench.site, "again.csv", again)
    bench.refresh()
    drop(bench.site, "and-again.csv", again[:5])
    executed = dict(bench.refresh())
    assert "historian_extract" in executed
    assert "sensor_table" not in executed


def test_checks_are_recorded_with_what_was_run(bench: Bench) -> None:
    bench.refresh()
    summary = bench.instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [dg.AssetCheckKey(dg.AssetKey("clean_reading"), "readings_are_conserved")]
    )
    (record,) = summary.values()
    assert record.status.value == "SUCCEEDED"


def test_a_broken_contract_stops_what_follows(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from factory_assets.telemetry import sensor_table

    honest = sensor_table.sensor_table
    monkeypatch.setattr(
        sensor_table, "sensor_table", lambda *a, **k: honest(*a, **k).with_columns(load_pct=pl.lit(-500.0))
    )
    with pytest.raises(RunFailedError, match="contract of sensor_table failed"):
        bench.refresh()
    assert not bench.lake.partitions("unit_life", "north")
    with pytest.raises(RunFailedError, match="contract of sensor_table failed"):
        bench.refresh()
    assert not bench.lake.partitions("unit_life", "north")
    monkeypatch.undo()
    assert "unit_life" in dict(bench.refresh())


def test_a_rerun_gives_the_same_bytes(bench: Bench) -> None:
    bench.refresh()
    before = {path: path.read_bytes() for path in bench.lake.root.rglob("*.parquet")}
    bench.instance.wipe()
    assert bench.refresh()
    assert {path: path.read_bytes() for path in bench.lake.root.rglob("*.parquet")} == before


def test_a_new_day_reaches_the_lives_however_long_the_history_is(tmp_path: Path) -> None:
    """Dagster itself answers "fresh" for an asset with a hundred upstream partitions or more."""
    start = dt.date(2026, 1, 1)
    site = make_site(tmp_path, start=start.isoformat())
    history = [line for n in range(104) for line in day_of_readings("north-1", start + n * ONE_DAY, hours=range(2))]
    drop(site, "history.csv", history)
    bench = Bench(site)
    assert dict(bench.refresh())["sensor_table"] == 104
    assert bench.refresh() == []
    drop(site, "new.csv", day_of_readings("north-1", start + 104 * ONE_DAY, hours=range(2)))
    assert dict(bench.refresh())["unit_life"] == 1
    assert bench.lake.read("unit_life", Partition("north"))["n_cycles"].to_list() == [105 * 2]
