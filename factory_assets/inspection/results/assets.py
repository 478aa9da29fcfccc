"""Assets of room 5 that come from the line: what stations handed on, and the table of their verdicts."""

from typing import Any

import dagster as dg
import polars as pl

from edge_runtime.bundle.state import only_one
from factory_assets.foundation import partitions as parts
from factory_assets.foundation.contracts import breaches_in_lake
from factory_assets.foundation.lake import Lake, combined_digest
from factory_assets.foundation.metadata import DATA_TEAM, column_schema, picture, table
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.retries import RETRY, retried_if_it_may_pass
from factory_assets.foundation.settings import Site, load_thresholds
from factory_assets.foundation.settling import Settled, settled
from factory_assets.foundation.versions import code_version
from factory_assets.inspection import schema
from factory_assets.inspection.results import checks, collecting, figures, plots, reading

GROUP = "inspection"
SOURCE = "station_results"


def assets(site: Site) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Results of the line for one plant; none if it inspects no product."""
    return [station_results(site), inspection_verdict(site)] if site.plant.products else []


def station_results(site: Site) -> dg.AssetSpec:
    """What stations put into the exchange: observed, never written."""
    return dg.AssetSpec(
        SOURCE,
        group_name=GROUP,
        partitions_def=parts.products(site.plant),
        kinds={"json"},
        owners=DATA_TEAM,
        description=(
            "Verdicts and images that inspection stations handed on, in the exchange's `results/`: one folder a "
            "station, segments of consecutive verdicts in it, and images below `images/`."
        ),
    )


def inspection_verdict(site: Site) -> dg.AssetsDefinition:
    """Every verdict of the line, one row each."""
    plant = site.plant

    @dg.asset(
        name="inspection_verdict",
        deps=[SOURCE],
        partitions_def=parts.products(plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        group_name=GROUP,
        kinds={"polars", "parquet"},
        owners=DATA_TEAM,
        code_version=code_version(reading, collecting, settings=[{"products": plant.product_names}]),
        check_specs=checks.CHECKS,
        description=(
            "Every verdict of every station, each exactly once, however late or often its segment came. Segments that "
            "cannot be trusted and lines that are no verdict are told and kept."
        ),
    )
    @retried_if_it_may_pass
    def _inspection_verdict(context: dg.AssetExecutionContext, lake: LakeResource) -> Settled:
        there = lake.get()
        there.root.mkdir(parents=True, exist_ok=True)
        with only_one(there.root, "run that takes verdicts over"):
            found = collecting.collect(site.home.results, there, plant)
        segments = collecting.all_segments(there)
        touched = [partition for partition in found.touched if partition.fleet in plant.product_names]
        shares = {}
        for name in context.partition_keys:
            verdicts = figures.newest(there, name)
            shares[name] = figures.fail_safe_share(verdicts)
            context.add_asset_metadata(_of_product(there, name, verdicts), partition_key=name)
        breaches = breaches_in_lake(
            there, collecting.VERDICTS, touched, lambda _: schema.verdict_contract(plant.product_names)
        )
        results = [
            checks.contract(breaches),
            checks.verdicts_are_conserved(figures.unplaced(segments), figures.misplaced(there, segments, touched)),
            checks.numbers_have_no_gap(figures.gaps(segments)),
            checks.segments_are_whole(segments),
            checks.every_line_is_a_verdict(collecting.all_quarantined(there)),
            checks.parts_are_judged(shares, load_thresholds().inspection.fail_safe_share),
        ]
        version = combined_digest(collecting.data_version(segments, name) for name in context.partition_keys)
        metadata: dict[str, Any] = {
            "dagster/column_schema": column_schema(schema.INSPECTION_VERDICT, schema.INSPECTION_VERDICT_COLUMNS),
            "segments": segments.height,
            "new_segments": found.new,
        }
        yield from settled(
            dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(version), check_results=results),
            context=context,
        )

    return _inspection_verdict


def _of_product(lake: Lake, name: str, verdicts: pl.DataFrame) -> dict[str, Any]:
    folder = lake.root / collecting.VERDICTS / name
    rows = pl.scan_parquet(folder / "*.parquet").select(pl.len()).collect().item()
    told = {
        "dagster/row_count": rows,
        "days": len(collecting.days_of(lake, name)),
        "newest_days": table(figures.summary(verdicts)),
        "written_to": dg.MetadataValue.path(str(folder)),
    }
    if verdicts.is_empty():
        return told
    return {
        **told,
        "verdicts_by_hour": picture(plots.verdicts_by_hour(verdicts)),
        "scores": picture(plots.scores(verdicts)),
    }
