"""What has changed on the floor since the schedule in force was made."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

import polars as pl

from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.settings import Site
from factory_assets.planning.day_tables import erp_day
from factory_assets.planning.forecasts import forecasts_before
from factory_assets.planning.intake import Intake, read, settings_of
from factory_assets.planning.problem import Problem


@dataclass(frozen=True)
class FloorChanges:
    """Why the schedule should be made anew.

    Attributes:
        day: The day whose schedule is in force, or should be.
        changes: What has changed, in words; empty if nothing that matters.
        why_not: Why nothing is asked for, where there are no changes.
        asked_version: Of what the ERP asks for, where the day has no schedule: it may be the mend of one that failed.
    """

    day: str
    changes: tuple[str, ...]
    why_not: str = ""
    asked_version: str = ""

    @property
    def version(self) -> str:
        """Equal for the same changes of a day."""
        return hashlib.sha256("\n".join((self.day, *self.changes, self.asked_version)).encode()).hexdigest()[:16]


def since_the_schedule(site: Site, lake: Lake, now: dt.datetime) -> FloorChanges:
    """Compare the floor with what the day's schedule was made from.

    Raises:
        ErpError: The ERP is down or half-written.
    """
    settings = settings_of(site)
    planned = lake.days("daily_schedule")
    # From the hour in which a day is planned until it begins, its schedule is the one that changes matter to.
    day = max([settings.day_of(now).isoformat(), *planned[-1:]])
    taken = read(site, dt.date.fromisoformat(day), now)
    if day not in planned:
        return FloorChanges(day, (f"{day} has no schedule yet",), asked_version=taken.asked_version)
    known = erp_day(lake, day)
    stood = {stop.machine for stop in known.stops}
    changes = (*_stops(taken, stood), *_orders(known.problem, taken.problem), *_alarms(site, lake, day))
    return FloorChanges(day, tuple(changes), "the floor is as the schedule in force knows it")


def _stops(taken: Intake, stood: set[str]) -> list[str]:
    stands = {stop.machine for stop in taken.stops}
    return [
        *(f"{machine} stands" for machine in sorted(stands - stood)),
        *(f"{machine} works again" for machine in sorted(stood - stands)),
    ]


def _orders(known: Problem, now: Problem) -> list[str]:
    """New orders, and those that are due at another time; orders that are done or called off leave only room."""
    start = {True: known.start_utc, False: now.start_utc}

    def due(problem: Problem, *, is_known: bool) -> dict[str, dt.datetime | None]:
        return {
            order.name: None if order.due_min is None else start[is_known] + dt.timedelta(minutes=order.due_min)
            for order in problem.orders
        }

    before, after = due(known, is_known=True), due(now, is_known=False)
    return [
        *(f"order {name} is new" for name in sorted(after.keys() - before.keys())),
        *(
            f"order {name} is due at another time"
            for name in sorted(after)
            if name in before and before[name] != after[name]
        ),
    ]


def _alarms(site: Site, lake: Lake, day: str) -> list[str]:
    """Units whose forecast crossed their threshold after the maintenance windows of the day were made."""
    made = set(lake.read("maintenance_window", Partition(day=day), columns=["unit_id"])["unit_id"])
    found = []
    for fleet in settings_of(site).maintenance:
        newest = forecasts_before(lake, fleet, day)
        if newest is None:
            continue
        alarms = newest.units.filter(pl.col("is_new_alert").fill_null(value=False))
        found += [f"{unit} is about to fail" for unit in alarms["unit_id"] if unit not in made]
    return sorted(found)
