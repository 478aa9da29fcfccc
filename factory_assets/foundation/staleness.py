"""What is stale, by Dagster's own code and data versions.

Dagster leaves an edge with 100 or more upstream partitions out of its answer, to keep its UI quick. A plant of
fifty days and two fleets is beyond that, and a new day would never reach the models; so that limit is lifted here,
for our own question only (docs/adr/0003).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import dagster as dg
from dagster._core.definitions import data_version as dagster_data_version
from dagster._core.definitions.data_version import DATA_VERSION_TAG, CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContext

UNLIMITED = 10**9


class _Loading(LoadingContext):
    """The smallest loading context that Dagster's resolver accepts."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance

    @property
    def instance(self) -> dg.DagsterInstance:
        return self._instance

    @cached_property
    def loaders(self) -> dict[Any, Any]:
        return {}


@contextmanager
def _every_edge() -> Iterator[None]:
    name = "SKIP_PARTITION_DATA_VERSION_DEPENDENCY_THRESHOLD"
    before = getattr(dagster_data_version, name)
    setattr(dagster_data_version, name, UNLIMITED)
    try:
        yield
    finally:
        setattr(dagster_data_version, name, before)


def stale_partitions(
    instance: dg.DagsterInstance, graph: Any, asset: dg.AssetKey, partition_keys: Iterable[str | None]
) -> list[str | None]:
    """Those of the given partitions that are missing, or whose code or inputs have changed since they were made."""
    resolver = CachingStaleStatusResolver(instance, graph, _Loading(instance))
    with _every_edge():
        return [key for key in partition_keys if resolver.get_status(asset, key) is not StaleStatus.FRESH]


def observe(instance: dg.DagsterInstance, asset: dg.AssetKey, versions: dict[str, str]) -> list[str]:
    """Report what an external asset's partitions hold now; what has not changed since is not reported again.

    Returns:
        The partition keys whose version changed.
    """
    changed = []
    for key, version in versions.items():
        if observed_version(instance, asset, key) != version:
            instance.report_runless_asset_event(observation(asset, key, version))
            changed.append(key)
    return changed


def observation(asset: dg.AssetKey, key: str, version: str) -> dg.AssetObservation:
    """The event that says what an external asset's partition holds."""
    return dg.AssetObservation(asset_key=asset, partition=key, tags={DATA_VERSION_TAG: version})


def observed_version(instance: dg.DagsterInstance, asset: dg.AssetKey, key: str) -> str | None:
    """What the last observation of a partition said, or None if there is none."""
    record = instance.get_latest_data_version_record(asset, is_source=True, partition_key=key)
    version = dagster_data_version.extract_data_version_from_entry(record.event_log_entry) if record else None
    return version.value if version else None


def report_replaced(
    instance: dg.DagsterInstance,
    asset: dg.AssetKey,
    key: str,
    version: str,
    metadata: Mapping[str, dg.MetadataValue | str] | None = None,
) -> bool:
    """Report that a partition of an asset holds something else now, though no run made it: what follows is stale.

    Code version and inputs stay those of the run that made it last. An event without them would never be stale again.

    Args:
        instance: Where events are recorded.
        asset: The asset.
        key: The partition.
        version: Data version of what it holds now.
        metadata: Shown with the event.

    Returns:
        Whether it was reported; a partition that no run made yet stays missing, and a run will make it.
    """
    latest = instance.get_latest_data_version_record(asset, is_source=False, partition_key=key)
    made = latest.asset_materialization if latest else None
    if made is None:
        return False
    tags = {name: value for name, value in (made.tags or {}).items() if name.startswith("dagster/")}
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            asset, partition=key, metadata=dict(metadata or {}), tags={**tags, DATA_VERSION_TAG: version}
        )
    )
    return True
