"""Assets of room 1: what the historian holds, and the extracts made of it."""

import datetime as dt

import dagster as dg
import polars as pl

from factory_assets.foundation import partitions as parts
from factory_assets.foundation.contracts import breaches_in_lake
from factory_assets.foundation.lake import Partition
from factory_assets.foundation.metadata import DATA_TEAM, table, written
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.retries import RETRY, retried_if_it_may_pass
from factory_assets.foundation.settings import Site
from factory_assets.foundation.settling import Settled, settled
from factory_assets.foundation.versions import code_version
from factory_assets.historian import checks, extract, segments, slices
from factory_assets.historian.reading import SegmentRefusedError
from factory_assets.historian.schema import (
    CHANNEL_CATALOGUE,
    EXTRACT,
    EXTRACT_COLUMNS,
    SegmentManifest,
    extract_contract,
)

GROUP = "historian"
SOURCE = "historian_source"
SIMULATOR = "reference_plant"


def assets(site: Site) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets of this room for one plant; none if it has no historian."""
    return [] if not site.plant.fleets else [historian_source(site), historian_extract(site), channel_catalogue(site)]


def historian_source(site: Site) -> dg.AssetSpec:
    """What lies in the plant's historian: observed, never written."""
    plant = site.plant
    deps = []
    if plant.simulator:
        deps = [dg.AssetDep(SIMULATOR, partition_mapping=parts.all_fleets_of_day())]
    return dg.AssetSpec(
        SOURCE,
        deps=deps,
        partitions_def=parts.readings(plant),
        group_name=GROUP,
        kinds={"csv" if plant.source.kind == "export" else "zip"},
        owners=DATA_TEAM,
        description=(
            f"The historian of {plant.title or plant.plant}, read from `{plant.source.folder}`. "
            "Each new file becomes a segment; the segments that touch a partition are its data version."
        ),
    )


def historian_extract(site: Site) -> dg.AssetsDefinition:
    """Raw readings, tall, as the historian wrote them."""
    plant = site.plant
    deps = [dg.AssetDep(SOURCE, partition_mapping=dg.IdentityPartitionMapping())]
    if plant.simulator:
        # A backfill does not look past a source that it cannot run: without this it would read before days are written.
        deps.append(dg.AssetDep(SIMULATOR, partition_mapping=parts.all_fleets_of_day()))

    @dg.asset(
        name="historian_extract",
        deps=deps,
        partitions_def=parts.readings(plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        group_name=GROUP,
        kinds={"polars", "parquet"},
        owners=DATA_TEAM,
        code_version=code_version(segments, extract, slices, *segments.READER, settings=[plant.source]),
        check_specs=checks.EXTRACT_CHECKS,
        description="Raw readings, tall (one row a reading), in the historian's own names and units.",
    )
    @retried_if_it_may_pass
    def _historian_extract(context: dg.AssetExecutionContext, lake: LakeResource) -> Settled:
        asked = parts.of_run(context)
        collected = segments.collect(site, now=dt.datetime.now(dt.UTC), fleets=sorted({p.fleet or "" for p in asked}))
        if collected.refused and not plant.running:
            raise SegmentRefusedError(segments.told(collected.refused))
        for name, reason in collected.newly_refused:
            context.log.error("%s was refused: %s", name, reason)
        contents = segments.contents(site.home.segments)
        found = []
        used: dict[str, SegmentManifest] = {}
        rows: dict[Partition, tuple[int, int]] = {}
        for partition in asked:
            of_partition = contents.get(partition, [])
            frame = extract.extract(site.home.segments, partition, of_partition)
            found.append(lake.get().write("historian_extract", frame, partition))
            rows[partition] = extract.rows_in_file(found[-1].path), extract.rows_of_slices(partition, of_partition)
            used |= {segment.segment_id: segment for segment in of_partition}
        broken = breaches_in_lake(lake.get(), "historian_extract", asked, lambda _fleet: extract_contract())
        refused = pl.DataFrame(collected.refused, schema=["file", "why"], orient="row")
        counts = {
            "segments": len(used),
            "empty_partitions": sum(part.rows == 0 for part in found),
            "files_refused": refused.height,
            "refused": table(refused),
        }
        metadata, version = written(found, EXTRACT, EXTRACT_COLUMNS, more=counts)
        yield from settled(
            dg.MaterializeResult(
                metadata=metadata,
                data_version=version,
                check_results=[
                    checks.contract(broken),
                    checks.segments_lose_no_reading(list(used.values())),
                    checks.extracts_hold_their_segments(rows),
                ],
            ),
            context=context,
        )

    return _historian_extract


def channel_catalogue(site: Site) -> dg.AssetsDefinition:
    """The channels of every fleet, as the plant file tells them."""
    plant = site.plant

    @dg.asset(
        name="channel_catalogue",
        retry_policy=RETRY,
        group_name=GROUP,
        kinds={"yaml", "parquet"},
        owners=DATA_TEAM,
        code_version=code_version(extract, settings=[plant.settings_of_readings()]),
        description="The channels of every fleet with unit, role and limits, taken from the plant file.",
    )
    @retried_if_it_may_pass
    def _channel_catalogue(lake: LakeResource) -> dg.MaterializeResult:
        frame = extract.channel_catalogue(plant)
        part = lake.get().write("channel_catalogue", frame)
        metadata, version = written([part], CHANNEL_CATALOGUE, more={"channels": table(frame)})
        return dg.MaterializeResult(metadata=metadata, data_version=version)

    return _channel_catalogue
