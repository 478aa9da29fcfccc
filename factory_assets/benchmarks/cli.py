"""The command `factory bench`: runs benchmarks, shows their figures, and writes them down."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from factory_assets.benchmarks.machine import Machine, observed
from factory_assets.benchmarks.registry import BENCHMARKS, Benchmark, chosen
from factory_assets.benchmarks.rendering import as_page, print_report
from factory_assets.benchmarks.report import Options, Report
from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.lake import replacing

bench_app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class BenchmarkOptionError(FactoryError, ValueError):
    """An option of the command that cannot be used."""


@bench_app.command()
def bench(  # noqa: PLR0917 (a command's options)
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Which; all if none is named.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes: shows that it works.")] = False,  # noqa: FBT002
    size: Annotated[list[str] | None, typer.Option("--size", help="A size by name, such as rows=5000000.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
    write: Annotated[Path | None, typer.Option("--write", help="Write the page of a whole, full-sized run.")] = None,
    folder: Annotated[Path | None, typer.Option("--folder", help="Work below this folder; default: /tmp.")] = None,
) -> None:
    """Measure, print each figure with its goal, and end with 1 if a goal is missed."""
    benchmarks = chosen(names or [])
    if write is not None and (quick or size or len(benchmarks) < len(BENCHMARKS)):
        msg = "--write is for a run of all benchmarks in full size: leave names, --quick and --size out"
        raise BenchmarkOptionError(msg)
    reports, machine = run_all(benchmarks, Console(), is_quick=quick, sizes=sizes(size or []), folder=folder)
    if json_file is not None:
        value = {"machine": machine.as_json(), "benchmarks": [report.as_json() for report in reports]}
        _write(json_file, json.dumps(value, indent=1) + "\n")
    if write is not None:
        _write(write, as_page(reports, machine))
    if any(report.missed for report in reports):
        raise typer.Exit(1)


def run_all(
    benchmarks: Sequence[Benchmark],
    console: Console,
    *,
    is_quick: bool,
    sizes: dict[str, int],
    folder: Path | None = None,
) -> tuple[list[Report], Machine]:
    """Run benchmarks one after the other, each in a folder of its own that is removed behind it."""
    reports = []
    watched: list[Machine] = []
    with observed(watched):
        for benchmark in benchmarks:
            with tempfile.TemporaryDirectory(prefix=f"bench-{benchmark.name}-", dir=folder) as place:
                report = benchmark.load()(Options(folder=Path(place), is_quick=is_quick, sizes=sizes))
            print_report(console, report)
            reports.append(report)
    for line in watched[0].lines():
        console.print(line)
    return reports, watched[0]


def sizes(texts: Sequence[str]) -> dict[str, int]:
    """Sizes by name, from `name=number` texts.

    Raises:
        BenchmarkOptionError: A text is not of this form.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value.isdecimal() and int(value) > 0):
            msg = f"--size {text}: give a name and a whole number above 0, such as rows=5000000"
            raise BenchmarkOptionError(msg)
        found[name] = int(value)
    return found


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
