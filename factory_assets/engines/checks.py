"""Asset checks of the engines room; each is evaluated in the run that writes the asset, and blocks what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg

from factory_assets.foundation.settling import failed_partitions

ONNX = "rul_onnx"
BUNDLE = "rul_bundle"
RELEASE = "engine_release"
TIMESTAMP = "release_timestamp"

ONNX_CHECKS = [
    dg.AssetCheckSpec(
        "native_lstm_nodes",
        asset=ONNX,
        blocking=True,
        description="The graph has native LSTM nodes and neither Loop nor Scan, which every engine runs slowly.",
    ),
    dg.AssetCheckSpec(
        "parity",
        asset=ONNX,
        blocking=True,
        description="ONNX Runtime gives what the trainer gives, on all validation windows.",
    ),
]
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


def native_lstm_nodes(nodes: Mapping[str, Mapping[str, int]]) -> dg.AssetCheckResult:
    """Whether every fleet's graph has LSTM nodes and no loops. `nodes`: counts by node type, by fleet."""
    shown = {fleet: {name: of.get(name, 0) for name in ("LSTM", "Loop", "Scan")} for fleet, of in nodes.items()}
    failed = {fleet: f"nodes: {of}" for fleet, of in shown.items() if not of["LSTM"] or of["Loop"] or of["Scan"]}
    return dg.AssetCheckResult(
        asset_key=ONNX,
        check_name="native_lstm_nodes",
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
        asset_key=ONNX,
        check_name="parity",
        passed=not failed,
        metadata={
            "largest_difference_cycles": dict(differences),
            "bound_cycles": bound,
            **failed_partitions(failed),
        },
    )


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
