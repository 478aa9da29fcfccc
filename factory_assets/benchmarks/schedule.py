"""The daily schedule: gaps to best known makespans, PyJobShop beside it, costs, breakdowns, contradictions."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from factory_assets.benchmarks import schedule_contradictions, schedule_figures
from factory_assets.benchmarks.report import Options, Report
from factory_assets.benchmarks.schedule_instances import QUICK
from factory_assets.benchmarks.schedule_jobs import RowFile
from factory_assets.benchmarks.schedule_runs import PARTS, Plan, measure
from factory_assets.benchmarks.schedule_shops import CASES
from factory_assets.benchmarks.schedule_summary import results
from factory_assets.foundation.settings import PROJECT_ROOT

NAME = "schedule"
TITLE = "The daily schedule: how near to the best known makespans, how much cheaper, how fast again after a breakdown."
DATA = "scheduling"
CONTRADICTIONS = "contradictions"
ALL_PARTS = (*PARTS, CONTRADICTIONS)
QUICK_CASES = 4
FULL_SECONDS, FULL_WORKERS, FULL_SEEDS = 30, 2, 2


def run(options: Options) -> Report:
    """Run the published list with what is in the data folder."""
    plan = planned(options)
    if plan is None:
        told = f"Not measured: {DATA} is not there. Give --data, or set FACTORY_DATA to the folder that holds {DATA}/."
        return Report(NAME, TITLE, figures=[], notes=[told])
    return measured(plan, RowFile(options.folder / "rows.jsonl"), is_quick=options.is_quick)


def planned(options: Options) -> Plan | None:
    """The plan of a run without options of its own; None where the data are not there."""
    folder = data_folder()
    if folder is None:
        return None
    plan = Plan(
        folder,
        folder / "bounds.json",
        seconds=options.size("seconds", full=FULL_SECONDS, quick=2),
        workers=options.size("workers", full=FULL_WORKERS, quick=1),
        seeds=options.size("seeds", full=FULL_SEEDS, quick=1),
        parts=ALL_PARTS,
    )
    return replace(plan, names=QUICK) if options.is_quick else plan


def data_folder() -> Path | None:
    """The instances in FACTORY_DATA, or in the data folder beside a development checkout; None if in neither."""
    for place in (os.environ.get("FACTORY_DATA"), PROJECT_ROOT.parent / "shared" / "data"):
        if place and (Path(place) / DATA / "bounds.json").is_file():
            return Path(place) / DATA
    return None


def measured(
    plan: Plan, rows: RowFile, *, is_quick: bool = False, say: Callable[[str], None] = lambda _: None
) -> Report:
    """Do what has no row yet, and report all.

    Args:
        plan: What is asked.
        rows: Where finished rows are kept.
        is_quick: Only a few contradictions.
        say: Told of each finished run.

    Raises:
        ScheduleBenchmarkError: The plan cannot be run, or rows were made with something else.
    """
    outcome = measure(plan, rows, say)
    explained: Sequence[schedule_contradictions.Explained] = ()
    if CONTRADICTIONS in plan.parts:
        explained = schedule_contradictions.all_explained(CASES[:QUICK_CASES] if is_quick else CASES)
    return Report(
        NAME,
        TITLE,
        figures=schedule_figures.figures(outcome, explained),
        details=schedule_figures.details(outcome, explained),
        notes=schedule_figures.notes(outcome),
        results={**results(outcome), CONTRADICTIONS: [asdict(one) for one in explained]},
    )
