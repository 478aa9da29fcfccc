"""Asset checks of inspection engines; each is evaluated in the run that writes the asset, and blocks what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from factory_assets.foundation.settling import failed_partitions

ONNX = "inspection_onnx"
BUNDLE = "inspection_bundle"

ONNX_CHECKS = [
    dg.AssetCheckSpec(
        "clean_nodes",
        asset=ONNX,
        blocking=True,
        description="The graph takes raw pixels and has no stray Transpose, no loop and no batch norm of its own.",
    )
]
BUNDLE_CHECKS = [
    dg.AssetCheckSpec(
        "parity_certificate",
        asset=BUNDLE,
        blocking=True,
        description=(
            "Trainer, ONNX Runtime and OpenVINO decide alike on validation images, in every precision that is "
            "released, and every engine runs in the precision that it claims."
        ),
    ),
    dg.AssetCheckSpec(
        "precisions_are_complete",
        asset=BUNDLE,
        description="Every precision that configs/targets.yaml asks for is released; what is not says why.",
    ),
    dg.AssetCheckSpec(
        "golden_samples",
        asset=BUNDLE,
        blocking=True,
        description="The finished bundle, opened by the edge's own code, gives the trainer's outputs.",
    ),
]


def clean_nodes(found: Mapping[str, Mapping[str, int]], faults: Mapping[str, Sequence[str]]) -> dg.AssetCheckResult:
    """Whether graphs are clean. `found`: nodes by type, `faults`: what must not be there, both by product."""
    failed = {name: "; ".join(told) for name, told in faults.items() if told}
    return dg.AssetCheckResult(
        asset_key=ONNX,
        check_name="clean_nodes",
        passed=not failed,
        metadata={
            "nodes": dg.MetadataValue.json({name: dict(nodes) for name, nodes in found.items()}),
            **failed_partitions(failed),
        },
    )


def parity_certificate(certificates: Mapping[str, Any]) -> dg.AssetCheckResult:
    """Whether every certificate was passed. `certificates`: by product; None where golden images are compared."""
    failed = {
        name: "; ".join(certificate.reasons)
        for name, certificate in certificates.items()
        if certificate is not None and not certificate.passed
    }
    shown = {
        name: "golden images are compared by the edge's own code: there is nothing to be converted"
        if certificate is None
        else certificate.model_dump(mode="json")
        for name, certificate in certificates.items()
    }
    return dg.AssetCheckResult(
        asset_key=BUNDLE,
        check_name="parity_certificate",
        passed=not failed,
        metadata={"certificates": dg.MetadataValue.json(shown), **failed_partitions(failed)},
    )


def precisions_are_complete(left_out: Mapping[str, Sequence[str]]) -> dg.AssetCheckResult:
    """Whether every precision is released: a warning, for others are. `left_out`: what is not, by product."""
    missing = {name: list(told) for name, told in left_out.items() if told}
    return dg.AssetCheckResult(
        asset_key=BUNDLE,
        check_name="precisions_are_complete",
        passed=not missing,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"left_out": dg.MetadataValue.json(missing)},
    )


def golden_samples(differences: Mapping[str, float], failures: Mapping[str, str]) -> dg.AssetCheckResult:
    """Whether every product's bundle passes at the edge. `failures`: what the edge said, by product."""
    return dg.AssetCheckResult(
        asset_key=BUNDLE,
        check_name="golden_samples",
        passed=not failures,
        metadata={"largest_difference": dict(differences), **failed_partitions(failures)},
    )
