"""Bringing a plant up to date in this process: what is stale is run, in order, and nothing else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from factory_assets.foundation import partitions as parts
from factory_assets.foundation.causes import plain_causes
from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.instance import open_instance
from factory_assets.foundation.lake import Partition
from factory_assets.foundation.plant import Plant
from factory_assets.foundation.staleness import stale_partitions

# A tag of assets that are a record of what was said on a day: of their partitions only the newest is ever made anew.
NEWEST_ONLY = "factory/newest_only"
# A tag of assets whose days are those that are planned (`Scope.planned`), not those that have readings.
PLANNED_DAYS = "factory/planned_days"

__all__ = [
    "NEWEST_ONLY",
    "PLANNED_DAYS",
    "Progress",
    "Refreshed",
    "RunFailedError",
    "Scope",
    "open_instance",
    "refresh",
]


class RunFailedError(FactoryError, RuntimeError):
    """A Dagster run that did not succeed; the message names the step and the cause."""


@dataclass(frozen=True)
class Progress:
    """What is about to be run, or was."""

    room: str
    assets: tuple[str, ...]
    partitions: int
    partition_key: str | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Scope:
    """What a refresh may touch.

    Attributes:
        readings: Partitions of readings for which the historian holds something.
        days: Days that a simulated plant may write.
        planned: Days whose schedule is made.
        unfinished: Simulated days that were written while they were going on, and so have to be written again.
        fleets: The fleets that were asked for.
        products: The inspected products that were asked for.
        rooms: Only these rooms (asset groups), or None for all.
    """

    readings: Sequence[Partition] = ()
    days: Sequence[dt.date] = ()
    planned: Sequence[dt.date] = ()
    unfinished: Sequence[dt.date] = ()
    fleets: Sequence[str] = ()
    products: Sequence[str] = ()
    rooms: Sequence[str] | None = None


@dataclass
class Refreshed:
    """What a refresh did: executed (asset, partitions) pairs and checks that failed without blocking."""

    executed: list[Progress] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def refresh(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    plant: Plant,
    scope: Callable[[], Scope],
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Refreshed:
    """Run every stale partition of every asset, upstream first.

    Staleness is asked for when an asset's turn comes, so that what came out as before stops the work there.

    Args:
        defs: The code location.
        instance: Where runs are recorded.
        plant: The plant file.
        scope: Asked anew before each asset, since what the historian holds may change on the way.
        on_progress: Told before and after each run.

    Raises:
        RunFailedError: A step failed, or a blocking check did.
    """
    repository = defs.get_repository_def()
    graph = repository.asset_graph
    job = defs.resolve_implicit_global_asset_job_def()
    runner = _Runner(job, instance, on_progress)
    for group in _in_order(graph):
        node = graph.get(group[0])
        current = scope()
        if current.rooms is not None and node.group_name not in current.rooms:
            continue
        is_planned = PLANNED_DAYS in node.tags
        candidates = (
            [day.isoformat() for day in current.planned]
            if is_planned
            else _candidates(node.partitions_def, current, is_newest_only=NEWEST_ONLY in node.tags)
        )
        stale = {key for asset in group for key in stale_partitions(instance, graph, asset, candidates)}
        if isinstance(node.partitions_def, dg.DailyPartitionsDefinition) and not is_planned:
            stale |= {day.isoformat() for day in current.unfinished}
        for batch in _batches(plant, node.partitions_def, [key for key in candidates if key in stale]):
            runner.execute(node.group_name or "", group, batch)
    runner.done.warnings += failed_checks(runner.failed)
    return runner.done


def failed_checks(failed: Sequence[tuple[str, str, str | None]]) -> list[str]:
    """Checks that failed without blocking, those of an asset that failed for the same partitions in one line.

    Args:
        failed: Asset, check and partition (None where there are none) of each.
    """
    of_check: dict[tuple[str, str], list[str]] = {}
    for asset, check, partition in failed:
        of_check.setdefault((asset, check), []).extend([partition] if partition else [])
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (asset, check), partitions in of_check.items():
        together.setdefault((asset, tuple(dict.fromkeys(partitions))), []).append(check)
    lines = []
    for (asset, named), checks in together.items():
        where = f" ({', '.join(named)})" if named else ""
        lines.append(f"{asset}{where}: check{'s' if len(checks) > 1 else ''} {', '.join(checks)} failed")
    return lines


@dataclass(frozen=True)
class _Batch:
    keys: int
    label: str | None = None
    partition_key: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


def _in_order(graph: Any) -> list[tuple[dg.AssetKey, ...]]:
    """Materialisable assets, upstream first; those that one function makes together, together."""
    waiting: dict[frozenset[dg.AssetKey], None] = {}
    for key in graph.toposorted_asset_keys:
        node = graph.get(key)
        if node.is_materializable:
            waiting[frozenset(node.assets_def.keys) & graph.materializable_asset_keys] = None
    ordered: list[tuple[dg.AssetKey, ...]] = []
    while waiting:
        later = frozenset().union(*waiting)
        # What is made together may stand far apart in the graph: it is ready when none of it waits for the others.
        ready = next(group for group in waiting if not _parents(graph, group) & (later - group))
        ordered.append(tuple(sorted(ready)))
        del waiting[ready]
    return ordered


def _parents(graph: Any, group: frozenset[dg.AssetKey]) -> set[dg.AssetKey]:
    return {parent for key in group for parent in graph.get(key).parent_keys}


def _candidates(
    definition: dg.PartitionsDefinition | None, scope: Scope, *, is_newest_only: bool = False
) -> list[str | None]:
    if definition is None:
        return [None]
    if isinstance(definition, dg.MultiPartitionsDefinition):
        known = definition.get_partitions_def_for_dimension(parts.FLEET).get_partition_keys()
        of_known = [partition for partition in scope.readings if partition.fleet in known]
        return [parts.to_key(partition) for partition in (_newest(of_known) if is_newest_only else of_known)]
    if isinstance(definition, dg.DailyPartitionsDefinition):
        return [day.isoformat() for day in scope.days]
    keys = set(definition.get_partition_keys())
    with_readings = {partition.fleet for partition in scope.readings} & keys
    fleets = [fleet for fleet in scope.fleets if fleet in with_readings]
    return [*fleets, *(product for product in scope.products if product in keys)]


def _newest(readings: Sequence[Partition]) -> list[Partition]:
    """The newest day of each fleet."""
    of_fleet: dict[str | None, Partition] = {}
    for partition in sorted(readings, key=lambda one: one.day or ""):
        of_fleet[partition.fleet] = partition
    return list(of_fleet.values())


def _batches(plant: Plant, definition: dg.PartitionsDefinition | None, keys: list[str | None]) -> list[_Batch]:
    if definition is None:
        return [_Batch(1) for _ in keys]
    named = [key for key in keys if key is not None]
    if isinstance(definition, dg.MultiPartitionsDefinition):
        ranges = parts.rectangles(plant, [parts.from_key(key) for key in named])
        return [_ranged(definition, first, last) for first, last in ranges]
    if isinstance(definition, dg.DailyPartitionsDefinition) and named:
        return [_ranged(definition, first, last) for first, last in parts.day_ranges(named)]
    return [_Batch(1, label=key, partition_key=key) for key in named]


def _ranged(definition: dg.PartitionsDefinition, first: str, last: str) -> _Batch:
    keys = definition.get_partition_keys_in_range(dg.PartitionKeyRange(first, last))
    return _Batch(len(keys), label=str(first), tags=parts.range_tags(first, last))


@dataclass(frozen=True)
class _Runner:
    """Executes batches in this process, and keeps account."""

    job: Any
    instance: dg.DagsterInstance
    on_progress: Callable[[Progress], None]
    done: Refreshed = field(default_factory=Refreshed)
    failed: list[tuple[str, str, str | None]] = field(default_factory=list)

    def execute(self, room: str, group: tuple[dg.AssetKey, ...], batch: _Batch) -> None:
        names = tuple(key.to_user_string() for key in group)
        self.on_progress(Progress(room, names, batch.keys, batch.label))
        began = dt.datetime.now(dt.UTC)
        result = self.job.execute_in_process(
            asset_selection=list(group),
            instance=self.instance,
            partition_key=batch.partition_key,
            tags=batch.tags,
            raise_on_error=False,
        )
        if not result.success:
            raise RunFailedError(_why(result, names))
        for check in result.get_asset_check_evaluations():
            if not check.passed:
                self.failed.append((check.asset_key.to_user_string(), str(check.check_name), batch.label))
        seconds = (dt.datetime.now(dt.UTC) - began).total_seconds()
        finished = Progress(room, names, batch.keys, batch.label, seconds)
        self.done.executed.append(finished)
        self.on_progress(finished)


def _why(result: Any, names: tuple[str, ...]) -> str:
    """The cause of each failed step, and the checks that failed."""
    causes = plain_causes(result.all_events)
    failed = [c for c in result.get_asset_check_evaluations() if not c.passed]
    causes += [f"check {c.check_name} of {c.asset_key.to_user_string()} failed: {_text(c.metadata)}" for c in failed]
    return f"{', '.join(names)} failed:\n" + "\n".join(dict.fromkeys(causes))


def _text(metadata: Any) -> str:
    return "; ".join(f"{name} = {getattr(value, 'value', value)}" for name, value in metadata.items())
