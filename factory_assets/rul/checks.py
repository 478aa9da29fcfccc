"""Asset checks of the RUL room; each is evaluated in the run that writes the asset, and blocks what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg

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
    return dg.AssetCheckResult(
        asset_key=TRAINING_SET,
        check_name="splits_share_no_unit",
        passed=not any(shared.values()),
        metadata={"units_in_two_splits": dg.MetadataValue.json({k: list(v) for k, v in shared.items()})},
    )


def beats_the_mean(skill: Mapping[str, float], bound: float) -> dg.AssetCheckResult:
    """Whether every model has learnt something. `skill`: 1 - RMSE / RMSE of the mean, on validation units, by fleet."""
    return dg.AssetCheckResult(
        asset_key=MODEL,
        check_name="beats_the_mean",
        passed=all(value >= bound for value in skill.values()),
        metadata={"skill_over_mean": dict(skill), "bound": bound},
    )
