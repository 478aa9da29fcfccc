"""The sensor that has the schedule made anew when the floor has changed."""

from __future__ import annotations

import datetime as dt

import dagster as dg

from factory_assets.foundation.lake import Lake
from factory_assets.foundation.settings import Site
from factory_assets.planning import floor_changes
from factory_assets.planning.erp.errors import ErpError

LOOK_EVERY_S = 60


def sensors(site: Site, *, job: dg.UnresolvedAssetJobDefinition) -> list[dg.SensorDefinition]:
    """The sensor of a plant that has a daily schedule."""
    return [floor_sensor(site, job=job)] if site.plant.planning else []


def floor_sensor(site: Site, *, job: dg.UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """Compares the ERP and the newest forecasts with what the schedule in force was made from."""

    @dg.sensor(
        name="floor_changes",
        job=job,
        minimum_interval_seconds=LOOK_EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks for machines that stand, rush orders and alarms of remaining life, and plans anew.",
    )
    def _floor_sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        try:
            found = floor_changes.since_the_schedule(site, Lake(site.home.lake), dt.datetime.now(dt.UTC))
        except ErpError as error:
            return dg.SkipReason(str(error))
        if not found.changes:
            return dg.SkipReason(found.why_not)
        if context.cursor == found.version:
            return dg.SkipReason(f"a run was asked for already: {'; '.join(found.changes)}")
        context.update_cursor(found.version)
        tags = {"factory/planned_because": "; ".join(found.changes)[:250]}
        return dg.RunRequest(run_key=f"{found.day} {found.version}", partition_key=found.day, tags=tags)

    return _floor_sensor
