"""How the dbt project shows in Dagster: keys, checks, versions, and what a broken input does."""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from factory_assets.foundation.lake import Lake, Partition, sha256_file
from factory_assets.foundation.settings import Home
from factory_assets.warehouse.assets import telemetry_marts
from tests.warehouse.lakes import FLEET_DAYS, MARTS, Built, runner


def data_version(built: Built, mart: str) -> str:
    record = built.instance.get_latest_data_version_record(dg.AssetKey(mart))
    assert record is not None
    assert record.asset_materialization is not None
    assert record.asset_materialization.tags is not None
    return record.asset_materialization.tags["dagster/data_version"]


@pytest.fixture(scope="session")
def marts(manifest: object) -> dg.AssetsDefinition:
    return telemetry_marts()


def test_marts_are_the_assets_and_tables_of_other_rooms_their_inputs(marts: dg.AssetsDefinition) -> None:
    assert {key.to_user_string() for key in marts.keys} == set(MARTS)
    inputs = {dep.asset_key.to_user_string() for spec in marts.specs for dep in spec.deps}
    tables = {"clean_reading", "quarantined_reading", "channel_catalogue", "unit_life"}
    assert inputs == tables | {"fleet_catalogue", "channel_tag"}
    of_checks = {dep.asset_key.to_user_string() for spec in marts.check_specs for dep in spec.additional_deps}
    assert of_checks >= {"cleaning_ledger", "channel_catalogue", "unit_life", "historian_extract"}


def test_every_mart_says_what_it_is(marts: dg.AssetsDefinition) -> None:
    for spec in marts.specs:
        assert spec.group_name == "warehouse"
        assert spec.owners == ["team:data-engineering"]
        assert spec.description
        assert "select" not in spec.description.lower()
        schema = spec.metadata["dagster/column_schema"]
        assert all(column.description for column in schema.columns)


@pytest.mark.parametrize("plant", ["running", "archive"])
def test_all_tests_run_as_checks_and_pass(
    plant: str, marts: dg.AssetsDefinition, request: pytest.FixtureRequest
) -> None:
    built: Built = request.getfixturevalue(plant)
    assert built.result.success
    assert set(built.checks()) == {spec.name for spec in marts.check_specs}
    assert all(built.checks().values())


def test_only_a_failed_run_leaves_artefacts(silent: Built) -> None:
    assert not list((silent.home.root / "dbt").iterdir())


def test_a_mart_tells_its_rows_and_its_version_is_its_bytes(running: Built) -> None:
    for mart in MARTS:
        metadata = running.instance.get_latest_materialization_event(dg.AssetKey(mart)).asset_materialization.metadata
        assert metadata["dagster/row_count"].value == running.lake.read(mart).height
        assert data_version(running, mart) == sha256_file(running.lake.path(mart))
        page, _, fragment = str(metadata["dbt_docs"].value).partition("#")
        assert Path(page.removeprefix("file://")).is_file()
        assert fragment == f"!/model/model.factory.{mart}"


BROKEN = {
    "downtime": ["stops_do_not_overlap", "downtime_and_running_fit_into_time", "failed_lives_end_in_a_stop"],
    "training_set_candidates": ["fit_lives_really_failed", "every_life_is_a_candidate"],
    "channel_coverage": [
        "channels_have_no_more_than_was_extracted",
        "reasons_add_up_to_quarantine",
        "channel_coverage_shares_are_shares",
    ],
}


def test_marts_that_cannot_be_true_fail_their_checks(running: Built, tmp_path: Path) -> None:
    home = Home(tmp_path / "broken")
    shutil.copytree(running.home.root, home.root)
    lake = Lake(home.lake)
    stops = lake.read("downtime")
    # The first stop of north-3, the failure of its first life, becomes a plain one that outlasts the second.
    is_first = (pl.col("unit_id") == "north-3") & (pl.col("stop_number") == 1)
    later = pl.col("to_ts_utc") + pl.duration(hours=9)
    lake.write(
        "downtime",
        stops.with_columns(
            kind=pl.when(is_first).then(pl.lit("stopped")).otherwise("kind"),
            to_ts_utc=pl.when(is_first).then(later).otherwise("to_ts_utc"),
            hours=pl.when(is_first).then(10.0).otherwise("hours"),
        ).filter(~((pl.col("unit_id") == "north-3") & (pl.col("stop_number") == 3))),
    )
    candidates = lake.read("training_set_candidates")
    lake.write(
        "training_set_candidates",
        candidates.filter(pl.col("ended_by") != "overhaul").with_columns(is_fit=pl.col("ended_by") == "open"),
    )
    coverage = lake.read("channel_coverage")
    lake.write(
        "channel_coverage",
        coverage.with_columns(n_judged=pl.col("n_judged") + 5, n_spike=pl.lit(1, pl.Int64), accepted_share=pl.lit(1.5)),
    )
    checks = [dg.AssetCheckKey(dg.AssetKey(mart), check) for mart, names in BROKEN.items() for check in names]
    result = runner(home, FLEET_DAYS, dg.DagsterInstance.ephemeral())(dg.AssetSelection.checks(*checks))
    passed = {found.check_name: found.passed for found in result.get_asset_check_evaluations()}
    assert passed == {check.name: False for check in checks}


def test_one_mart_alone_gives_the_same_version_and_a_broken_ledger_fails_its_check(archive: Built) -> None:
    before = data_version(archive, "failure_history")
    path = archive.lake.path("cleaning_ledger", Partition("FD001"))
    kept = path.read_bytes()
    ledger = archive.lake.read("cleaning_ledger", Partition("FD001"))
    check = dg.AssetCheckKey(dg.AssetKey("machine_health_day"), "machine_health_day_adds_up_to_ledger")
    try:
        archive.lake.write("cleaning_ledger", ledger.with_columns(accepted=ledger["accepted"] + 1), Partition("FD001"))
        result = archive.run(dg.AssetSelection.assets("failure_history") | dg.AssetSelection.checks(check))
    finally:
        path.write_bytes(kept)
    assert not result.success
    evaluations = {found.check_name: found.passed for found in result.get_asset_check_evaluations()}
    assert evaluations.pop("machine_health_day_adds_up_to_ledger") is False
    assert evaluations
    assert all(evaluations.values())
    assert [event.asset_key for event in result.get_asset_materialization_events()] == [dg.AssetKey("failure_history")]
    assert data_version(archive, "failure_history") == before
