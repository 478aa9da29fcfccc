"""Assets of room 2: clean readings with their quarantine and ledger, sensor tables, unit lives."""

from functools import partial

import dagster as dg
import polars as pl

from factory_assets.foundation import automation, units
from factory_assets.foundation import partitions as parts
from factory_assets.foundation.contracts import breaches, breaches_in_lake
from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.metadata import DATA_TEAM, table, written
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.retries import RETRY, retried_if_it_may_pass
from factory_assets.foundation.settings import Site
from factory_assets.foundation.settling import Settled, settled
from factory_assets.foundation.versions import code_version
from factory_assets.telemetry import block, checks, cleaning, days, lives, schema, sensor_table
from factory_assets.telemetry.rules import clock, gaps, mistaken_units, reference, spikes, stuck

GROUP = "telemetry"
CLEANING_CODE = (cleaning, block, clock, gaps, mistaken_units, reference, spikes, stuck, units, schema)


def assets(site: Site) -> list[dg.AssetsDefinition]:
    """The assets of this room for one plant; none if it has no historian."""
    return [] if not site.plant.fleets else [cleaned_readings(site), sensor_tables(site), unit_lives(site)]


def cleaned_readings(site: Site) -> dg.AssetsDefinition:
    """Clean readings, what was set aside, and the ledger of both."""
    plant = site.plant
    version = code_version(*CLEANING_CODE, settings=[plant.settings_of_readings()])
    extract = dg.AssetDep("historian_extract", partition_mapping=parts.previous_day_too(plant))

    def spec(name: str, description: str) -> dg.AssetSpec:
        return dg.AssetSpec(
            name, deps=[extract], group_name=GROUP, kinds={"polars", "parquet"}, owners=DATA_TEAM,
            code_version=version, description=description,
        )  # fmt: skip

    @dg.multi_asset(
        name="cleaning",
        specs=[
            spec("clean_reading", "Accepted readings, tall, in engineering units, with flags."),
            spec("quarantined_reading", "Readings that were set aside, as they came, each with its reason."),
            spec(
                "cleaning_ledger",
                "How many readings of each segment were accepted, quarantined, or duplicates.",
            ),
        ],
        partitions_def=parts.readings(plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        check_specs=checks.CLEANING_CHECKS,
    )
    @retried_if_it_may_pass
    def _cleaning(context: dg.AssetExecutionContext, lake: LakeResource) -> Settled:
        asked = parts.of_run(context)
        done = [days.clean_partition(lake.get(), partition, plant) for partition in asked]
        ledger = pl.concat([day.ledger for day in done])
        reasons = pl.concat([day.reasons for day in done])
        contract_of = partial(schema.clean_reading_contract, plant)
        broken = breaches_in_lake(lake.get(), "clean_reading", asked, contract_of)
        unaccounted = {str(p): day.unaccounted for p, day in zip(asked, done, strict=True)}
        sums = {name: int(ledger[name].sum()) for name in ("extracted", "accepted", "quarantined", "duplicates")}
        metadata, data_version = written(
            [day.accepted for day in done], schema.CLEAN_READING, schema.CLEAN_READING_COLUMNS, more=sums
        )
        accepted: dg.MaterializeResult = dg.MaterializeResult(
            asset_key="clean_reading",
            metadata=metadata,
            data_version=data_version,
            check_results=[
                checks.contract(checks.CLEAN, broken),
                checks.readings_are_conserved(unaccounted, sums["extracted"]),
            ],
        )
        meaning = pl.col("reason").replace_strict(schema.REASONS, default=None, return_dtype=pl.String)
        by_reason = (
            reasons.group_by("channel", "reason")
            .agg(pl.col("readings").sum())
            .sort("readings", descending=True)
            .with_columns(meaning=meaning)
        )
        metadata, data_version = written(
            [day.quarantined for day in done],
            schema.QUARANTINED_READING,
            schema.QUARANTINED_READING_COLUMNS,
            more={"by_reason": table(by_reason)},
        )
        quarantined: dg.MaterializeResult = dg.MaterializeResult(
            "quarantined_reading", metadata=metadata, data_version=data_version
        )
        metadata, data_version = written([day.ledger_part for day in done], schema.CLEANING_LEDGER, more=sums)
        counted: dg.MaterializeResult = dg.MaterializeResult(
            "cleaning_ledger", metadata=metadata, data_version=data_version
        )
        yield from settled(accepted, quarantined, counted, context=context)

    return _cleaning


def sensor_tables(site: Site) -> dg.AssetsDefinition:
    """Readings aligned to cycles, one column a channel."""
    plant = site.plant

    @dg.asset(
        name="sensor_table",
        deps=[dg.AssetDep("clean_reading", partition_mapping=dg.IdentityPartitionMapping())],
        partitions_def=parts.readings(plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        group_name=GROUP,
        kinds={"polars", "parquet"},
        owners=DATA_TEAM,
        code_version=code_version(sensor_table, schema, settings=[plant.settings_of_readings()]),
        check_specs=checks.SENSOR_TABLE_CHECKS,
        description="Clean readings aligned to cycles: one row a unit and cycle, one column a channel, with its unit.",
    )
    @retried_if_it_may_pass
    def _sensor_table(context: dg.AssetExecutionContext, lake: LakeResource) -> Settled:
        asked, found = parts.of_run(context), []
        for partition in asked:
            readings = lake.get().read("clean_reading", partition)
            frame = sensor_table.sensor_table(readings, plant=plant, fleet=str(partition.fleet))
            found.append(lake.get().write("sensor_table", frame, partition))
        broken = breaches_in_lake(lake.get(), "sensor_table", asked, partial(schema.sensor_table_contract, plant))
        of_fleet = str(asked[0].fleet)
        channel_units = {channel.name: channel.unit or "no unit" for channel in plant.channels(of_fleet)}
        metadata, version = written(found, schema.sensor_table_schema(plant, of_fleet), channel_units)
        yield from settled(
            dg.MaterializeResult(
                metadata=metadata,
                data_version=version,
                check_results=[checks.contract(checks.SENSOR_TABLE, broken)],
            ),
            context=context,
        )

    return _sensor_table


def unit_lives(site: Site) -> dg.AssetsDefinition:
    """Where the lives of units begin and end."""
    plant = site.plant

    @dg.asset(
        name="unit_life",
        deps=[dg.AssetDep("sensor_table", partition_mapping=parts.all_days_of_fleet(plant))],
        partitions_def=parts.fleets(plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        group_name=GROUP,
        kinds={"polars", "parquet"},
        owners=DATA_TEAM,
        code_version=code_version(lives, schema, settings=[plant.settings_of_readings()]),
        freshness_policy=automation.nightly_freshness(plant),
        check_specs=checks.UNIT_LIFE_CHECKS,
        description="The lives of each unit, from new or overhaul to failure, with how each one ended.",
    )
    @retried_if_it_may_pass
    def _unit_life(context: dg.AssetExecutionContext, lake: LakeResource) -> Settled:
        found, broken = [], []
        for fleet in context.partition_keys:
            frame = _lives_of(lake.get(), fleet)
            broken += breaches(frame, schema.unit_life_contract(), where=fleet)
            found.append(lake.get().write("unit_life", frame, Partition(fleet)))
            endings = frame.group_by("ended_by").agg(lives=pl.len(), cycles=pl.col("n_cycles").sum()).sort("ended_by")
            context.add_asset_metadata({"endings": table(endings)}, partition_key=fleet)
        metadata, version = written(found, schema.UNIT_LIFE, schema.UNIT_LIFE_COLUMNS)
        yield from settled(
            dg.MaterializeResult(
                metadata=metadata, data_version=version, check_results=[checks.contract(checks.UNIT_LIFE, broken)]
            ),
            context=context,
        )

    def _lives_of(lake: Lake, fleet: str) -> pl.DataFrame:
        return lives.unit_lives(lake.read_fleet("sensor_table", fleet), plant=plant, fleet=fleet)

    return _unit_life
