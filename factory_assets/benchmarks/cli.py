"""The command `factory bench`: runs benchmarks, shows their figures, and writes them down."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperCommand

from factory_assets.benchmarks.machine import Machine, observed
from factory_assets.benchmarks.registry import BENCHMARKS, Benchmark, chosen
from factory_assets.benchmarks.rendering import as_page, print_report
from factory_assets.benchmarks.report import Options, Report
from factory_assets.benchmarks.runs import Run, check_whole, read_run
from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.lake import replacing

bench_app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class BenchmarkOptionError(FactoryError, ValueError):
    """An option of the command that cannot be used."""


class BenchCommand(TyperCommand):
    """The command; a benchmark with options of its own takes over where it is named first and alone."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse the arguments, with the named benchmark's own command if it has one."""
        names = {benchmark.name: benchmark for benchmark in BENCHMARKS}
        named = names.get(args[0]) if args else None
        if named is None or named.command is None or names.keys() & set(args[1:]):
            return super().make_context(info_name, args, parent, **extra)
        own = typer.main.get_command(import_module(named.command).app)
        return own.make_context(f"{info_name} {named.name}", args[1:], parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run the command whose arguments were parsed."""
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)


@bench_app.command(cls=BenchCommand)
def bench(  # noqa: PLR0917 (a command's options)
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Which; all if none is named.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes: shows that it works.")] = False,  # noqa: FBT002
    size: Annotated[list[str] | None, typer.Option("--size", help="A size by name, such as rows=5000000.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
    write: Annotated[Path | None, typer.Option("--write", help="Write the page of a whole, full-sized run.")] = None,
    made: Annotated[
        list[Path] | None, typer.Option("--from", help="With --write: a file of --json; run nothing, but merge them.")
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Folder of real data sets, as FACTORY_DATA.")] = None,
    folder: Annotated[Path | None, typer.Option("--folder", help="Work below this folder; default: /tmp.")] = None,
) -> None:
    """Measure, print each figure with its goal, and end with 1 if a goal is missed.

    `factory bench schedule` has options of its own: see `factory bench schedule --help`.
    """
    if data is not None:
        os.environ["FACTORY_DATA"] = str(data.resolve())
    is_full = not (quick or size)
    if write is not None and (names or not is_full):
        msg = "--write is for a run of all benchmarks in full size: leave names, --quick and --size out"
        raise BenchmarkOptionError(msg)
    if made and json_file is not None:
        msg = "--from runs nothing: leave --json out"
        raise BenchmarkOptionError(msg)
    if made:
        runs = _made(made, write)
    else:
        reports, machine = run_all(
            chosen(names or []), Console(), is_quick=quick, sizes=sizes(size or []), folder=folder
        )
        runs = [Run(machine, reports, is_full)]
    if write is not None:
        write_text(write, as_page(runs))
    finish(runs, json_file)


def finish(runs: Sequence[Run], json_file: Path | None) -> None:
    """Write the figures to a file if one is given; ends the command with 1 if a goal is missed."""
    if json_file is not None:
        write_text(json_file, json.dumps(runs[0].as_json(), indent=1) + "\n")
    if any(report.missed for run in runs for report in run.reports):
        raise typer.Exit(1)


def _made(files: Sequence[Path], write: Path | None) -> list[Run]:
    """Runs that were made before, and hold all benchmarks together."""
    if write is None:
        msg = "--from merges runs into a page: say with --write where it is to be written"
        raise BenchmarkOptionError(msg)
    runs = [read_run(path) for path in files]
    check_whole(runs, [benchmark.name for benchmark in BENCHMARKS])
    return runs


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


def write_text(path: Path, text: str) -> None:
    """Write a file whole."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
