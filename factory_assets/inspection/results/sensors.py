"""The sensor that starts runs for verdicts that stations handed on."""

from __future__ import annotations

import dagster as dg

from factory_assets.foundation import partitions as parts
from factory_assets.foundation.settings import Site
from factory_assets.foundation.staleness import observation, observed_version
from factory_assets.inspection.results import collecting
from factory_assets.inspection.results.assets import SOURCE

VERDICT, MARTS = "inspection_verdict", ("inspection_yield_day", "inspection_defect_pareto")
LOOK_EVERY_S = 60


def sensors(site: Site, *, job: dg.UnresolvedAssetJobDefinition) -> list[dg.SensorDefinition]:
    """The sensor of a plant that inspects products."""
    return [results_sensor(site, job=job)] if site.plant.products else []


def results_sensor(site: Site, *, job: dg.UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """Looks at names alone, reports that there are new ones, and asks for the verdicts and their marts."""

    @dg.sensor(
        name="new_inspection_results",
        job=job,
        minimum_interval_seconds=LOOK_EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks into the exchange's results for segments of inspection stations, and takes them over.",
    )
    def _results_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if not collecting.stations(site.home.results):
            return dg.SkipReason("no station has handed anything on yet")
        version = collecting.source_version(site.home.results)
        source, products = dg.AssetKey(SOURCE), site.plant.product_names
        known = {observed_version(context.instance, source, product) for product in products}
        # `factory materialize` reports and runs what it finds by itself.
        if context.cursor == version or known == {version}:
            context.update_cursor(version)
            return dg.SkipReason("nothing new in the exchange's results")
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=f"verdicts {version}",
                    tags=parts.range_tags(products[0], products[-1]),
                    asset_selection=[dg.AssetKey(VERDICT)],
                ),
                dg.RunRequest(run_key=f"marts {version}", asset_selection=[dg.AssetKey(mart) for mart in MARTS]),
            ],
            asset_events=[observation(source, product, version) for product in products],
            cursor=version,
        )

    return _results_sensor
