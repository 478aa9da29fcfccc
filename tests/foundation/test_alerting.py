"""When alerts go out, with real runs on an instance of their own."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

from factory_assets.foundation import alerting
from factory_assets.foundation import partitions as parts
from factory_assets.foundation.alerts import Alert
from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.instance import open_instance
from factory_assets.foundation.plant import Plant
from factory_assets.foundation.retries import retried_if_it_may_pass
from factory_assets.foundation.settling import failed_partitions, settled
from tests.plants import plant_dict

PLANT = Plant.model_validate(plant_dict())
DAYS = dg.DailyPartitionsDefinition("2026-09-01")
LATER = "2026-09-01", "2026-09-30"
WARNS = [True]


class MendableError(FactoryError):
    """An error with a message for people."""


@dg.asset
@retried_if_it_may_pass
def broken() -> None:
    """Fails with an expected error."""
    msg = "historian/day.csv, line 3: no such tag X: add it to aliases"
    raise MendableError(msg)


@dg.asset(
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    check_specs=[dg.AssetCheckSpec("contract", asset="refused", blocking=True)],
)
def refused() -> Any:
    """Two of its days break the contract."""
    reasons = {"2026-09-03": "value: 7 is above 4", "2026-09-05": "no rows"}
    check = dg.AssetCheckResult(passed=False, check_name="contract", metadata=failed_partitions(reasons))
    yield from settled(dg.MaterializeResult(check_results=[check]))


@dg.asset(
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=dt.timedelta(days=1)),
    check_specs=[dg.AssetCheckSpec("is_young", asset="doubtful")],
)
def doubtful() -> dg.MaterializeResult:
    """Its check does not block."""
    check = dg.AssetCheckResult(
        passed=not WARNS[0], check_name="is_young", severity=dg.AssetCheckSeverity.WARN, metadata={"role": "root"}
    )
    return dg.MaterializeResult(check_results=[check])


DEFS = dg.Definitions([broken, refused, doubtful])


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Alert]:
    """Alerts that went out."""
    sent: list[Alert] = []
    monkeypatch.setattr(alerting, "deliver", lambda alert, _sinks, _log: sent.append(alert))
    return sent


def run(instance: dg.DagsterInstance, asset: dg.AssetsDefinition, **options: Any) -> Any:
    job = DEFS.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(asset_selection=[asset.key], instance=instance, raise_on_error=False, **options)


def tick(instance: dg.DagsterInstance, sensor: dg.SensorDefinition, cursor: str | None = None) -> str | None:
    context = dg.build_sensor_context(instance=instance, cursor=cursor, repository_def=DEFS.get_repository_def())
    return sensor.evaluate_tick(context).cursor


def test_a_failed_run_is_told_once_in_plain_words_with_its_link(tmp_path: Path, told: list[Alert]) -> None:
    with open_instance(tmp_path) as instance:
        sensor = alerting.alert_on_failure(PLANT)
        cursor = tick(instance, sensor)
        failed = run(instance, broken)
        cursor = tick(instance, sensor, cursor)
        tick(instance, sensor, cursor)
    (alert,) = told
    assert alert.plant == "small"
    assert alert.level == "failure"
    assert alert.assets == ("broken",)
    assert alert.why == "historian/day.csv, line 3: no such tag X: add it to aliases"
    assert alert.link == f"http://127.0.0.1:3000/runs/{failed.run_id}"


def test_a_refused_range_names_the_partitions_that_failed(tmp_path: Path, told: list[Alert]) -> None:
    with open_instance(tmp_path) as instance:
        sensor = alerting.alert_on_failure(PLANT)
        cursor = tick(instance, sensor)
        failed = run(instance, refused, tags=parts.range_tags(*LATER))
        tick(instance, sensor, cursor)
        assert instance.get_latest_materialization_event(refused.key) is None
    (alert,) = told
    assert alert.partitions == ("2026-09-01 to 2026-09-30",)
    assert "2 partitions failed" in alert.why
    assert "2026-09-03: value: 7 is above 4" in alert.why
    assert "2026-09-05: no rows" in alert.why
    data = next(event for event in failed.all_events if event.is_step_failure).step_failure_data
    assert set(data.user_failure_data.metadata["failed_partitions"].value) == {"2026-09-03", "2026-09-05"}


def test_a_warning_is_told_when_it_begins_and_when_it_comes_back(tmp_path: Path, told: list[Alert]) -> None:
    with open_instance(tmp_path) as instance:
        sensor = alerting.alert_on_warning(PLANT)
        cursor = tick(instance, sensor)
        counts = []
        for WARNS[0] in (False, True, True, False, True):
            assert run(instance, doubtful).success
            cursor = tick(instance, sensor, cursor)
            counts.append(len(told))
    assert counts == [0, 1, 1, 1, 2]
    assert told[0].level == "warning"
    assert told[0].what == "check is_young of doubtful fails"
    assert told[0].why == "role: root"


def test_lost_freshness_is_told_once_each_time(tmp_path: Path, told: list[Alert]) -> None:
    def becomes(instance: dg.DagsterInstance, state: FreshnessState) -> None:
        change = FreshnessStateChange(
            key=doubtful.key, new_state=state, previous_state=FreshnessState.UNKNOWN, state_change_timestamp=0.0
        )
        instance._report_runless_asset_event(change)

    with open_instance(tmp_path) as instance:
        sensor = alerting.alert_on_lost_freshness(PLANT)
        cursor, counts = None, []
        for state in (FreshnessState.PASS, FreshnessState.FAIL, FreshnessState.FAIL, FreshnessState.PASS):
            becomes(instance, state)
            cursor = tick(instance, sensor, cursor)
            counts.append(len(told))
        becomes(instance, FreshnessState.FAIL)
        tick(instance, sensor, cursor)
    assert counts == [0, 1, 1, 1]
    assert len(told) == 2
    assert told[0].assets == ("doubtful",)
    assert json.loads(cursor or "") == []


def test_freshness_is_expected_of_running_plants_alone() -> None:
    archive = Plant.model_validate(plant_dict(running=False, start=None))
    names = [sensor.name for sensor in alerting.sensors(archive)]
    assert names == ["alert_on_failure", "alert_on_warning"]
    assert len(alerting.sensors(PLANT)) == 3


def test_a_run_of_a_job_names_the_assets_of_its_failed_steps_alone(tmp_path: Path, told: list[Alert]) -> None:
    job = dg.Definitions([broken, doubtful], jobs=[dg.define_asset_job("both")]).resolve_job_def("both")
    with open_instance(tmp_path) as instance:
        sensor = alerting.alert_on_failure(PLANT)
        cursor = tick(instance, sensor)
        job.execute_in_process(instance=instance, raise_on_error=False)
        tick(instance, sensor, cursor)
    assert [alert.assets for alert in told] == [("broken",)]
