"""When people are told: a run failed, a check began to fail without blocking, or an asset is not fresh any more."""

from __future__ import annotations

import json
from collections.abc import Sequence

import dagster as dg
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.events import DagsterEventType

from factory_assets.foundation.alerts import Alert, deliver, load_alert_settings, sinks_of
from factory_assets.foundation.causes import plain_causes
from factory_assets.foundation.partitions import RANGE_END_TAG, RANGE_START_TAG
from factory_assets.foundation.plant import Plant

EVERY_S = 30
FRESHNESS_EVERY_S = 300
PARTITION_TAG = "dagster/partition"


def sensors(plant: Plant) -> list[dg.SensorDefinition]:
    """The alerts of a plant; freshness is expected of a running one alone."""
    found: list[dg.SensorDefinition] = [alert_on_failure(plant), alert_on_warning(plant)]
    return [*found, alert_on_lost_freshness(plant)] if plant.running else found


def alert_on_failure(plant: Plant) -> dg.SensorDefinition:
    """Tells of every run that failed, whoever started it."""

    @dg.run_failure_sensor(
        name="alert_on_failure",
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        monitor_all_code_locations=True,
        description="Tells people of runs that failed, blocking checks included (configs/alerts.yaml).",
    )
    def _sensor(context: dg.RunFailureSensorContext) -> None:
        run = context.dagster_run
        events = context.get_step_failure_events()
        steps = sorted({str(event.step_key) for event in events})
        causes = plain_causes(events) or [str(context.failure_event.message)]
        alert = Alert(
            plant=plant.plant,
            level="failure",
            what=f"run of {', '.join(steps) or run.job_name} failed",
            why="\n".join(causes),
            assets=_assets(context.instance, run, steps),
            partitions=_partitions(run),
            link=_link(run.run_id),
        )
        _tell(alert, context)

    return _sensor


def alert_on_warning(plant: Plant) -> dg.SensorDefinition:
    """Tells of checks that do not block, once, when they begin to fail."""

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="alert_on_warning",
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        monitor_all_code_locations=True,
        description="Tells people of a check that does not block, when it passed before and fails now.",
    )
    def _sensor(context: dg.RunStatusSensorContext) -> None:
        run = context.dagster_run
        for check in _newly_failed(context.instance, run.run_id):
            alert = Alert(
                plant=plant.plant,
                level="warning",
                what=f"check {check.check_name} of {check.asset_key.to_user_string()} fails",
                why="\n".join(f"{name}: {value.value}" for name, value in check.metadata.items()),
                assets=(check.asset_key.to_user_string(),),
                partitions=_partitions(run),
                link=_link(run.run_id),
            )
            _tell(alert, context)

    return _sensor


def alert_on_lost_freshness(plant: Plant) -> dg.SensorDefinition:
    """Tells of assets that are not fresh any more, once each time."""

    @dg.sensor(
        name="alert_on_lost_freshness",
        minimum_interval_seconds=FRESHNESS_EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells people when an asset has not been made for longer than its freshness policy allows.",
    )
    def _sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        before = set(json.loads(context.cursor)) if context.cursor else set()
        now = _not_fresh(context)
        for name in sorted(now - before):
            why = f"{name} has not been made for longer than its freshness policy allows: see its page in the UI"
            _tell(Alert(plant.plant, "failure", f"{name} is not fresh", why, assets=(name,)), context)
        context.update_cursor(json.dumps(sorted(now)))
        return dg.SkipReason(f"not fresh: {', '.join(sorted(now)) or 'none'}")

    return _sensor


def _tell(alert: Alert, context: dg.RunStatusSensorContext | dg.SensorEvaluationContext) -> None:
    deliver(alert, sinks_of(load_alert_settings()), context.log)


def _link(run_id: str) -> str:
    return f"{str(load_alert_settings().ui_url).rstrip('/')}/runs/{run_id}"


def _assets(instance: dg.DagsterInstance, run: dg.DagsterRun, failed_steps: Sequence[str]) -> tuple[str, ...]:
    """The assets that the failed steps should have made; all of the run where it failed outside of its steps."""
    planned = instance.all_logs(run.run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    events = [entry.dagster_event for entry in planned if entry.dagster_event]
    keys = {event.asset_key for event in events if not failed_steps or event.step_key in failed_steps}
    return tuple(sorted(key.to_user_string() for key in keys if key is not None))


def _partitions(run: dg.DagsterRun) -> tuple[str, ...]:
    if RANGE_START_TAG in run.tags:
        return (f"{run.tags[RANGE_START_TAG]} to {run.tags[RANGE_END_TAG]}",)
    return (run.tags[PARTITION_TAG],) if PARTITION_TAG in run.tags else ()


def _newly_failed(instance: dg.DagsterInstance, run_id: str) -> Sequence[dg.AssetCheckEvaluation]:
    found = []
    entries = instance.all_logs(run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
    for entry in entries:
        check = entry.dagster_event.asset_check_evaluation_data if entry.dagster_event else None
        if check is None or check.passed:
            continue
        history = instance.event_log_storage.get_asset_check_execution_history(check.asset_check_key, limit=2)
        earlier = [record for record in history if record.run_id != run_id]
        if not (earlier and earlier[0].status.value == "FAILED"):
            found.append(check)
    return found


def _not_fresh(context: dg.SensorEvaluationContext) -> set[str]:
    if context.repository_def is None:
        return set()
    graph = context.repository_def.asset_graph
    keys = [node.key for node in graph.asset_nodes if node.freshness_policy_or_from_metadata is not None]
    states = context.instance.event_log_storage.get_freshness_state_records(keys)
    return {key.to_user_string() for key, record in states.items() if record.freshness_state is FreshnessState.FAIL}
