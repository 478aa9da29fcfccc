"""The command `factory bench schedule`: the scheduling benchmark on any folder of instances, resumable."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from factory_assets.benchmarks import schedule
from factory_assets.benchmarks.cli import BenchmarkOptionError, finish, run_all, sizes
from factory_assets.benchmarks.registry import Benchmark
from factory_assets.benchmarks.report import Options, Report
from factory_assets.benchmarks.runs import Run
from factory_assets.benchmarks.schedule_instances import PUBLISHED, ScheduleBenchmarkError
from factory_assets.benchmarks.schedule_jobs import RowFile
from factory_assets.benchmarks.schedule_runner import rows_file, words
from factory_assets.benchmarks.schedule_runs import Plan

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Asked(Benchmark):
    """The benchmark with a plan of its own."""

    changes: Callable[[Plan | None], Plan] = lambda plan: plan  # type: ignore[assignment,return-value]
    rows: Path | None = None

    def load(self) -> Callable[[Options], Report]:
        """What measures."""
        return self._measure

    def _measure(self, options: Options) -> Report:
        console = Console(highlight=False, markup=False)
        rows = self.rows or options.folder / "rows.jsonl"
        try:
            plan = self.changes(schedule.planned(options))
            say = partial(console.print, soft_wrap=True)
            return schedule.measured(plan, RowFile(rows), is_quick=options.is_quick, say=say)
        except ScheduleBenchmarkError as error:
            raise BenchmarkOptionError(str(error)) from error


@app.command()
def bench_schedule(  # noqa: PLR0917 (a command's options)
    instances: Annotated[
        Path | None, typer.Option(help="Folder of instances; default: that in the data folder.")
    ] = None,
    bounds: Annotated[Path | None, typer.Option(help="File of bounds; default: bounds.json beside them.")] = None,
    seconds: Annotated[float | None, typer.Option(help="For each run.")] = None,
    workers: Annotated[int | None, typer.Option(help="Threads of each run.")] = None,
    seeds: Annotated[int | None, typer.Option(help="How many.")] = None,
    engines: Annotated[str, typer.Option(help="With commas between.")] = "ours,pyjobshop",
    names: Annotated[str, typer.Option(help="Only these instances, with commas between.")] = "",
    parts: Annotated[str, typer.Option(help="What is asked.")] = ",".join(schedule.ALL_PARTS),
    jobs: Annotated[int, typer.Option(help="Runs at the same time, each on cores of its own.")] = 1,
    deadline: Annotated[float, typer.Option(help="Seconds after which no further run is begun.")] = float("inf"),
    resume: Annotated[Path | None, typer.Option(help="File of finished rows; default: beside --json.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Three small instances, 2 seconds.")] = False,  # noqa: FBT002
    size: Annotated[list[str] | None, typer.Option("--size", help="A size by name, such as seeds=3.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write rows and figures to this file.")] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Folder of real data sets, as FACTORY_DATA.")] = None,
    folder: Annotated[Path | None, typer.Option("--folder", help="Work below this folder; default: /tmp.")] = None,
) -> None:
    """Measure the daily schedule beside PyJobShop; what was finished before is not run again.

    Each finished run is added at once to OUT.rows.jsonl beside `--json OUT`. Ends with 1 if a goal is missed.
    """
    if data is not None:
        os.environ["FACTORY_DATA"] = str(data.resolve())

    def changes(plan: Plan | None) -> Plan:
        if instances is not None:
            plan = replace(
                plan or Plan(instances, instances), instances=instances, bounds=bounds or instances / "bounds.json"
            )
        elif bounds is not None and plan is not None:
            plan = replace(plan, bounds=bounds)
        if plan is None:
            raise ScheduleBenchmarkError("no instances are there: give --instances DIR and --bounds FILE")
        return replace(
            plan,
            seconds=plan.seconds if seconds is None else seconds,
            workers=plan.workers if workers is None else workers,
            seeds=plan.seeds if seeds is None else seeds,
            names=words(names) or plan.names,
            engines=words(engines),
            parts=words(parts),
            jobs=jobs,
            deadline_s=deadline,
        )

    rows = resume or (rows_file(json_file) if json_file is not None else None)
    asked = Asked(schedule.NAME, schedule.__name__, None, changes, rows)
    reports, machine = run_all([asked], Console(), is_quick=quick, sizes=sizes(size or []), folder=folder)
    finish([Run(machine, reports, not quick and _is_full(reports[0].results))], json_file)


def _is_full(results: Mapping[str, Any]) -> bool:
    """Whether the published list was run whole, as long and as often as the page asks for."""
    settings = results.get("settings")
    return (
        settings is not None
        and {row["instance"] for row in results["rows"]} == set(PUBLISHED)
        and (settings["seconds"], settings["workers"]) == (schedule.FULL_SECONDS, schedule.FULL_WORKERS)
        and settings["seeds"] >= schedule.FULL_SEEDS
        and set(settings["parts"]) == set(schedule.ALL_PARTS)
        and settings["not_run"] == 0
    )
