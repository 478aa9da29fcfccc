"""Assets of room 4 that look ahead: what the champion says of every unit in service."""

import datetime as dt
from typing import Any

import dagster as dg
import polars as pl

from factory_assets.foundation import partitions as parts
from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.metadata import ML_TEAM, picture, table, written
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.retries import RETRY, retried_if_it_may_pass
from factory_assets.foundation.runs import NEWEST_ONLY
from factory_assets.foundation.settings import Site
from factory_assets.foundation.settling import Settled, settled
from factory_assets.foundation.versions import code_version
from factory_assets.rul import saving, training_set
from factory_assets.rul.forecasts import (
    checks,
    explanation,
    forecast,
    past_failures,
    plots,
    schema,
    service,
    window_statistics,
)
from factory_assets.rul.forecasts.forecast import Forecast, Memory, Planning

GROUP = "rul"


def assets(site: Site) -> list[dg.AssetsDefinition]:
    """Forecasts of one plant that has a model."""
    return [rul_forecast(site)]


def rul_forecast(site: Site) -> dg.AssetsDefinition:
    """Remaining life, interval, probability of failure and rank of every unit in service."""
    plant = site.plant
    of_fleet = parts.fleet_of_forecast(plant)

    @dg.asset(
        name="rul_forecast",
        deps=[
            dg.AssetDep("sensor_table", partition_mapping=parts.readings_of_forecast(plant)),
            dg.AssetDep("unit_life", partition_mapping=of_fleet),
            dg.AssetDep("rul_champion", partition_mapping=of_fleet),
        ],
        partitions_def=parts.forecasts(plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        group_name=GROUP,
        kinds={"onnx", "parquet"},
        owners=ML_TEAM,
        tags={NEWEST_ONLY: "true"},
        code_version=code_version(
            forecast, explanation, past_failures, window_statistics, service, schema, training_set,
            settings=[plant.rul_settings(fleet) for fleet in plant.modelled_fleets],
        ),
        check_specs=checks.CHECKS,
        description=(
            "The champion's forecast for every unit in service at the end of the day: remaining life with 80 and 90 % "
            "intervals, rank, what it is due to, and the past failures that were most alike. The tables beside it are "
            "rul_failure_probability, rul_contribution and rul_past_failure."
        ),
    )  # fmt: skip
    @retried_if_it_may_pass
    def _rul_forecast(context: dg.AssetExecutionContext, lake: LakeResource) -> Settled:
        found, units = [], {}
        memories: dict[str, Memory] = {}
        for partition in parts.of_run(context):
            fleet, key = str(partition.fleet), parts.to_key(partition)
            if fleet not in memories:
                memories[fleet] = _memory(lake.get(), site, fleet)
            made = _forecast(lake.get(), site, partition, memories[fleet])
            units[key] = made.units
            found.append(lake.get().write("rul_forecast", made.units, partition))
            lake.get().write("rul_failure_probability", made.probabilities, partition)
            lake.get().write("rul_contribution", made.contributions, partition)
            lake.get().write("rul_past_failure", made.past_failures, partition)
            context.add_asset_metadata(_shown(site, fleet, made), partition_key=key)
        metadata, version = written(found, schema.RUL_FORECAST, schema.RUL_FORECAST_COLUMNS)
        yield from settled(
            dg.MaterializeResult(
                metadata=metadata,
                data_version=version,
                check_results=[checks.no_unit_crosses_its_threshold(units), checks.units_can_be_forecast(units)],
            ),
            context=context,
        )

    return _rul_forecast


def _memory(lake: Lake, site: Site, fleet: str) -> Memory:
    """What forecasts of a fleet are explained by: its training rows."""
    card = saving.load_card(site.home.champions / fleet)
    rows = lake.read("rul_training_set", Partition(fleet)).filter(split="train")
    return service.memory(rows, card)


def _forecast(lake: Lake, site: Site, partition: Partition, memory: Memory) -> Forecast:
    """Forecast one fleet, at the end of a day or of an archive."""
    plant, fleet = site.plant, str(partition.fleet)
    folder, settings = site.home.champions / fleet, plant.rul_settings(fleet)
    day = None if partition.day is None else dt.date.fromisoformat(partition.day)
    sensors = lake.read_fleet("sensor_table", fleet)
    lives = service.lives_in_service(lake.read("unit_life", Partition(fleet)), day)
    return forecast.forecast(
        training_set.life_cycles(service.until(sensors, day), lives, plant, fleet),
        lives,
        saving.load_runner(folder),
        saving.load_card(folder),
        Planning(plant.plant, fleet, settings.alert_below_cycles, settings.horizons_cycles),
        memory=memory,
        previous=_previous(lake, partition),
    )


def _previous(lake: Lake, partition: Partition) -> pl.DataFrame | None:
    """The forecast of the newest day before, if there is one."""
    if partition.day is None:
        return None
    before = [one for one in lake.partitions("rul_forecast", str(partition.fleet)) if (one.day or "") < partition.day]
    return lake.read("rul_forecast", max(before, key=lambda one: one.day or "")) if before else None


def _shown(site: Site, fleet: str, made: Forecast) -> dict[str, Any]:
    settings = site.plant.rul_settings(fleet)
    overview = plots.fleet_overview(
        made.units, alert_below_cycles=settings.alert_below_cycles, cap_cycles=settings.cap_cycles
    )
    shown = {
        "units": table(made.units.drop("plant", "fleet")),
        "fleet_overview": picture(overview),
        "failure_probability": table(service.by_horizon(made.probabilities)),
    }
    if made.contributions.height:
        shown["contributions"] = picture(plots.urgent_contributions(made.units, made.contributions))
        shown["past_failures"] = table(made.past_failures.drop("plant", "fleet"))
    return shown
