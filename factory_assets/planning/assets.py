"""Assets of room 7: what the ERP asks for, maintenance windows, the day's schedule, and its way back to the floor."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import dagster as dg
import polars as pl

from factory_assets.foundation import partitions as parts
from factory_assets.foundation.lake import Partition
from factory_assets.foundation.metadata import DATA_TEAM, picture, table, written
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.retries import RETRY, retried_if_it_may_pass
from factory_assets.foundation.runs import PLANNED_DAYS
from factory_assets.foundation.settings import Site
from factory_assets.foundation.settling import Settled, settled
from factory_assets.foundation.versions import code_version
from factory_assets.planning import (
    checks,
    day_tables,
    forecasts,
    intake,
    planner,
    problem,
    publishing,
    rescheduling,
    schema,
    solving,
    stored,
)
from factory_assets.planning.checking.checker import violations
from factory_assets.planning.erp import calendars, dispatch, orders, reading, routings, writing
from factory_assets.planning.incumbent import Progress
from factory_assets.planning.showing import gantt, reports
from factory_assets.planning.upkeep import life_distribution, open_time, risk, windows

GROUP = "planning"
SOURCE = "erp"
SIMULATOR = "reference_erp"
TAGS = {PLANNED_DAYS: "true"}


class ScheduleConfig(dg.Config):
    """How a run makes the schedule."""

    anew: bool = False
    """Place all tasks anew that are neither begun nor frozen, though the day has a schedule already."""


def assets(site: Site) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets of this room for one plant; none if its file has no section `planning`."""
    if site.plant.planning is None:
        return []
    return [erp(site), order_book(site), maintenance_window(site), daily_schedule(site), dispatch_list(site)]


def erp(site: Site) -> dg.AssetSpec:
    """The plant's ERP: observed; what the platform writes into it is `dispatch_list`."""
    return dg.AssetSpec(
        SOURCE,
        deps=[SIMULATOR] if site.plant.simulator else [],
        partitions_def=parts.planned_days(site.plant),
        group_name=GROUP,
        kinds={"sql"},
        owners=DATA_TEAM,
        description="Orders, routings, calendars, stock and what the floor reports, in the ERP's database.",
    )


def order_book(site: Site) -> dg.AssetsDefinition:
    """What the ERP hands over for a day."""
    settings = intake.settings_of(site)
    common: dict[str, Any] = {
        "deps": [SOURCE],
        "partitions_def": parts.planned_days(site.plant),
        "group_name": GROUP,
        "kinds": {"sql", "parquet"},
        "owners": DATA_TEAM,
        "tags": TAGS,
        "code_version": code_version(intake, reading, orders, routings, calendars, schema, settings=[settings]),
    }

    @dg.multi_asset(
        name="erp_extract",
        specs=[
            dg.AssetSpec("order_book", description="Every open order, with what is left of it to do.", **common),
            dg.AssetSpec(
                "operation_report", description="What the floor says of operations, begun and done.", **common
            ),
        ],
        check_specs=checks.ORDER_BOOK_CHECKS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
    )
    @retried_if_it_may_pass
    def _order_book(context: dg.AssetExecutionContext, lake: LakeResource) -> Settled:
        books, overdue, pieces = {}, {}, []
        for day in context.partition_keys:
            date = dt.date.fromisoformat(day)
            taken = intake.read(site, date, intake.moment_of(site, date, dt.datetime.now(dt.UTC)))
            pieces.append(day_tables.write_intake(lake.get(), site.plant.plant, day, taken))
            books[day], overdue[day] = taken.order_book, taken.overdue_deliveries
            context.add_asset_metadata(_of_intake(taken), asset_key="order_book", partition_key=day)
        results = [checks.orders_can_be_planned(books), checks.deliveries_are_not_overdue(overdue)]
        metadata, version = written([one.order_book for one in pieces], schema.ORDER_BOOK, schema.ORDER_BOOK_COLUMNS)
        # What is planned follows from the problem, not from what is shown of it.
        version = dg.DataVersion("".join(one.problem_version for one in pieces))
        yield from settled(
            dg.MaterializeResult("order_book", metadata=metadata, data_version=version, check_results=results),
            context=context,
        )
        metadata, version = written(
            [one.operation_report for one in pieces], schema.OPERATION_REPORT, schema.OPERATION_REPORT_COLUMNS
        )
        yield dg.MaterializeResult("operation_report", metadata=metadata, data_version=version)

    return _order_book


def maintenance_window(site: Site) -> dg.AssetsDefinition:
    """When maintenance of which machine costs how much, from the forecasts of remaining life."""
    plant, settings = site.plant, intake.settings_of(site)
    deps: list[Any] = ["order_book"]
    if settings.maintenance:
        # The newest forecasts before the day; Dagster has no mapping that says so.
        deps.append(dg.AssetDep("rul_forecast", partition_mapping=dg.AllPartitionMapping()))

    @dg.asset(
        name="maintenance_window",
        deps=deps,
        partitions_def=parts.planned_days(plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        group_name=GROUP,
        kinds={"polars", "parquet"},
        owners=DATA_TEAM,
        tags=TAGS,
        code_version=code_version(forecasts, life_distribution, open_time, risk, windows, schema, settings=[settings]),
        description=(
            "For each machine that may fail within the horizon: what it costs to begin its maintenance at each time, "
            "from the distribution of its remaining life. The schedule weighs this against orders that come late."
        ),
    )
    @retried_if_it_may_pass
    def _maintenance_window(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        pieces = []
        for day in context.partition_keys:
            asked = day_tables.erp_day(lake.get(), day)
            found = forecasts.weigh(lake.get(), site, day, asked.problem, asked.maintained_machines)
            pieces.append(lake.get().write("maintenance_window", found.windows.rows, Partition(day=day)))
            context.add_asset_metadata(_of_windows(found), partition_key=day)
        metadata, version = written(pieces, schema.MAINTENANCE_WINDOW, schema.MAINTENANCE_WINDOW_COLUMNS)
        return dg.MaterializeResult(metadata=metadata, data_version=version)

    return _maintenance_window


def daily_schedule(site: Site) -> dg.AssetsDefinition:
    """The schedule that the shop runs."""
    plant, settings = site.plant, intake.settings_of(site)

    @dg.asset(
        name="daily_schedule",
        deps=["order_book", "maintenance_window"],
        partitions_def=parts.planned_days(plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        group_name=GROUP,
        kinds={"ortools", "parquet"},
        owners=DATA_TEAM,
        tags=TAGS,
        code_version=code_version(planner, solving, rescheduling, problem, stored, schema, settings=[settings]),
        check_specs=checks.SCHEDULE_CHECKS,
        description=(
            "Operations and maintenance in their places, with what they cost, the proven bound, loads, and late "
            "orders with the reason why. In the morning it is made for the day; when the floor has changed it is made "
            "anew, and little moves. If nothing keeps to everything, the run fails, says why, and the last one stays."
        ),
    )
    @retried_if_it_may_pass
    def _daily_schedule(context: dg.AssetExecutionContext, config: ScheduleConfig, lake: LakeResource) -> Settled:
        there = lake.get()
        found, broken, late, summaries = [], {}, {}, {}
        for day in context.partition_keys:
            made = day_tables.plan_of_day(there, site, day, anew=config.anew, on_progress=_told(context))
            broken[day] = violations(made.problem, made.schedule)
            late[day] = reports.late_orders(made.problem, made.schedule)
            if not broken[day]:
                written_day = day_tables.write_plan(there, plant.plant, day, made, dt.datetime.now(dt.UTC))
                found.append(written_day.schedule)
                summaries[day] = written_day.summary
                context.add_asset_metadata(_of_plan(site, day, made, written_day.summary), partition_key=day)
        metadata, version = written(found, schema.DAILY_SCHEDULE, schema.DAILY_SCHEDULE_COLUMNS)
        results = [
            checks.keeps_to_everything(broken),
            checks.orders_are_on_time(late),
            checks.few_tasks_moved(summaries),
        ]
        yield from settled(
            dg.MaterializeResult(metadata=metadata, data_version=version, check_results=results), context=context
        )

    return _daily_schedule


def dispatch_list(site: Site) -> dg.AssetsDefinition:
    """The schedule where the floor reads it."""
    plant = site.plant

    @dg.asset(
        name="dispatch_list",
        deps=["daily_schedule"],
        partitions_def=parts.planned_days(plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        group_name=GROUP,
        kinds={"sql"},
        owners=DATA_TEAM,
        tags=TAGS,
        code_version=code_version(publishing, dispatch, writing, settings=[intake.settings_of(site)]),
        check_specs=checks.DISPATCH_CHECKS,
        description=(
            "The newest schedule in the ERP's dispatch list and maintenance work orders, in one transaction, and as "
            "CSV and B2MML. The same schedule twice changes nothing; an older day's never takes a newer one's place."
        ),
    )
    @retried_if_it_may_pass
    def _dispatch_list(context: dg.AssetExecutionContext, lake: LakeResource) -> Settled:
        there, database = lake.get(), intake.database_of(site)
        newest = there.days("daily_schedule")[-1]
        ids = {}
        for day in context.partition_keys:
            if day != newest:
                context.log.warning("%s is not handed over: the schedule of %s is newer", day, newest)
                continue
            handed = day_tables.dispatch_of_day(there, day)
            done = publishing.publish(database, handed, site.home.schedules / day, dt.datetime.now(dt.UTC))
            ids[day] = handed.schedule_id
            context.add_asset_metadata(_of_dispatch(done), partition_key=day)
        held = writing.schedule_in_force_id(database)
        result: dg.MaterializeResult = dg.MaterializeResult(
            metadata={"erp": database.shown},
            data_version=dg.DataVersion(held or "none"),
            check_results=[checks.erp_holds_the_schedule(ids, held)],
        )
        yield from settled(result, context=context)

    return _dispatch_list


def _told(context: dg.AssetExecutionContext) -> Callable[[Progress], None]:
    def tell(progress: Progress) -> None:
        value = "none yet" if progress.value is None else f"{progress.value:,.0f}"
        bound = "nothing" if progress.bound is None else f"{progress.bound:,.0f}"
        context.log.info("%5.1f s: best %s, proven %s (%s)", progress.seconds, value, bound, progress.solver)

    return tell


def _of_intake(taken: intake.Intake) -> dict[str, Any]:
    stops = pl.DataFrame(
        [(stop.machine, stop.begin_min, stop.end_min) for stop in taken.stops],
        schema={"machine": pl.String, "begin_min": pl.Int64, "end_min": pl.Int64},
        orient="row",
    )
    return {
        "orders": table(taken.order_book.drop("plant", "day")),
        "planned_from": taken.problem.start_utc.isoformat(),
        "horizon_days": round((taken.problem.horizon_min or 0) / 1440, 2),
        "operations": sum(len(order.operations) for order in taken.problem.orders),
        "machines_that_stand": table(stops),
    }


def _of_windows(found: forecasts.Weighed) -> dict[str, Any]:
    rows = found.windows.rows
    tasks = rows.filter(pl.col("task_id").is_not_null()).group_by("task_id", maintain_order=True)
    shown = tasks.agg(
        pl.col("machine_id").first(),
        pl.col("failure_probability").last().alias("fails_within_the_horizon"),
        pl.col("risk_cost").first().alias("risk_cost_at_once"),
        pl.col("risk_cost").min().alias("least"),
        pl.col("risk_cost").last().alias("left_out"),
    )
    without = pl.DataFrame(
        [(one.unit_id, one.reason) for one in found.windows.without],
        schema={"unit_id": pl.String, "why": pl.String},
        orient="row",
    )
    return {
        "windows": table(shown),
        "without_maintenance": table(without),
        "forecasts_of": dg.MetadataValue.json(found.from_days),
    }


def _of_plan(site: Site, day: str, made: planner.Plan, summary: pl.DataFrame) -> dict[str, Any]:
    settings = intake.settings_of(site)
    title = f"{site.plant.title or site.plant.plant}, {day}"
    page = gantt.gantt_page(
        made.problem, made.schedule, title=title, time_zone=settings.timezone, now_utc=made.problem.start_utc
    )
    path = publishing.write_page(site.home.schedules / day / "gantt.html", page)
    late = reports.late_orders(made.problem, made.schedule)
    return {
        "gantt": picture(gantt.gantt_picture(made.problem, made.schedule, title=title, time_zone=settings.timezone)),
        "gantt_page": dg.MetadataValue.path(str(path)),
        "summary": table(day_tables.summary_shown(summary, settings.currency)),
        "late_orders": table(day_tables.late_shown(late)),
        "loads": table(day_tables.loads_shown(reports.machine_loads(made.problem, made.schedule))),
    }


def _of_dispatch(done: publishing.Published) -> dict[str, Any]:
    told = done.written
    return {
        "schedule_id": told.schedule_id,
        "was_in_force": told.was_in_force,
        "operations": told.operations,
        "maintenance_work_orders": dg.MetadataValue.json(
            {
                "new": list(told.new_work_orders),
                "moved": list(told.moved_work_orders),
                "called off": list(told.called_off_work_orders),
                "kept": list(told.kept_work_orders),
            }
        ),
        "files": dg.MetadataValue.json([str(file) for file in done.files]),
    }
