"""What the `factory` command shows: progress lines and tables, drawn by rich."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table

from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.settings import Site

console = Console(highlight=False)


@contextmanager
def progress_lines() -> Iterator[Callable[[Any], None]]:
    """Show a spinner while a run goes on, and leave one line behind for each that has ended."""
    with console.status("looking at what is there") as status:

        def show(progress: Any) -> None:
            names = ", ".join(progress.assets)
            what = f"{names} ({progress.partitions} partitions)" if progress.partitions > 1 else names
            if progress.seconds is None:
                status.update(f"{progress.room}: {what}")
            else:
                console.print(f"  {progress.room:<16} {what:<78} {progress.seconds:6.1f} s")

        yield show


def print_result(site: Site, done: Any) -> None:
    """What a refresh did, and the state that it left."""
    if not done.executed:
        console.print("Everything is up to date: nothing was run.")
    for warning in done.warnings:
        console.print(f"[yellow]warning[/yellow] {warning}")
    console.print(readings_table(site))
    console.print(models_table(site))


def readings_table(site: Site) -> Table:
    """Readings per fleet: extracted, accepted, quarantined, duplicates; and the lives found in them."""
    lake = Lake(site.home.lake)
    table = Table(
        "fleet",
        *[_right(name) for name in ("readings", "accepted", "quarantined", "duplicates", "lives", "failures")],
    )
    table.title = f"Readings of {site.plant.title or site.plant.plant}"
    for fleet in site.plant.fleet_names:
        if not lake.partitions("cleaning_ledger", fleet):
            continue
        sums = lake.read_fleet("cleaning_ledger", fleet).select(
            pl.col("extracted", "accepted", "quarantined", "duplicates").sum()
        )
        cells = [f"{value:,}" for value in sums.row(0)]
        if lake.has("unit_life", Partition(fleet)):
            lives = lake.read("unit_life", Partition(fleet))
            cells += [f"{lives.height:,}", f"{(lives['ended_by'] == 'failure').sum():,}"]
        table.add_row(fleet, *cells)
    return table


def _right(name: str) -> Any:
    from rich.table import Column

    return Column(name, justify="right")
