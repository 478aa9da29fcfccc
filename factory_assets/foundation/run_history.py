"""Old Dagster runs: which of them nothing depends on any more, and removing them with their logs.

Deleting a run deletes its events, materialisations included, and what they made would count as missing. So a run stays
for as long as it holds the newest word on any partition of any asset.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
from dagster._core.events import DagsterEventType
from dagster._core.storage.dagster_run import FINISHED_STATUSES

from factory_assets.foundation.retention import Removed, size_bytes

TOGETHER = 500


def removable_runs(instance: dg.DagsterInstance, *, before: dt.datetime) -> list[Removed]:
    """Finished runs, not touched since `before` (aware), that hold the newest word on nothing."""
    old = instance.get_run_records(
        dg.RunsFilter(statuses=list(FINISHED_STATUSES), updated_before=before), ascending=True
    )
    if not old:
        return []
    needed = _needed(instance)
    found = []
    for run_record in old:
        run = run_record.dagster_run
        if run.run_id not in needed:
            why = (
                f"{run.status.value.lower()} on {run_record.update_timestamp:%Y-%m-%d}, made nothing that is there now"
            )
            found.append(Removed("run", run.run_id, why, size_bytes(_files(instance, run.run_id))))
    return found


def remove_runs(instance: dg.DagsterInstance, removed: Sequence[Removed]) -> None:
    """Delete what `removable_runs` found: runs, events, log files."""
    for thing in removed:
        instance.delete_run(thing.name)
        for place in _files(instance, thing.name):
            if place.is_dir():
                shutil.rmtree(place, ignore_errors=True)
            else:
                place.unlink(missing_ok=True)


def _needed(instance: dg.DagsterInstance) -> set[str]:
    """Runs that hold the newest materialisation, observation, failure or check of anything."""
    storage = instance.event_log_storage
    needed: set[str] = set()
    for asset in storage.all_asset_keys():
        needed |= set(_of_newest(instance, asset))
        attempts = storage.get_latest_asset_partition_materialization_attempts_without_materializations(asset)
        needed |= {run_id for run_id, _ in attempts.values()}
    return needed


def _of_newest(instance: dg.DagsterInstance, asset: dg.AssetKey) -> Iterator[str]:
    storage = instance.event_log_storage
    for kind, fetch in (
        (DagsterEventType.ASSET_MATERIALIZATION, instance.fetch_materializations),
        (DagsterEventType.ASSET_OBSERVATION, instance.fetch_observations),
    ):
        yield from (record.run_id for record in fetch(asset, limit=1).records)
        ids = list(storage.get_latest_storage_id_by_partition(asset, kind).values())
        for start in range(0, len(ids), TOGETHER):
            chosen = dg.AssetRecordsFilter(asset_key=asset, storage_ids=ids[start : start + TOGETHER])
            yield from (record.run_id for record in fetch(chosen, limit=TOGETHER).records)


def _files(instance: dg.DagsterInstance, run_id: str) -> list[Path]:
    """A run's event log and captured output, where these are files."""
    storage = instance.event_log_storage
    found = [Path(instance.storage_directory()) / run_id]
    if hasattr(storage, "path_for_shard"):
        log = Path(storage.path_for_shard(run_id))
        found += [log, log.with_name(f"{log.name}-wal"), log.with_name(f"{log.name}-shm")]
    return [place for place in found if place.exists()]
