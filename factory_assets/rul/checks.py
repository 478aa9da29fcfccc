"""Asset checks of the RUL room; each is evaluated in the run that writes the asset, and blocks what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg

from factory_assets.foundation.settling import failed_partitions

TRAINING_SET = "rul_training_set"
MODEL = "rul_model"

TRAINING_SET_CHECKS = [
    dg.AssetCheckSpec(
        "splits_share_no_unit",
        asset=TRAINING_SET,
        blocking=True,
        description="No unit is in two of training, validation and test.",
    )
]
MODEL_CHECKS = [
    dg.AssetCheckSpec(
        "beats_the_mean",
        asset=MODEL,
        blocking=True,
        description="On validation units the model's RMSE is well below that of predicting the training mean.",
    )
]


def splits_share_no_unit(shared: Mapping[str, Sequence[str]]) -> dg.AssetCheckResult:
    """Whether splits are disjoint. `shared`: units in more than one split, by fleet."""
    failed = {fleet: f"units in two splits: {', '.join(units)}" for fleet, units in shared.items() if units}
    return dg.AssetCheckResult(
        asset_key=TRAINING_SET,
        check_name="splits_share_no_unit",
        passed=not failed,
        metadata={
            "units_in_two_splits": dg.MetadataValue.json({k: list(v) for k, v in shared.items()}),
            **failed_partitions(failed),
        },
    )


def beats_the_mean(skill: Mapping[str, float], bound: float) -> dg.AssetCheckResult:
    """Whether every model has learnt something. `skill`: 1 - RMSE / RMSE of the mean, on validation units, by fleet."""
    failed = {
        fleet: f"beats the mean by {value:.0%} only, {bound:.0%} is asked for (configs/thresholds.yaml)"
        for fleet, value in skill.items()
        if not value >= bound
    }
    return dg.AssetCheckResult(
        asset_key=MODEL,
        check_name="beats_the_mean",
        passed=not failed,
        metadata={"skill_over_mean": dict(skill), "bound": bound, **failed_partitions(failed)},
    )
