"""Bringing a plant up to date: what `factory materialize` does, without the terminal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from factory_assets.foundation.lake import Partition
from factory_assets.foundation.settings import Site


def bring_up_to_date(
    site: Site,
    *,
    fleets: Sequence[str] = (),
    products: Sequence[str] = (),
    rooms: Sequence[str] | None = None,
    planned: dt.date | None = None,
    on_progress: Callable[[Any], None] = lambda _: None,
) -> Any:
    """Collect what is new, and run every asset that is stale because of it (or because code or settings changed).

    Args:
        site: The plant and its places.
        fleets: Only these; all if neither fleets nor products are named.
        products: Only these inspected products; all if neither is named.
        rooms: Only these rooms (asset groups); all if None.
        planned: The day whose schedule is made; the one that has begun if None.
        on_progress: Told before and after each run, with a `foundation.runs.Progress`.

    Returns:
        A `foundation.runs.Refreshed`.

    Raises:
        SegmentRefusedError: A source file of an archive is not what the plant file says; a running plant goes on with
            its other files, and the refused ones are among the warnings.
        SegmentNotWrittenError: The disk is full.
        HomeTakenError: The home belongs to another plant.
        RunFailedError: A step or a blocking check failed.
    """
    import dagster as dg

    from factory_assets.warehouse.project import ensure_manifest

    ensure_manifest()
    from factory_assets.definitions import build_defs
    from factory_assets.foundation import partitions as parts
    from factory_assets.foundation.runs import Scope, open_instance, refresh
    from factory_assets.foundation.staleness import observe
    from factory_assets.historian import segments

    is_all = not fleets and not products
    wanted = list(site.plant.fleet_names) if is_all else [site.plant.fleet(name).name for name in fleets]
    looked_at = list(site.plant.product_names) if is_all else [site.plant.product(name).name for name in products]
    instance = open_instance(site.home.dagster)
    days = _ended_days(site)
    to_plan = _planned(site, planned) if is_all else []
    refused: list[tuple[str, str]] = []

    def scope() -> Scope:
        contents = _collected(site, wanted, refused) if wanted else {}
        versions = {parts.to_key(p): segments.source_version(m) for p, m in contents.items()}
        observe(instance, dg.AssetKey("historian_source"), versions)
        observe(instance, dg.AssetKey("image_source"), _image_versions(site, looked_at))
        observe(instance, dg.AssetKey("station_results"), _results_versions(site, looked_at))
        observe(instance, dg.AssetKey("erp"), _erp_versions(site, to_plan))
        return Scope(
            readings=sorted(contents, key=str),
            days=days,
            planned=to_plan,
            unfinished=_unfinished(site, days),
            fleets=wanted,
            products=looked_at,
            rooms=rooms,
        )

    done = refresh(build_defs(site), instance, site.plant, scope, on_progress)
    return replace(done, warnings=[*done.warnings, *segments.told(refused).splitlines()])


def joined(first: Any, second: Any) -> Any:
    """Two refreshes as one."""
    return replace(second, executed=[*first.executed, *second.executed], warnings=[*first.warnings, *second.warnings])


def _collected(site: Site, fleets: Sequence[str], refused: list[tuple[str, str]]) -> dict[Partition, Any]:
    """Collect what is new of some fleets; what segments hold of them, and in `refused` the files that were refused."""
    from factory_assets.historian import segments
    from factory_assets.historian.reading import SegmentRefusedError

    found = segments.collect(site, now=dt.datetime.now(dt.UTC), fleets=fleets)
    if found.refused and not site.plant.running:
        raise SegmentRefusedError(segments.told(found.refused))
    refused[:] = found.refused
    return {p: m for p, m in segments.contents(site.home.segments).items() if p.fleet in fleets}


def _image_versions(site: Site, products: Sequence[str]) -> dict[str, str]:
    from factory_assets.inspection.source import source_version

    found = {name: source_version(site.folder(site.plant.product(name).images.folder)) for name in products}
    return {name: version for name, version in found.items() if version is not None}


def _results_versions(site: Site, products: Sequence[str]) -> dict[str, str]:
    from factory_assets.inspection.results.collecting import source_version

    version = source_version(site.home.results) if products else ""
    return dict.fromkeys(products, version)


def _planned(site: Site, day: dt.date | None) -> list[dt.date]:
    settings = site.plant.planning
    return [] if settings is None else [day or settings.day_of(dt.datetime.now(dt.UTC))]


def _erp_versions(site: Site, days: Sequence[dt.date]) -> dict[str, str]:
    """What the ERP holds now; nothing where it cannot be read, which the asset that reads it says itself."""
    if not days:
        return {}
    from factory_assets.planning.erp.errors import ErpError
    from factory_assets.planning.intake import source_version

    try:
        return {day.isoformat(): source_version(site) for day in days}
    except ErpError:
        return {}


def _ended_days(site: Site) -> list[dt.date]:
    """The days that a simulated plant can have written whole: up to yesterday."""
    if site.plant.simulator is None or site.plant.start is None:
        return []
    count = (dt.datetime.now(dt.UTC).date() - site.plant.start).days
    return [site.plant.start + dt.timedelta(days=day) for day in range(count)]


def _unfinished(site: Site, days: Sequence[dt.date]) -> list[dt.date]:
    """Days whose file ends before the day does: they were simulated while they were going on."""
    from factory_assets.reference_plant.historian_export import day_file, is_whole

    folder = site.folder(site.plant.source.folder)
    return [day for day in days if day_file(folder, day).is_file() and not is_whole(folder, day)]
