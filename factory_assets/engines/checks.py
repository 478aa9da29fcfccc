"""Asset checks of the engines room; each is evaluated in the run that writes the asset, and blocks what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg

from factory_assets.foundation.settling import failed_partitions

BUNDLE = "rul_bundle"
RELEASE = "engine_release"
TIMESTAMP = "release_timestamp"

BUNDLE_CHECKS = [
    dg.AssetCheckSpec(
        "golden_samples",
        asset=BUNDLE,
        blocking=True,
        description="The finished bundle, opened by the edge's own code, gives the trainer's outputs.",
    )
]
RELEASE_CHECKS = [
    dg.AssetCheckSpec(
        "verifies_at_the_edge",
        asset=RELEASE,
        blocking=True,
        description="A new edge that trusts nothing but the root pulls the release and passes its golden samples.",
    ),
    dg.AssetCheckSpec(
        "signatures_are_young",
        asset=RELEASE,
        description="No role is past half of its lifetime; a warning leaves time to act.",
    ),
]
TIMESTAMP_CHECKS = [
    dg.AssetCheckSpec(
        "signatures_are_young",
        asset=TIMESTAMP,
        description="No role is past half of its lifetime, though the timestamp was just signed: looked at every day.",
    )
]


def golden_samples(differences: Mapping[str, float], failures: Mapping[str, str]) -> dg.AssetCheckResult:
    """Whether every fleet's bundle passes at the edge. `failures`: what the edge said, by fleet."""
    return dg.AssetCheckResult(
        asset_key=BUNDLE,
        check_name="golden_samples",
        passed=not failures,
        metadata={
            "largest_difference_cycles": dict(differences),
            "failures": "\n".join(failures.values()) or "none",
            **failed_partitions(failures),
        },
    )


def verifies_at_the_edge(failure: str | None, pulled: Sequence[str]) -> dg.AssetCheckResult:
    """Whether a new edge accepts the release."""
    return dg.AssetCheckResult(
        asset_key=RELEASE,
        check_name="verifies_at_the_edge",
        passed=failure is None,
        metadata={"failure": failure or "none", "bundles": ", ".join(pulled)},
    )


def signatures_are_young(asset: str, warnings: Sequence[str]) -> dg.AssetCheckResult:
    """Whether signatures have to be renewed soon; `asset` is the one that was just signed."""
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name="signatures_are_young",
        passed=not warnings,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"warnings": "\n".join(warnings) or "none"},
    )
