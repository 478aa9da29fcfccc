"""Asset checks of the RUL room; each is evaluated in the run that writes the asset, and blocks what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg

from factory_assets.foundation.settling import failed_partitions
from factory_assets.rul.promotion import Condition

TRAINING_SET = "rul_training_set"
MODEL = "rul_model"
CHAMPION = "rul_champion"

TRAINING_SET_CHECKS = [
    dg.AssetCheckSpec(
        "splits_share_no_unit",
        asset=TRAINING_SET,
        blocking=True,
        description="No unit is both in training and in the test.",
    )
]
MODEL_CHECKS = [
    dg.AssetCheckSpec(
        "beats_the_mean",
        asset=MODEL,
        blocking=True,
        description="Out of fold the model's RMSE is well below that of predicting the training mean.",
    ),
    dg.AssetCheckSpec(
        "no_loops",
        asset=MODEL,
        blocking=True,
        description="The graph has neither Loop nor Scan, which every engine runs slowly: LSTMs are native nodes.",
    ),
    dg.AssetCheckSpec(
        "parity",
        asset=MODEL,
        blocking=True,
        description="ONNX Runtime gives what the trainer gives, on windows from all over the training units.",
    ),
]
CHAMPION_CHECKS = [
    dg.AssetCheckSpec(
        "champion_keeps_its_promises",
        asset=CHAMPION,
        blocking=True,
        description="There is a champion; it keeps coverage and parity, and its golden samples pass.",
    ),
    dg.AssetCheckSpec(
        "challenger_waits",
        asset=CHAMPION,
        description="No challenger waits for a person's approval; a warning names those that do.",
    ),
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
    """Whether every model has learnt something. `skill`: 1 - RMSE / RMSE of the mean, out of fold, by fleet."""
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


def no_loops(nodes: Mapping[str, Mapping[str, int]]) -> dg.AssetCheckResult:
    """Whether every fleet's graph is free of loops. `nodes`: counts by node type, by fleet."""
    shown = {fleet: {name: of.get(name, 0) for name in ("LSTM", "Loop", "Scan")} for fleet, of in nodes.items()}
    failed = {fleet: f"nodes: {of}" for fleet, of in shown.items() if of["Loop"] or of["Scan"]}
    return dg.AssetCheckResult(
        asset_key=MODEL,
        check_name="no_loops",
        passed=not failed,
        metadata={"nodes": dg.MetadataValue.json(shown), **failed_partitions(failed)},
    )


def parity(differences: Mapping[str, float], bound: float) -> dg.AssetCheckResult:
    """Whether trainer and ONNX Runtime agree to within `bound` cycles. `differences`: largest one, by fleet."""
    failed = {
        fleet: f"differs by {difference:.3g} cycles, {bound:.3g} is allowed"
        for fleet, difference in differences.items()
        if not difference <= bound
    }
    return dg.AssetCheckResult(
        asset_key=MODEL,
        check_name="parity",
        passed=not failed,
        metadata={
            "largest_difference_cycles": dict(differences),
            "bound_cycles": bound,
            **failed_partitions(failed),
        },
    )


def champion_keeps_its_promises(
    promises: Mapping[str, Sequence[Condition]], waiting: Mapping[str, str]
) -> dg.AssetCheckResult:
    """Whether there is a champion that may be released.

    Args:
        promises: What `champion.promises` found, by fleet.
        waiting: By fleet, a challenger that waits for approval: where there is no champion, it is what is missing.
    """
    failed = {}
    for fleet, conditions in promises.items():
        broken = [condition.told for condition in conditions if not condition.passed]
        if broken and fleet in waiting:
            broken.append(_how_to_approve(fleet))
        if broken:
            failed[fleet] = "; ".join(broken)
    shown = {fleet: {c.name: c.told for c in conditions} for fleet, conditions in promises.items()}
    return dg.AssetCheckResult(
        asset_key=CHAMPION,
        check_name="champion_keeps_its_promises",
        passed=not failed,
        metadata={"promises": dg.MetadataValue.json(shown), **failed_partitions(failed)},
    )


def challenger_waits(waiting: Mapping[str, str]) -> dg.AssetCheckResult:
    """Whether a person has to decide. `waiting`: why the challenger would be promoted, by fleet."""
    told = {fleet: f"{reason}; {_how_to_approve(fleet)}" for fleet, reason in waiting.items()}
    return dg.AssetCheckResult(
        asset_key=CHAMPION,
        check_name="challenger_waits",
        passed=not waiting,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"waiting": "\n".join(f"{fleet}: {reason}" for fleet, reason in told.items()) or "none"},
    )


def _how_to_approve(fleet: str) -> str:
    return f"a challenger waits for approval: factory model approve --fleet {fleet} --reason TEXT (or reject)"
