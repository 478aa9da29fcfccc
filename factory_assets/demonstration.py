"""`factory demo`: the whole graph on the reference plant, then the edge, as a newcomer would see both."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import polars as pl

from factory_assets import operations, summary
from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.settings import Site
from factory_assets.inspection.results import figures
from factory_assets.stations import simulated_stations

# Parts that come along at the station of the demonstration.
PARTS = 40


class EdgeFailedError(FactoryError, RuntimeError):
    """The edge runtime refused or failed; the message is its own."""


def run(site: Site, edge: Path) -> None:
    """Bring the plant up to date, pull its release with the edge runtime, predict, inspect, and show what came of it.

    Args:
        site: The reference plant.
        edge: The `factory-edge` command, best one of an environment that holds nothing else.

    Raises:
        EdgeFailedError: The edge refused the release or the readings.
    """
    summary.console.print(f"[bold]{site.plant.title}[/bold]: from its historian to the edge")
    yesterday = _first_planned_day(site)
    with summary.progress_lines(site.home.log) as on_progress:
        done = operations.bring_up_to_date(site, planned=yesterday, on_progress=on_progress)
        if yesterday is not None:
            done = operations.joined(done, operations.bring_up_to_date(site, on_progress=on_progress))
    summary.print_result(site, done)
    if (adherence := summary.adherence_table(site)).row_count:
        summary.console.print(adherence)
    go_to_the_edge(site, edge)
    inspect_at_the_line(site, edge)
    _print_where_next(site, edge)


def _first_planned_day(site: Site) -> dt.date | None:
    """Yesterday, where nothing has been planned yet: the floor works on that, and today is planned on what it did."""
    settings = site.plant.planning
    if settings is None or Lake(site.home.lake).days("daily_schedule"):
        return None
    return settings.day_of(dt.datetime.now(dt.UTC)) - dt.timedelta(days=1)


def inspect_at_the_line(site: Site, edge: Path, parts: int = PARTS) -> None:
    """Run the inspection service of the first product on new parts, and take its verdicts over into the lake."""
    for station in simulated_stations(site)[:1]:
        config = station.write_config(port=None)
        truth = {part.part: part.label for part in (station.line.next_part() for _ in range(parts))}
        _edge(edge, station.folder / "served.json", "run", "--config", config, "--parts", str(parts))
        with summary.progress_lines(site.home.log) as on_progress:
            operations.bring_up_to_date(site, on_progress=on_progress)
        verdicts = figures.newest(Lake(site.home.lake), station.product).filter(pl.col("part_id").is_in(list(truth)))
        summary.console.print(summary.served_table(station.name, verdicts, truth))


def go_to_the_edge(site: Site, edge: Path) -> None:
    """Pull the plant's release with the edge runtime; let it predict for running units, and inspect parts."""
    pulled = _edge(edge, _state(site) / "pull.json", "pull", "--releases", site.home.releases, "--state", _state(site))
    predict_at_the_edge(site, edge, pulled)
    inspect_at_the_edge(site, edge)


def _state(site: Site) -> Path:
    return site.home.root / "edge"


def inspect_at_the_edge(site: Site, edge: Path) -> None:
    """Let the edge runtime look at the parts that models were neither trained nor tuned on, and show its verdicts."""
    state, reports = _state(site), {}
    for product in site.plant.product_names:
        parts = write_edge_parts(site, product, state / "parts" / product)
        name = ("--product", product)
        reports[product] = _edge(edge, state / f"{product}.json", "inspect", "--state", state, "--input", parts, *name)
    if reports:
        summary.console.print(summary.inspected_table(reports))


def write_edge_parts(site: Site, product: str, folder: Path) -> Path:
    """Put the images of a product's test parts into a folder, as a camera would; returns the folder."""
    from factory_assets.inspection.image_store import open_store

    frame = Lake(site.home.lake).read("inspection_training_set", Partition(product)).filter(pl.col("split") == "test")
    shutil.rmtree(folder, ignore_errors=True)
    with open_store(site.folder(site.plant.product(product).images.folder)) as store:
        for name in frame["image"]:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(store.read(name))
    return folder


def predict_at_the_edge(site: Site, edge: Path, pulled: dict[str, Any]) -> None:
    """Predict for all running units with the edge runtime, and show the most urgent.

    Args:
        site: The plant.
        edge: The `factory-edge` command.
        pulled: What it said of the release that it pulled.
    """
    state = _state(site)
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
        ("see a station inspect parts", "make dev, then open http://127.0.0.1:3002"),
        ("the schedule, as a page", site.home.schedules),
        ("what if a machine breaks down", "factory schedule what-if --help"),
        ("tables (Parquet)", site.home.lake),
        ("training runs", f"mlflow ui --backend-store-uri {site.home.mlflow_uri}"),
        ("the signed release", site.home.releases),
        ("the edge", f"{edge} status --state {site.home.root / 'edge'}"),
        ("score a model", "factory evaluate rul --fleet press; factory evaluate inspection --product casting"),
        ("bring your own plant", "README.md, 'Your own plant'"),
    ]
    summary.console.print("\n[bold]Where to look next[/bold] (commands are in .venv/bin)")
    for what, where in lines:
        summary.console.print(f"  {what:<38} {where}", soft_wrap=True)
