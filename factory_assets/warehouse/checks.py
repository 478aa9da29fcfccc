"""Asset checks of room 3 that dbt cannot make: whether a running plant's readings are fresh."""

import datetime as dt

import dagster as dg

from factory_assets.foundation.metadata import table
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.settings import Site
from factory_assets.warehouse import freshness


def newest_reading_is_recent(site: Site) -> dg.AssetChecksDefinition:
    """The check of a running plant; it warns and blocks nothing."""

    @dg.asset_check(
        name="newest_reading_is_recent",
        asset="channel_coverage",
        description="The newest reading of each fleet is recent: 36 hours, or three sample periods if that is longer.",
    )
    def _newest_reading_is_recent(lake: LakeResource) -> dg.AssetCheckResult:
        ages = freshness.fleet_ages(lake.get().read("channel_coverage"), site.plant, now=dt.datetime.now(dt.UTC))
        return dg.AssetCheckResult(
            passed=not ages["is_late"].any(),
            severity=dg.AssetCheckSeverity.WARN,
            description=freshness.in_words(ages, site.plant.source.folder),
            metadata={"fleets": table(ages)},
        )

    return _newest_reading_is_recent
