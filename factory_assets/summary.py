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


def models_table(site: Site) -> Table:
    """Models per fleet: error on test units, and the bundle that was made of them."""
    lake = Lake(site.home.lake)
    figures = ("test lives", "RMSE capped", "RMSE raw", "RMSE of the mean")
    table = Table("fleet", *[_right(name) for name in figures], "bundle", "engines")
    table.title = "Models of remaining useful life (cycles)"
    for fleet in site.plant.fleet_names:
        if not lake.has("rul_evaluation", Partition(fleet)):
            continue
        row = lake.read("rul_evaluation", Partition(fleet)).row(0, named=True)
        errors = [f"{row[name]:.2f}" for name in ("rmse_capped", "rmse_raw", "rmse_of_mean_capped")]
        table.add_row(fleet, str(row["lives"]), *errors, *_bundle_cells(site, fleet))
    return table


def _bundle_cells(site: Site, fleet: str) -> tuple[str, str]:
    from edge_runtime.bundle import load_manifest

    path = site.home.bundles / fleet / "manifest.json"
    if not path.is_file():
        return "", ""
    manifest = load_manifest(path)
    files = [(", ".join(graph.targets), graph.bytes) for graph in manifest.graphs]
    files += [(engine.target, engine.bytes) for engine in manifest.engines]
    return f"{manifest.bundle} {manifest.version}", ", ".join(f"{name} {size / 1e6:.2f} MB" for name, size in files)


def print_evaluation(fleet: str, figures: dict[str, Any]) -> None:
    """The scores of one fleet's bundle, with the test truth capped and raw."""
    table = Table("convention", _right("RMSE (cycles)"), _right("PHM08 score"))
    table.title = f"{fleet}: {figures['units']} test units, one prediction each, at the last cycle"
    for convention in ("capped", "raw"):
        rmse, score = figures[f"rmse_{convention}"], figures[f"phm08_{convention}"]
        table.add_row(f"test truth {convention}", f"{rmse:.2f}", f"{score:,.1f}")
    console.print(table)


def edge_table(pulled: dict[str, Any], predictions: list[dict[str, Any]]) -> Table:
    """What the edge predicted, the most urgent units first."""
    table = Table("unit", _right("operating cycles"), _right("predicted RUL (cycles)"))
    table.title = f"Predicted at the edge with release {pulled['release']}"
    for entry in sorted(predictions, key=lambda entry: entry["rul_cycles"]):
        table.add_row(entry["unit_id"], str(entry["cycle"]), f"{entry['rul_cycles']:.0f}")
    return table


def _right(name: str) -> Any:
    from rich.table import Column

    return Column(name, justify="right")
