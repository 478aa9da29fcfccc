"""How the dbt project shows in Dagster: keys, checks, versions, and what a broken input does."""

from __future__ import annotations

import dagster as dg
import pytest

from factory_assets.foundation.lake import Partition, sha256_file
from factory_assets.warehouse.assets import telemetry_marts
from tests.warehouse.lakes import Built

MARTS = {"machine_health_day", "channel_coverage", "failure_history"}


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
    assert {key.to_user_string() for key in marts.keys} == MARTS
    inputs = {dep.asset_key.to_user_string() for spec in marts.specs for dep in spec.deps}
    assert inputs == {"clean_reading", "quarantined_reading", "channel_catalogue", "unit_life"}
    of_checks = {dep.asset_key.to_user_string() for spec in marts.check_specs for dep in spec.additional_deps}
    assert of_checks == {"cleaning_ledger", "channel_catalogue", "unit_life"}


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
