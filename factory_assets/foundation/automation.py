"""Jobs and schedules: what runs by itself, and when. Names the rooms' assets, imports none of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import dagster as dg

from factory_assets.foundation.plant import Plant

DAILY_AT = "10 0 * * *"
MARTS_AT = "0 1 * * *"
ONE_DAY = dt.timedelta(days=1)


READINGS_JOB = dg.define_asset_job(
    "readings",
    selection=dg.AssetSelection.assets(
        "historian_extract", "clean_reading", "quarantined_reading", "cleaning_ledger", "sensor_table"
    ),
    description="From what the historian holds to sensor tables, for the partitions that are asked for.",
)
MODELS_JOB = dg.define_asset_job(
    "models",
    selection=dg.AssetSelection.groups("rul") | dg.AssetSelection.assets("unit_life", "rul_onnx", "rul_bundle"),
    description="From sensor tables to a bundle that may be released, for one fleet.",
)
RELEASE_JOB = dg.define_asset_job(
    "release",
    selection=dg.AssetSelection.assets("engine_release"),
    description="Publish all bundles as one signed release.",
)
MARTS_JOB = dg.define_asset_job(
    "marts",
    selection=dg.AssetSelection.assets("unit_life") | dg.AssetSelection.groups("warehouse"),
    description="Refresh unit lives and the warehouse's marts.",
)
JOBS = (READINGS_JOB, MODELS_JOB, RELEASE_JOB, MARTS_JOB)


def schedules(plant: Plant) -> list[dg.ScheduleDefinition]:
    """What runs daily in a running plant; an archive does not change by itself."""
    if not plant.running:
        return []
    return [_daily_marts(plant), *([_daily_simulation()] if plant.simulator else [])]


def _daily_marts(plant: Plant) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="daily_marts",
        job=MARTS_JOB,
        cron_schedule=MARTS_AT,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Unit lives of every fleet, then the warehouse, every night.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        night = context.scheduled_execution_time.date().isoformat()
        for fleet in plant.fleet_names:
            lives = [dg.AssetKey("unit_life")]
            yield dg.RunRequest(run_key=f"{night} {fleet}", partition_key=fleet, asset_selection=lives)
        marts = sorted(dg.AssetSelection.groups("warehouse").resolve(context.repository_def.asset_graph))
        yield dg.RunRequest(run_key=f"{night} marts", asset_selection=marts)

    return _schedule


def _daily_simulation() -> dg.ScheduleDefinition:
    job = dg.define_asset_job("simulate_day", selection=dg.AssetSelection.assets("reference_plant"))

    @dg.schedule(
        name="daily_simulation",
        job=job,
        cron_schedule=DAILY_AT,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="The simulated factory writes the day that has just ended.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        yesterday = context.scheduled_execution_time.date() - ONE_DAY
        return dg.RunRequest(run_key=yesterday.isoformat(), partition_key=yesterday.isoformat())

    return _schedule
