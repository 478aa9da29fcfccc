"""`factory demo`: the whole graph on the reference plant, then the edge, as a newcomer would see both."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import polars as pl

from factory_assets import operations, summary
from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.settings import Site


class EdgeFailedError(FactoryError, RuntimeError):
    """The edge runtime refused or failed; the message is its own."""


def run(site: Site, edge: Path) -> None:
    """Bring the plant up to date, pull its release with the edge runtime, predict, and show what came of it.

    Args:
        site: The reference plant.
        edge: The `factory-edge` command, best one of an environment that holds nothing else.

    Raises:
        EdgeFailedError: The edge refused the release or the readings.
    """
    summary.console.print(f"[bold]{site.plant.title}[/bold]: from its historian to the edge")
    with summary.progress_lines(site.home.log) as on_progress:
        done = operations.bring_up_to_date(site, on_progress=on_progress)
    summary.print_result(site, done)
    predict_at_the_edge(site, edge)
    _print_where_next(site, edge)


def predict_at_the_edge(site: Site, edge: Path) -> None:
    """Pull the plant's release with the edge runtime, predict for all running units, and show the most urgent."""
    state = site.home.root / "edge"
    pulled = _edge(edge, state / "pull.json", "pull", "--releases", site.home.releases, "--state", state)
    predictions = [entry for fleet in site.plant.modelled_fleets for entry in _predicted(site, edge, state, fleet)]
    summary.console.print(summary.edge_table(pulled, predictions))


def _predicted(site: Site, edge: Path, state: Path, fleet: str) -> list[dict[str, Any]]:
    from factory_assets.engines.bundle import bundle_name

    readings = state / f"{fleet}.csv"
    write_edge_input(site, fleet, readings)
    bundle = ("--bundle", bundle_name(fleet))
    answer = _edge(edge, state / f"{fleet}.json", "predict", "--state", state, "--input", readings, *bundle)
    units: list[dict[str, Any]] = answer["units"]
    return units


def write_edge_input(site: Site, fleet: str, path: Path) -> None:
    """Write the operating cycles of the units that are running now: unit_id, cycle, channels in manifest units."""
    from edge_runtime.bundle import load_manifest
    from factory_assets.rul.training_set import life_cycles

    manifest = load_manifest(site.home.bundles / fleet / "manifest.json")
    lake = Lake(site.home.lake)
    lives = lake.read("unit_life", Partition(fleet)).filter(pl.col("ended_by") == "open", "is_start_known")
    cycles = life_cycles(lake.read_fleet("sensor_table", fleet), lives, site.plant, fleet)
    window = manifest.input("window")
    channels = [channel.name for channel in window.channels or ()]
    recent = cycles.filter(pl.col("cycle") > pl.col("cycle").max().over("unit_id") - int(window.shape[1]))
    path.parent.mkdir(parents=True, exist_ok=True)
    recent.select("unit_id", "cycle", *channels).write_csv(path)


def _edge(edge: Path, report: Path, *arguments: str | Path) -> dict[str, Any]:
    report.parent.mkdir(parents=True, exist_ok=True)
    command = [str(edge), *map(str, arguments), "--json", str(report)]
    # From another folder: in the repository's root, `edge_runtime` would import as a folder without code.
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=report.parent)
    if done.returncode != 0:
        raise EdgeFailedError(done.stderr.strip() or f"{edge} ended with {done.returncode}")
    answer: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return answer


def _print_where_next(site: Site, edge: Path) -> None:
    lines = [
        ("see the graph, its checks and plots", "make dev, then open http://127.0.0.1:3000"),
        ("tables (Parquet)", site.home.lake),
        ("training runs", f"mlflow ui --backend-store-uri {site.home.mlflow_uri}"),
        ("the signed release", site.home.releases),
        ("the edge", f"{edge} status --state {site.home.root / 'edge'}"),
        ("score a model", "factory evaluate rul --fleet press"),
        ("bring your own plant", "README.md, 'Your own plant'"),
    ]
    summary.console.print("\n[bold]Where to look next[/bold] (commands are in .venv/bin)")
    for what, where in lines:
        summary.console.print(f"  {what:<38} {where}", soft_wrap=True)
