"""Why a day could not be planned, from what is stored of it."""

from __future__ import annotations

from dataclasses import dataclass

from factory_assets.foundation.lake import Lake
from factory_assets.foundation.settings import Site
from factory_assets.planning.day_tables import erp_day, in_force, with_maintenance
from factory_assets.planning.explaining.clashes import can_be_planned, clashes, has_room
from factory_assets.planning.intake import settings_of
from factory_assets.planning.planner import as_planned
from factory_assets.planning.what_if.base import NoScheduleYetError


@dataclass(frozen=True)
class Explained:
    """What is known of a day's planning.

    Attributes:
        day: Which day.
        clashes: What cannot all be kept, in words; empty if a schedule is found.
    """

    day: str
    clashes: tuple[str, ...]


def explain_day(lake: Lake, site: Site, day: str | None = None) -> Explained:
    """Look for what clashes in what the ERP handed over for a day, the newest if None.

    Raises:
        NoScheduleYetError: The ERP was not read for that day.
        PartitionMissingError: Its maintenance windows were not made.
    """
    days = lake.days("erp_problem")
    if not days or (day is not None and day not in days):
        msg = f"the ERP was not read for {day or 'any day'} yet: materialise order_book first"
        raise NoScheduleYetError(msg)
    chosen = day or days[-1]
    settings, asked = settings_of(site), erp_day(lake, chosen)
    problem = with_maintenance(lake, site, chosen, asked)
    newest = lake.newest_day("daily_schedule", chosen)
    tasks = in_force(lake, newest, problem) if newest is not None else ()
    wanted = as_planned(problem, tasks, asked.stops, settings)
    if has_room(wanted) or can_be_planned(wanted):
        return Explained(chosen, ())
    return Explained(chosen, clashes(wanted, settings.timezone) or ("no schedule was found, and no clash either",))
