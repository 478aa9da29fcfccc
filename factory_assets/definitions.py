"""The code location: the rooms in order, and nothing else."""

from __future__ import annotations

import dagster as dg

from factory_assets.engines import assets as engines
from factory_assets.foundation import alerting, automation
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.settings import Site, load_site
from factory_assets.historian import assets as historian
from factory_assets.historian import sensors as historian_sensors
from factory_assets.inspection import assets as inspection
from factory_assets.inspection.results import sensors as results_sensors
from factory_assets.planning import assets as planning
from factory_assets.planning import sensors as planning_sensors
from factory_assets.reference_plant import assets as reference_plant
from factory_assets.rul import assets as rul
from factory_assets.telemetry import assets as telemetry
from factory_assets.warehouse import assets as warehouse
from factory_assets.warehouse.resources import dbt_resource

ROOMS = (reference_plant, historian, telemetry, warehouse, rul, inspection, engines, planning)


def build_defs(site: Site) -> dg.Definitions:
    """All rooms of one plant. Reads the plant file and the dbt manifest; no network, no lake."""
    return dg.Definitions(
        assets=[asset for room in ROOMS for asset in room.assets(site)],
        jobs=automation.jobs(site),
        schedules=automation.schedules(site),
        sensors=[
            *historian_sensors.sensors(site, job=automation.READINGS_JOB),
            *results_sensors.sensors(site, job=automation.VERDICTS_JOB),
            *planning_sensors.sensors(site, job=automation.PLANNING_JOB),
            *alerting.sensors(site.plant),
        ],
        resources={"lake": LakeResource(root=str(site.home.lake)), "dbt": dbt_resource(site.home)},
        executor=dg.in_process_executor,
    )


defs = build_defs(load_site())
