"""The doctor's look at the state folder: room on the disk, and whose data it holds."""

from __future__ import annotations

import shutil

import polars as pl

from factory_assets.foundation.lake import Lake
from factory_assets.foundation.plant import Plant
from factory_assets.foundation.settings import DataFolderMissingError, Site
from factory_assets.historian.doctor.findings import Finding, some

CATALOGUE = "channel_catalogue"
# Segments, tables and models together take about as much as the exports; Parquet is small, copies are several.
ROOM_NEEDED = 2.0
LEAST_FREE = 2**30
ALIKE = 0.5


def check(site: Site) -> list[Finding]:
    """Whether there is room for the tables, and whether the home holds another plant of the same name."""
    return [*_disk(site), *_other_plant(site)]


def _disk(site: Site) -> list[Finding]:
    home = site.home.root
    there = next(folder for folder in (home, *home.parents) if folder.is_dir())
    free = shutil.disk_usage(there).free
    needed = max(LEAST_FREE, int(ROOM_NEEDED * _source_bytes(site)))
    message = f"{_gib(free)} free for {home}; about {_gib(needed)} are needed"
    if free >= needed:
        return [Finding("ok", (), message)]
    return [Finding("problem", (), message, "make room, or choose another state folder by --home or FACTORY_HOME")]


def _source_bytes(site: Site) -> int:
    try:
        folder = site.folder(site.plant.source.folder)
    except DataFolderMissingError:
        return 0
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0


def _other_plant(site: Site) -> list[Finding]:
    """Tables that were made from quite other channels are another plant's."""
    lake = Lake(site.home.lake)
    if not lake.has(CATALOGUE):
        return []
    held = _names(lake.read(CATALOGUE))
    mine = _names(_catalogue(site.plant))
    likeness = len(held & mine) / len(held | mine)
    if likeness >= ALIKE:
        return [Finding("ok", ("plant",), f"{site.home.root} holds tables of this plant")]
    foreign = some([f"{fleet}/{tag}" for fleet, tag in sorted(held - mine)])
    message = (
        f"{site.home.root} holds tables of other channels under the name {site.plant.plant}: {foreign}. Two plants on "
        "one home would mix their data"
    )
    return [Finding("problem", ("plant",), message, "give this plant another name, or another home by --home")]


def _names(catalogue: pl.DataFrame) -> set[tuple[str, str]]:
    return set(catalogue.select("fleet", "tag").iter_rows())


def _catalogue(plant: Plant) -> pl.DataFrame:
    rows = [(fleet, channel.source_tag) for fleet in plant.fleet_names for channel in plant.channels(fleet)]
    return pl.DataFrame(rows, schema=["fleet", "tag"], orient="row")


def _gib(size: int) -> str:
    return f"{size / 2**30:,.1f} GiB"
