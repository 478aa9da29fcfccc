"""What the `factory` command shows: progress lines and tables, drawn by rich."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.settings import Site

console = Console(highlight=False)
UNITS_SHOWN = 8
URGENT_SHOWN = 3
# As people read it, and as tables name it.
INSPECTION_FIGURES = {
    "right": "accuracy",
    "AUROC": "auroc",
    "recall at 5 %": "recall_at_5_false_reject",
    "rejected": "false_reject_rate",
    "escaped": "escape_rate",
}
BOX_FIGURES = {
    "true boxes found": "recall",
    "true boxes found, IoU > 0.33": "recall_at_iou",
    "false blobs an image": "false_blobs_per_image",
}


@contextmanager
def progress_lines(log: Path) -> Iterator[Callable[[Any], None]]:
    """Show a spinner while a run goes on, and leave one line behind for each that has ended.

    What Dagster, dbt and TensorFlow write meanwhile goes to a log file: it would bury the lines that matter.
    """
    with _quietly(log) as terminal:
        shown = Console(highlight=False, file=terminal)
        with shown.status("looking at what is there") as status:

            def show(progress: Any) -> None:
                names = ", ".join(progress.assets)
                which = f"{progress.partitions} partitions" if progress.partitions > 1 else progress.partition_key
                what = f"{names} ({which})" if which else names
                if progress.seconds is None:
                    status.update(f"{progress.room}: {what}")
                else:
                    shown.print(f"  {progress.room:<16} {progress.seconds:6.1f} s  {what}", soft_wrap=True)

            yield show


@contextmanager
def _quietly(log: Path) -> Iterator[TextIO]:
    """Send this process's output, and that of its children and C libraries, to a file; hand out the terminal."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    before = os.dup(1), os.dup(2)
    with log.open("w", encoding="utf-8") as file, os.fdopen(os.dup(1), "w", encoding="utf-8") as terminal:
        try:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            yield terminal
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, original in enumerate(before, start=1):
                os.dup2(original, descriptor)
                os.close(original)


def print_result(site: Site, done: Any) -> None:
    """What a refresh did, and the state that it left."""
    if not done.executed:
        console.print("Everything is up to date: nothing was run.")
    for warning in done.warnings:
        console.print(f"[yellow]warning[/yellow] {warning}")
    for table in (
        readings_table(site),
        models_table(site),
        forecasts_table(site),
        inspection_table(site),
        release_table(site),
        schedule_table(site),
    ):
        if table.row_count:
            console.print(table)


def readings_table(site: Site) -> Table:
    """Readings per fleet: extracted, accepted, quarantined, duplicates; and the lives found in them."""
    lake = Lake(site.home.lake)
    table = Table(
        "fleet",
        *[_right(name) for name in ("readings", "accepted", "quarantined", "duplicates", "lives", "failures")],
    )
    table.title = f"Readings of {site.plant.title or site.plant.plant}"
    reasons: Counter[str] = Counter()
    for fleet in site.plant.fleet_names:
        if not lake.partitions("cleaning_ledger", fleet):
            continue
        reasons.update(lake.read_fleet("quarantined_reading", fleet)["reason"])
        sums = lake.read_fleet("cleaning_ledger", fleet).select(
            pl.col("extracted", "accepted", "quarantined", "duplicates").sum()
        )
        cells = [f"{value:,}" for value in sums.row(0)]
        if lake.has("unit_life", Partition(fleet)):
            lives = lake.read("unit_life", Partition(fleet))
            cells += [f"{lives.height:,}", f"{(lives['ended_by'] == 'failure').sum():,}"]
        table.add_row(fleet, *cells)
    told = [f"{name} {count:,}" for name, count in reasons.most_common()]
    table.caption = f"quarantined: {', '.join(told)}" if told else None
    return table


def models_table(site: Site) -> Table:
    """Models per fleet: their error on test lives, with both conventions, and that of predicting the mean."""
    lake = Lake(site.home.lake)
    figures = ("test lives", "truth capped", "truth raw", "predicting the mean, capped", "in 90 % interval", "width")
    table = Table("fleet", *[_right(name) for name in figures])
    table.title = "Models of remaining useful life: RMSE on test units (cycles)"
    for fleet in site.plant.fleet_names:
        if not lake.has("rul_evaluation", Partition(fleet)):
            continue
        scored = lake.read("rul_evaluation", Partition(fleet))
        if scored.is_empty():  # no unit is kept for the test
            continue
        row = scored.row(0, named=True)
        names = ("rmse_capped", "rmse_raw", "rmse_of_mean_capped")
        cells = [str(row["lives"]), *[f"{row[name]:,.1f}" for name in names]]
        table.add_row(fleet, *cells, f"{row['coverage_90']:.0%}", f"{row['width_90']:,.0f}")
    return table


def forecasts_table(site: Site) -> Table:
    """The most urgent units of each fleet, by the newest forecast."""
    lake = Lake(site.home.lake)
    table = Table("fleet", "unit", _right("remaining cycles"), _right("80 % interval"), "because of")
    table.title = "Forecasts: the most urgent units"
    cap = {fleet: site.plant.rul_settings(fleet).cap_cycles for fleet in site.plant.modelled_fleets}
    for fleet in site.plant.modelled_fleets:
        found = lake.partitions("rul_forecast", fleet)
        if not found:
            continue
        newest = lake.read("rul_forecast", max(found, key=lambda one: one.day or ""))
        for row in newest.filter(pl.col("rank") <= URGENT_SHOWN).sort("rank").iter_rows(named=True):
            left = f"over {cap[fleet]}" if row["is_at_cap"] else f"{row['rul_cycles']:.0f}"
            interval = f"{row['rul_low_80_cycles']:.0f} to {row['rul_high_80_cycles']:.0f}"
            style = "bold" if row["is_alert"] else None
            table.add_row(fleet, row["unit_id"], left, interval, row["reasons"] or "", style=style)
    table.caption = "bold: below the planning threshold (rul.alert_below_cycles)"
    return table


def schedule_table(site: Site) -> Table:
    """The newest schedule: what it costs, how good that is, and what a planner should know."""
    lake = Lake(site.home.lake)
    table = Table("schedule", _right("value"))
    days = lake.days("schedule_summary")
    if site.plant.planning is None or not days:
        return table
    from factory_assets.planning.day_tables import summary_shown

    table.title = f"Schedule of {days[-1]}, in force"
    shown = summary_shown(lake.read("schedule_summary", Partition(day=days[-1])), site.plant.planning.currency)
    for what, value in shown.iter_rows():
        table.add_row(what, value)
    table.caption = str(site.home.schedules / days[-1] / "gantt.html")
    return table


def adherence_table(site: Site) -> Table:
    """Planned against happened, for days that are over."""
    lake = Lake(site.home.lake)
    names = ("operations planned", "done", "begun within 30 min", "median deviation", "orders due", "on time")
    table = Table("day", *[_right(name) for name in names])
    table.title = "Planned against happened"
    if site.plant.planning is None or not lake.has("schedule_adherence_day"):
        return table
    for row in lake.read("schedule_adherence_day").filter("is_over").sort("plan_day").iter_rows(named=True):
        shares = [_percent(row[name]) for name in ("done_share", "begun_on_time_share")]
        median = row["median_abs_start_deviation_min"]
        deviation = "-" if median is None else f"{median:.0f} min"
        due = (str(row["n_orders_due"]), _percent(row["orders_on_time_share"]))
        table.add_row(str(row["plan_day"]), str(row["n_planned"]), *shares, deviation, *due)
    return table


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def inspection_table(site: Site) -> Table:
    """Models per inspected product, on test images of parts that no model was trained or tuned on."""
    lake = Lake(site.home.lake)
    table = Table("product", "method", *[_right(name) for name in ("images", *INSPECTION_FIGURES)])
    table.title = "Inspection of parts: shares of test images"
    table.caption = "recall where 5 % of sound parts are rejected; sound rejected and defects escaped at the threshold"
    for product in site.plant.product_names:
        if not lake.has("inspection_evaluation", Partition(product)):
            continue
        row = lake.read("inspection_evaluation", Partition(product)).row(0, named=True)
        cells = [_share(row[key]) for key in INSPECTION_FIGURES.values()]
        table.add_row(product, row["method"].replace("_", " "), f"{row['images']:,}", *cells)
    return table


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def release_table(site: Site) -> Table:
    """What is released: bundles, their engines and sizes, and the fingerprint that edges pin; empty before that."""
    from edge_runtime.bundle import load_manifest
    from factory_assets.engines.release import fingerprint
    from factory_assets.engines.repository import read_repository

    repository = read_repository(site.home.releases)
    if repository is None or repository.index is None:
        return Table()
    index = repository.index
    root = fingerprint(site.home.releases / "metadata" / "1.root.json")
    table = Table("bundle", "version", "file", _right("size"))
    table.title = f"Release {index.release}, signed; root sha256 {root[:16]}..."
    for entry in index.bundles:
        manifest = load_manifest(site.home.bundles / (entry.fleet or entry.product or "") / "manifest.json")
        files = [
            (f"{graph.path} ({graph.computes_in}: {', '.join(graph.targets)})", graph.bytes)
            for graph in manifest.graphs
        ]
        files += [(f"{e.path} ({e.precision}, {e.compiler})", e.bytes) for e in manifest.engines]
        files += [(f"{reference.path} (golden image)", reference.bytes) for reference in manifest.references]
        for number, (name, size) in enumerate(files):
            first = (entry.bundle, entry.version) if number == 0 else ("", "")
            table.add_row(*first, name, f"{size / 1e6:.2f} MB")
    return table


def print_evaluation(fleet: str, figures: dict[str, Any]) -> None:
    """The scores of one fleet's bundle, with the test truth capped and raw."""
    table = Table("convention", _right("RMSE (cycles)"), _right("PHM08 score"))
    table.title = f"{fleet}: {figures['lives']} test lives of {figures['units']} units"
    for convention in ("capped", "raw"):
        rmse, score = figures[f"rmse_{convention}"], figures[f"phm08_{convention}"]
        table.add_row(f"test truth {convention}", f"{rmse:.2f}", f"{score:,.1f}")
    console.print(table)


def print_inspection(figures: dict[str, Any]) -> None:
    """The scores of one product's bundle, with their intervals, and each label's."""
    table = Table("figure", _right("value"), _right("95 % interval"))
    table.title = f"bundle {figures['bundle']}: {figures['images']} images"
    for shown, name in {**INSPECTION_FIGURES, **BOX_FIGURES}.items():
        if name not in figures:
            continue
        value = figures[name]
        interval = figures["intervals"].get(name, figures.get(f"{name}_interval"))
        table.add_row(shown, _share(value), "" if interval is None else " to ".join(map(_share, interval)))
    table.caption = "; ".join(dict.fromkeys(figures["undefined"].values())) or None
    console.print(table)
    labels = Table("label", _right("images"), _right("told right"), _right("rejected"))
    for label, entry in figures["per_class"].items():
        labels.add_row(label, f"{entry['images']:,}", _share(entry.get("recall")), _share(entry.get("rejected")))
    console.print(labels)
    for entry in figures["not_scored"]:
        console.print(f"[yellow]not scored[/yellow] {entry['image']}: {entry['reason']}")


def inspected_table(inspected: dict[str, Any]) -> Table:
    """What the edge said of the parts of each product. `inspected`: the edge's reports, by product."""
    names = ("parts", "ok", "rejected", "rejected unseen")
    table = Table("product", *[_right(name) for name in names], "worst part")
    table.title = "Inspected at the edge: images as they came from the camera"
    for product, report in inspected.items():
        parts = report["parts"]
        said = Counter(part["verdict"] for part in parts)
        unseen = sum(part["failure"] is not None for part in parts)
        worst = max(parts, key=lambda part: (part["failure"] is None, part["score"]))
        table.add_row(
            product, f"{len(parts):,}", f"{said['ok']:,}", f"{said['nok']:,}", f"{unseen:,}",
            f"{worst['image']} ({worst['score']:.2f})",
        )  # fmt: skip
    return table


def served_table(station: str, verdicts: pl.DataFrame, truth: Mapping[str, str]) -> Table:
    """What a station said of new parts, beside what is true of them.

    Args:
        station: Its name.
        verdicts: Rows of `inspection_verdict`.
        truth: Label by part id, `ok` for sound parts.
    """
    table = Table("parts that are", *[_right(name) for name in ("parts", "ok", "rejected", "rejected unseen")])
    table.title = f"Inspected by the service at {station}: new parts, one after the other"
    said = {row["part_id"]: row for row in verdicts.iter_rows(named=True)}
    for label in sorted(set(truth.values()), key=lambda name: (name != "ok", name)):
        rows = [said[part] for part, true in truth.items() if true == label and part in said]
        ok = sum(row["verdict"] == "ok" for row in rows)
        unseen = sum(row["failure"] is not None for row in rows)
        table.add_row(label, f"{len(rows):,}", f"{ok:,}", f"{len(rows) - ok:,}", f"{unseen:,}")
    took_ms = verdicts.filter(pl.col("failure").is_null())["total_ms"].to_numpy()
    if len(took_ms):
        table.caption = f"from trigger to verdict: {np.median(took_ms):.1f} ms (median, on this machine)"
    return table


def edge_table(pulled: dict[str, Any], predictions: list[dict[str, Any]]) -> Table:
    """What the edge predicted, the most urgent units first."""
    table = Table("unit", _right("operating cycles"), _right("predicted RUL (cycles)"))
    table.title = f"Predicted at the edge with release {pulled['release']}: {len(predictions)} running units"
    table.caption = f"the {UNITS_SHOWN} most urgent" if len(predictions) > UNITS_SHOWN else None
    for entry in sorted(predictions, key=lambda entry: entry["rul_cycles"] or 0)[:UNITS_SHOWN]:
        table.add_row(entry["unit_id"], str(entry["cycle"]), entry["refused"] or f"{entry['rul_cycles']:.0f}")
    return table


def _right(name: str) -> Any:
    from rich.table import Column

    return Column(name, justify="right")
