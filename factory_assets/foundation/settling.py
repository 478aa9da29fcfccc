"""Ending an asset's step: what a blocking check refuses is not recorded as made, and the refusal names partitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.partitions.utils import get_tags_from_multi_partition_key
from dagster._core.execution.plan import execute_step

from factory_assets.foundation import partitions as parts

Settled = Iterator[dg.MaterializeResult | dg.AssetCheckResult]

FAILED_PARTITIONS = "failed_partitions"
SHOWN = 20


def failed_partitions(reasons: Mapping[str, str]) -> dict[str, dg.MetadataValue]:
    """Metadata for a check's result: which partitions made it fail, each with its reason; nothing if none did.

    Args:
        reasons: By partition, named as `str(Partition)` does it: `press/2026-09-03`, `press`, `2026-09-03`.
    """
    return {FAILED_PARTITIONS: dg.MetadataValue.json(dict(reasons))} if reasons else {}


def settled(*results: dg.MaterializeResult, context: dg.AssetExecutionContext | None = None) -> Settled:
    """Hand results to Dagster; if a check with severity ERROR failed, hand over the checks alone and fail the step.

    Dagster records an asset as made even though a blocking check failed: only what follows in the same run is stopped.
    The asset would be fresh, and the next run would begin behind the check. Unrecorded, it stays stale and is tried
    again, until the check passes.

    A run over a range of partitions would be refused as a whole, and all of them painted red. So, where the checks
    name the partitions that failed and `context` is given, the others are recorded as made: only those that failed
    show as failed, and only they are done again.

    Raises:
        Failure: A check with severity ERROR failed; the message names it, and the partitions that failed.
    """
    checks = [check for result in results for check in result.check_results or []]
    refused = [check for check in checks if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR]
    if not refused:
        yield from results
        return
    yield from checks
    reasons = _reasons(refused)
    if context is not None and all(FAILED_PARTITIONS in check.metadata for check in refused):
        _record_the_others(context, results, reasons)
    message = f"refused by {', '.join(str(check.check_name) for check in refused)}"
    if reasons:
        message += f"; {told(reasons)}"
    raise dg.Failure(message, metadata=failed_partitions(reasons), allow_retries=False)


def told(reasons: Mapping[str, str]) -> str:
    """Partitions that failed, a line each; many are cut short."""
    lines = [f"  {partition}: {reason}" for partition, reason in list(reasons.items())[:SHOWN]]
    if len(reasons) > SHOWN:
        lines.append(f"  and {len(reasons) - SHOWN} more")
    return "\n".join([f"{len(reasons)} partition{'s' if len(reasons) > 1 else ''} failed:", *lines])


def _reasons(refused: Sequence[dg.AssetCheckResult]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for check in refused:
        value: Any = check.metadata.get(FAILED_PARTITIONS)
        for partition, reason in (value.value if value is not None else {}).items():
            found.setdefault(partition, []).append(reason)
    return {partition: "; ".join(reasons) for partition, reasons in found.items()}


def _record_the_others(
    context: dg.AssetExecutionContext, results: Sequence[dg.MaterializeResult], reasons: Mapping[str, str]
) -> None:
    """Record the partitions that did not fail; nothing, if a failed one is not among those of the run."""
    by_name = {str(parts.from_key(key)): key for key in context.partition_keys}
    if not reasons.keys() <= by_name.keys():
        return
    others = [key for name, key in by_name.items() if name not in reasons]
    for result in results:
        asset = dg.AssetKey.from_coercible(result.asset_key) if result.asset_key else context.asset_key
        for key in others:
            context.log_event(_materialization(context, asset, result, key))


def _materialization(
    context: dg.AssetExecutionContext, asset: dg.AssetKey, result: dg.MaterializeResult, key: str
) -> dg.AssetMaterialization:
    """The event that Dagster would have made of a result; public events carry no versions, and would never be stale."""
    step = context.get_step_execution_context()
    if result.data_version is None:
        msg = f"{asset.to_user_string()} has no data version"
        raise ValueError(msg)
    tags = execute_step._build_data_version_tags(
        result.data_version,
        execute_step._get_code_version(asset, step),
        execute_step._get_input_provenance_data(asset, step),
        True,  # noqa: FBT003
    )
    if isinstance(key, dg.MultiPartitionKey):
        tags |= get_tags_from_multi_partition_key(key)
    of_partition = step.get_asset_metadata(asset_key=asset, partition_key=key) or {}
    return dg.AssetMaterialization(
        asset, partition=key, metadata={**(result.metadata or {}), **of_partition}, tags=tags
    )
