"""Asset checks of forecasts: they warn, for a unit that is about to fail is no fault of the data."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg
import polars as pl

from factory_assets.foundation.settling import failed_partitions

FORECAST = "rul_forecast"
EXPECTED = "unknown_age"

CHECKS = [
    dg.AssetCheckSpec(
        "no_unit_crosses_its_threshold",
        asset=FORECAST,
        description="No unit's predicted life is below the planning threshold; a warning names those that are.",
    ),
    dg.AssetCheckSpec(
        "units_can_be_forecast",
        asset=FORECAST,
        description="Every unit in service whose age is known has readings, in a regime that the model was trained in.",
    ),
]


def no_unit_crosses_its_threshold(units: Mapping[str, pl.DataFrame]) -> dg.AssetCheckResult:
    """Whether no unit is to be planned for. `units`: RUL_FORECAST by partition."""
    failed, new = {}, []
    for key, frame in units.items():
        alerts = frame.filter(pl.col("is_alert").fill_null(value=False)).sort("rank")
        told = [f"{row['unit_id']} {row['rul_cycles']:.0f} cycles" for row in alerts.iter_rows(named=True)]
        if told:
            failed[key] = f"below the threshold: {', '.join(told)}"
        new += alerts.filter(pl.col("is_new_alert"))["unit_id"].to_list()
    return dg.AssetCheckResult(
        asset_key=FORECAST,
        check_name="no_unit_crosses_its_threshold",
        passed=not failed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"new_since_the_forecast_before": ", ".join(new) or "none", **failed_partitions(failed)},
    )


def units_can_be_forecast(units: Mapping[str, pl.DataFrame]) -> dg.AssetCheckResult:
    """Whether no unit was refused for its readings. `units`: RUL_FORECAST by partition."""
    failed = {}
    for key, frame in units.items():
        refused = frame.filter(pl.col("refused").is_not_null(), ~pl.col("refused").str.starts_with(EXPECTED))
        if refused.height:
            failed[key] = "; ".join(f"{unit}: {why}" for unit, why in refused.select("unit_id", "refused").iter_rows())
    return dg.AssetCheckResult(
        asset_key=FORECAST,
        check_name="units_can_be_forecast",
        passed=not failed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=failed_partitions(failed),
    )
