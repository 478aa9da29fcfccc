"""Ending an asset's step: what a blocking check refuses is not recorded as made."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

Settled = Iterator[dg.MaterializeResult | dg.AssetCheckResult]


def settled(*results: dg.MaterializeResult) -> Settled:
    """Hand results to Dagster; if a check with severity ERROR failed, hand over the checks alone and fail the step.

    Dagster records an asset as made even though a blocking check failed: only what follows in the same run is stopped.
    The asset would be fresh, and the next run would begin behind the check. Unrecorded, it stays stale and is tried
    again, until the check passes.

    Raises:
        Failure: A check with severity ERROR failed; the message names it.
    """
    checks = [check for result in results for check in result.check_results or []]
    refused = [check for check in checks if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR]
    if not refused:
        yield from results
        return
    yield from checks
    names = ", ".join(str(check.check_name) for check in refused)
    raise dg.Failure(f"refused by {names}", allow_retries=False)
