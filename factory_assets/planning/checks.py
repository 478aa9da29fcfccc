"""Asset checks of the planning room: whether the schedule can be run as it is, and what a planner should look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg
import polars as pl

from factory_assets.foundation.metadata import table
from factory_assets.foundation.settling import failed_partitions
from factory_assets.planning.checking.violation import Violation
from factory_assets.planning.schema import SHARE_MOVED
from factory_assets.planning.showing.reports import LateOrder

SHOWN = 20

ORDER_BOOK_CHECKS = [
    dg.AssetCheckSpec(
        "orders_can_be_planned",
        asset="order_book",
        description="Every open order of the ERP can be planned; a warning names those left out, and how to mend them.",
    ),
    dg.AssetCheckSpec(
        "deliveries_are_not_overdue",
        asset="order_book",
        description="Purchases have come when they were due; a warning names those that nobody counts on.",
    ),
]
SCHEDULE_CHECKS = [
    dg.AssetCheckSpec(
        "keeps_to_everything",
        asset="daily_schedule",
        blocking=True,
        description=(
            "An independent checker, which shares no code with what makes schedules, finds nothing broken: places, "
            "precedence, set-ups, shifts, people, tools, material, begun and frozen tasks, and the costs as stated."
        ),
    ),
    dg.AssetCheckSpec(
        "orders_are_on_time",
        asset="daily_schedule",
        description="Every order ends by its due date; a warning names those that do not, with the reason why.",
    ),
    dg.AssetCheckSpec(
        "few_tasks_moved",
        asset="daily_schedule",
        description="A schedule made anew during the day moves at most a fifth of the tasks that could be moved.",
    ),
]
DISPATCH_CHECKS = [
    dg.AssetCheckSpec(
        "erp_holds_the_schedule",
        asset="dispatch_list",
        description="The ERP, asked again, says that this schedule is in force.",
    ),
]


def orders_can_be_planned(books: Mapping[str, pl.DataFrame]) -> dg.AssetCheckResult:
    """Whether no order was left out. `books`: ORDER_BOOK by day."""
    failed = {}
    for day, book in books.items():
        left_out = book.filter(pl.col("left_out").is_not_null())
        if left_out.height:
            failed[day] = "; ".join(f"{row}: {why}" for row, why in left_out.select("order_id", "left_out").iter_rows())
    return _warning("order_book", "orders_can_be_planned", failed)


def deliveries_are_not_overdue(overdue: Mapping[str, Sequence[str]]) -> dg.AssetCheckResult:
    """Whether all purchases have come. `overdue`: deliveries by day."""
    failed = {day: f"not counted on: {', '.join(names)}" for day, names in overdue.items() if names}
    return _warning("order_book", "deliveries_are_not_overdue", failed)


def keeps_to_everything(found: Mapping[str, Sequence[Violation]]) -> dg.AssetCheckResult:
    """Whether the checker found nothing. `found`: violations by day."""
    failed = {day: "; ".join(one.words for one in broken[:SHOWN]) for day, broken in found.items() if broken}
    return dg.AssetCheckResult(
        asset_key="daily_schedule",
        check_name="keeps_to_everything",
        passed=not failed,
        metadata={"violations": sum(map(len, found.values())), **failed_partitions(failed)},
    )


def orders_are_on_time(late: Mapping[str, Sequence[LateOrder]]) -> dg.AssetCheckResult:
    """Whether no order is late. `late`: late orders by day."""
    failed = {day: "; ".join(order.words for order in orders[:SHOWN]) for day, orders in late.items() if orders}
    return _warning("daily_schedule", "orders_are_on_time", failed)


def few_tasks_moved(summaries: Mapping[str, pl.DataFrame]) -> dg.AssetCheckResult:
    """Whether changes of the day moved few tasks. `summaries`: SCHEDULE_SUMMARY by day."""
    failed = {}
    for day, summary in summaries.items():
        kind, moved, movable = summary.select("kind", "moved", "movable").row(0)
        if kind == "change" and moved > SHARE_MOVED * movable:
            failed[day] = f"{moved} of {movable} tasks were moved"
    return _warning("daily_schedule", "few_tasks_moved", failed)


def erp_holds_the_schedule(wanted: Mapping[str, str], held: str | None) -> dg.AssetCheckResult:
    """Whether the ERP says that the newest schedule is in force. `wanted`: schedule id by day."""
    newest = max(wanted, default=None)
    failed = {}
    if newest is not None and held != wanted[newest]:
        failed[newest] = f"the ERP says that schedule {held} is in force, not {wanted[newest]}"
    ids = pl.DataFrame({"day": list(wanted), "schedule_id": list(wanted.values())})
    return dg.AssetCheckResult(
        asset_key="dispatch_list",
        check_name="erp_holds_the_schedule",
        passed=not failed,
        metadata={"schedules": table(ids), **failed_partitions(failed)},
    )


def _warning(asset: str, name: str, failed: Mapping[str, str]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=not failed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=failed_partitions(failed),
    )
