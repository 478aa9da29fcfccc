"""Jobs and schedules: what runs by itself, and when. Names the rooms' assets, imports none of them."""

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from factory_assets.foundation import partitions as parts
from factory_assets.foundation.lake import Partition
from factory_assets.foundation.metadata import table
from factory_assets.foundation.planning_settings import PlanningSettings
from factory_assets.foundation.plant import Plant
from factory_assets.foundation.retention import kept
from factory_assets.foundation.settings import Site, load_thresholds
from factory_assets.foundation.upkeep import retain

DAILY_AT = "10 0 * * *"
MARTS_AT = "0 1 * * *"
FORECASTS_AT = "30 1 * * *"
TIMESTAMP_AT = "30 2 * * *"
FLOOR_AT = "*/15 * * * *"
BEFORE_THE_DAY = dt.timedelta(hours=1)
RETENTION_AT = "0 4 * * 0"
ONE_DAY = dt.timedelta(days=1)
LATE_AFTER = dt.timedelta(hours=26)
LOST_AFTER = dt.timedelta(hours=30)


READINGS_JOB = dg.define_asset_job(
    "readings",
    selection=dg.AssetSelection.assets(
        "historian_extract", "clean_reading", "quarantined_reading", "cleaning_ledger", "sensor_table"
    ),
    description="From what the historian holds to sensor tables, for the partitions that are asked for.",
)
MODELS_JOB = dg.define_asset_job(
    "models",
    selection=dg.AssetSelection.groups("rul") - dg.AssetSelection.assets("rul_forecast")
    | dg.AssetSelection.assets("unit_life", "rul_bundle"),
    description="From sensor tables to a bundle that may be released, for one fleet.",
)
FORECASTS_JOB = dg.define_asset_job(
    "forecasts",
    selection=dg.AssetSelection.assets("rul_forecast"),
    description="Forecasts of the units in service, by the champions.",
)
RELEASE_JOB = dg.define_asset_job(
    "release",
    selection=dg.AssetSelection.assets("engine_release", "release_timestamp"),
    description="Publish all bundles as one signed release.",
)
TIMESTAMP_JOB = dg.define_asset_job(
    "timestamp",
    selection=dg.AssetSelection.assets("release_timestamp"),
    description="Sign the release's timestamp anew, and look at the age of all signatures.",
)
MARTS_JOB = dg.define_asset_job(
    "marts",
    selection=dg.AssetSelection.assets("unit_life") | dg.AssetSelection.groups("warehouse"),
    description="Refresh unit lives and the warehouse's marts.",
)
INSPECTION_JOB = dg.define_asset_job(
    "inspection",
    selection=dg.AssetSelection.groups("inspection") - dg.AssetSelection.assets("inspection_verdict")
    | dg.AssetSelection.assets("inspection_onnx", "inspection_bundle"),
    description="From labelled images to a bundle that may be released, for one product.",
)
VERDICTS_JOB = dg.define_asset_job(
    "verdicts",
    selection=dg.AssetSelection.assets("inspection_verdict", "inspection_yield_day", "inspection_defect_pareto"),
    description="Take over what inspection stations handed on, and refresh yield and defects.",
)
PLANNING_JOB = dg.define_asset_job(
    "planning",
    selection=dg.AssetSelection.groups("planning"),
    description="From the ERP's orders and the forecasts to the schedule in force, for one day.",
)


def jobs(site: Site) -> list[dg.JobDefinition | UnresolvedAssetJobDefinition]:
    """All jobs of a plant: those of readings if it has fleets, of models and products if it has them."""
    plant = site.plant
    found: list[dg.JobDefinition | UnresolvedAssetJobDefinition] = []
    found += [READINGS_JOB, MARTS_JOB] if plant.fleets else []
    found += [MODELS_JOB, FORECASTS_JOB] if plant.modelled_fleets else []
    found += [INSPECTION_JOB, VERDICTS_JOB] if plant.products else []
    found += [PLANNING_JOB] if plant.planning else []
    found += [RELEASE_JOB, TIMESTAMP_JOB] if plant.releases_something else []
    return [*found, retention_job(site)]


def schedules(site: Site) -> list[dg.ScheduleDefinition]:
    """What runs by itself; readings and marts in a running plant alone, for an archive does not change."""
    found = [_weekly_retention()]
    if site.plant.releases_something:
        found.append(_daily_timestamp(site))
    if site.plant.running and site.plant.fleets:
        found.append(_daily_marts(site.plant))
    if site.plant.running and site.plant.modelled_fleets:
        found.append(_daily_forecasts(site))
    if site.plant.planning:
        found.append(_daily_plan(site.plant, site.plant.planning))
    if site.plant.simulator and site.plant.fleets:
        found.append(_daily_simulation())
    if site.plant.simulator and site.plant.planning:
        found.append(_simulated_floor(site.plant.planning))
    return found


def nightly_freshness(plant: Plant) -> dg.FreshnessPolicy | None:
    """What a running plant makes every night is late after 26 hours, lost after 30; of an archive nothing is asked."""
    return dg.FreshnessPolicy.time_window(fail_window=LOST_AFTER, warn_window=LATE_AFTER) if plant.running else None


def retention_job(site: Site) -> dg.JobDefinition:
    """Removes what may go (`foundation.retention`), and shows what went and what stays."""

    @dg.op(name="remove_what_may_go", description="Old runs and half-written files; see docs/runbooks/operations.md.")
    def _remove(context: dg.OpExecutionContext) -> None:
        rules = load_thresholds().retention
        removed = retain(context.instance, site.home, rules, now=dt.datetime.now(dt.UTC))
        frame = pl.DataFrame(
            removed, schema={"kind": pl.String, "name": pl.String, "why": pl.String, "bytes": pl.Int64}
        )
        context.add_output_metadata(
            {
                "removed": len(removed),
                "freed_bytes": sum(thing.bytes for thing in removed),
                "things": table(frame),
                "kept_bytes": dg.MetadataValue.json(kept(site.home)),
            }
        )

    @dg.job(name="retention", description="Removes old runs and half-written files, never data.")
    def _job() -> None:
        _remove()

    return _job


def _daily_timestamp(site: Site) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="daily_timestamp",
        job=TIMESTAMP_JOB,
        cron_schedule=TIMESTAMP_AT,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Signs the release's timestamp anew every night; without it edges stop trusting the release.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if not (site.home.releases / "metadata" / "timestamp.json").is_file():
            return dg.SkipReason("nothing has been released yet")
        return dg.RunRequest(run_key=f"timestamp {context.scheduled_execution_time.date().isoformat()}")

    return _schedule


def _weekly_retention() -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name="weekly_retention",
        job_name="retention",
        cron_schedule=RETENTION_AT,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Removes old runs and half-written files every Sunday.",
    )


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


def _daily_forecasts(site: Site) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="daily_forecasts",
        job=FORECASTS_JOB,
        cron_schedule=FORECASTS_AT,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="What is left of every unit's life at the end of the day, once unit lives are up to date.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        day = (context.scheduled_execution_time.date() - ONE_DAY).isoformat()
        ready = [fleet for fleet in site.plant.modelled_fleets if (site.home.champions / fleet).is_dir()]
        if not ready:
            yield dg.SkipReason("no fleet has a champion yet")
        for fleet in ready:
            yield dg.RunRequest(run_key=f"{day} {fleet}", partition_key=parts.to_key(Partition(fleet, day)))

    return _schedule


def _daily_plan(plant: Plant, settings: PlanningSettings) -> dg.ScheduleDefinition:
    before = dt.datetime.combine(plant.start or dt.date.min, settings.day_begins) - BEFORE_THE_DAY
    is_eve = before.time() > settings.day_begins  # a day that begins shortly after midnight is planned before it

    @dg.schedule(
        name="daily_plan",
        job=PLANNING_JOB,
        cron_schedule=f"{before.minute} {before.hour} * * *",
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Reads the orders and makes the day's schedule, an hour before the day begins at the plant.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        at = context.scheduled_execution_time.astimezone(ZoneInfo(settings.timezone))
        day = (at.date() + (ONE_DAY if is_eve else dt.timedelta(0))).isoformat()
        return dg.RunRequest(run_key=f"plan {day}", partition_key=day)

    return _schedule


def _simulated_floor(settings: PlanningSettings) -> dg.ScheduleDefinition:
    job = dg.define_asset_job("simulate_floor", selection=dg.AssetSelection.assets("reference_erp"))

    @dg.schedule(
        name="simulated_floor",
        job=job,
        cron_schedule=FLOOR_AT,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="The simulated shop floor works on its dispatch list, and tells the ERP.",
    )
    def _schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        at = context.scheduled_execution_time
        return dg.RunRequest(run_key=at.isoformat(), partition_key=settings.day_of(at).isoformat())

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
