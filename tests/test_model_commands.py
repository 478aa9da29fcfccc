"""`factory model`: list, approve, reject, rollback, as a person at a terminal uses them."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from factory_assets import governance
from factory_assets.cli import app
from factory_assets.foundation import champions
from factory_assets.foundation.instance import open_instance
from factory_assets.foundation.settings import Site
from factory_assets.foundation.tracking import Tracking, TrainingRecord
from factory_assets.rul import champion
from factory_assets.rul.promotion import Evidence
from tests.plants import make_site
from tests.rul.contenders_made import THRESHOLDS, make

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
CHAMPION = dg.AssetKey("rul_champion")
runner = CliRunner()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A plant with two fleets, and the environment that chooses it."""
    found = make_site(tmp_path)
    monkeypatch.setenv("FACTORY_PLANT", str(found.plant_file))
    monkeypatch.setenv("FACTORY_HOME", str(found.home.root.parent))
    return found


def train(site: Site, sd: float) -> str:
    """A training as `rul_model` leaves it: a folder, recorded in MLflow."""
    folder = make(site.home.models / "north", sd, run_id=None)
    record = TrainingRecord(params={}, metrics={}, curves={}, tags={}, files=[folder / "model.onnx"])
    tracking = Tracking(uri=site.home.mlflow_uri, artifacts=site.home.mlflow_artifacts)
    run_id = tracking.log_training("small-rul", "rul-north", record)
    (folder / champions.RUN_FILE).write_text(run_id)
    return run_id


def judge(site: Site, approval: champion.Approval = "person") -> champion.Decision:
    """As `rul_champion` does it."""
    rivals = champion.rivals_of(site.home, "north")
    history = champions.decisions(champion.record_of(site.home, "north"))
    decision = champion.decide(
        rivals, fleet="north", approval=approval, thresholds=THRESHOLDS, evidence=Evidence(0.001), history=history,
        now=NOW,
    )  # fmt: skip
    if decision.outcome is champion.Outcome.PROMOTED:
        champion.crown(rivals, decision)
    governance.settle(site, decision)
    return decision


def factory(*arguments: str) -> str:
    done = runner.invoke(app, ["model", *arguments], env={"COLUMNS": "250"})
    if done.exception is not None:
        raise done.exception
    return done.output


def aliases(site: Site) -> dict[str, str]:
    from mlflow import MlflowClient

    found = MlflowClient(tracking_uri=site.home.mlflow_uri).get_registered_model("rul-north").aliases
    return {alias: str(version) for alias, version in found.items()}


def materialized(site: Site) -> dg.DagsterInstance:
    """The plant's instance, in which a run made the champion's asset."""
    instance = open_instance(site.home.dagster)

    @dg.asset(name="rul_champion", partitions_def=dg.StaticPartitionsDefinition(["north", "south"]))
    def made() -> dg.MaterializeResult:
        return dg.MaterializeResult(data_version=dg.DataVersion("by a run"))

    assert dg.materialize([made], instance=instance, partition_key="north").success
    return instance


def test_a_challenger_waits_is_approved_and_can_be_rolled_back(site: Site, tmp_path: Path) -> None:
    first = train(site, 3.0)
    assert judge(site).outcome is champion.Outcome.WAITS
    assert aliases(site) == {"challenger": "1"}
    assert "challenger (waits for approval)" in factory("list")
    told = factory("approve", "--fleet", "north", "--reason", "the vibration team agrees")
    assert f"run {first[:8]} is champion now" in told
    assert aliases(site) == {"champion": "1", "challenger": "1"}

    second = train(site, 1.0)
    assert judge(site, "automatic").outcome is champion.Outcome.PROMOTED
    assert aliases(site) == {"champion": "2", "challenger": "2", "previous": "1"}
    with materialized(site) as instance:
        assert f"run {first[:8]} is champion again" in factory("rollback", "--fleet", "north", "--reason", "alarms")
        record = instance.get_latest_data_version_record(CHAMPION, partition_key="north")
        assert record is not None
        assert record.asset_materialization is not None
        assert record.asset_materialization.metadata["outcome"].value == "rolled back"
    assert aliases(site) == {"champion": "1", "challenger": "2", "previous": "2"}

    file = tmp_path / "models.json"
    shown = factory("list", "--json", str(file))
    assert "rolled back" in shown
    assert "alarms" in shown
    north = json.loads(file.read_text())["north"]
    assert (north["champion"]["run_id"], north["previous"]["run_id"]) == (first, second)
    assert [entry["outcome"] for entry in north["decisions"]] == [
        "rolled back", "promoted", "promoted", "waits for approval",
    ]  # fmt: skip
    assert north["decisions"][2]["reason"] == "the vibration team agrees"
    assert json.loads(file.read_text())["south"]["champion"] is None


def test_a_rejected_challenger_leaves_the_champion_and_its_asset_alone(site: Site) -> None:
    run_id = train(site, 3.0)
    judge(site)
    with materialized(site) as instance:
        assert f"run {run_id[:8]} is refused" in factory("reject", "--fleet", "north", "--reason", "new bearings")
        record = instance.get_latest_data_version_record(CHAMPION, partition_key="north")
        assert record is not None
        assert record.asset_materialization is not None
        assert "outcome" not in record.asset_materialization.metadata
    assert not champion.rivals_of(site.home, "north").champion.exists()
    assert judge(site).outcome is champion.Outcome.KEPT
    with pytest.raises(champion.NothingWaitsError):
        factory("approve", "--fleet", "north", "--reason", "after all")


def test_the_warning_that_a_challenger_waits_ends_with_the_approval(site: Site) -> None:
    train(site, 3.0)
    judge(site)
    key = dg.AssetCheckKey(CHAMPION, "challenger_waits")

    def passed(instance: dg.DagsterInstance) -> list[Any]:
        found = instance.event_log_storage.get_asset_check_execution_history(key, limit=5)
        return [record.event.dagster_event.asset_check_evaluation_data.passed for record in found if record.event]

    with open_instance(site.home.dagster) as instance:
        assert list(champion.waiting_fleets(site.home, site.plant.modelled_fleets)) == ["north"]
        factory("approve", "--fleet", "north", "--reason", "fine")
        assert passed(instance) == [True]
        assert instance.get_latest_materialization_event(CHAMPION) is None, "the next run makes it"


@pytest.mark.parametrize("command", ["approve", "reject", "rollback"])
def test_what_cannot_be_done_is_said(site: Site, command: str) -> None:
    for fleet, error in (("west", "west"), ("north", "north")):
        with pytest.raises(Exception, match=error) as caught:
            factory(command, "--fleet", fleet, "--reason", "x")
        assert isinstance(caught.value, champion.FactoryError)


def test_a_fleet_without_a_model_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = {"machine_class": "press", "life": {"state_channel": "machine_state"}}
    found = make_site(tmp_path, fleets=[
        {"name": "north", "units": ["north-*"], "rul": None, **fleet}, {"name": "south", "units": ["south-*"], **fleet},
    ])  # fmt: skip
    monkeypatch.setenv("FACTORY_PLANT", str(found.plant_file))
    with pytest.raises(governance.NoModelError, match="fleet north has no model of remaining life; these have: south"):
        factory("rollback", "--fleet", "north", "--reason", "x")
