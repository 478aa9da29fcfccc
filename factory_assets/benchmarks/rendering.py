"""Reports as tables in the terminal, and as the page `docs/benchmarks.md`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from factory_assets.benchmarks.report import HEADER, Report
from factory_assets.benchmarks.runs import Run, in_order

INTRODUCTION = """# Benchmarks

Written by `make bench`. Ratios are within one run, so they mean the same on another machine; seconds and megabytes
do not. A ratio of 1 is as good as the baseline, and more is better. A goal that is missed is shown as missed."""


def print_report(console: Console, report: Report) -> None:
    """Show one report."""
    table = Table(title=f"[bold]{report.name}[/bold]: {report.title}", title_justify="left")
    for column in HEADER[:-1]:
        table.add_column(column, justify="right" if column in {"ours", "baseline", "ratio"} else "left")
    for figure in report.figures:
        style = "bold red" if figure.is_reached is False else None
        table.add_row(*figure.cells()[:-1], style=style)
    console.print(table if report.figures else f"[bold]{report.name}[/bold]: {report.title}")
    for held_equal in dict.fromkeys(figure.held_equal for figure in report.figures if figure.held_equal):
        names = ", ".join(figure.name for figure in report.figures if figure.held_equal == held_equal)
        console.print(f"  held equal ({names}): {held_equal}")
    for details in report.details:
        shown = Table(*details.columns, title=details.title, title_justify="left")
        for row in details.rows:
            shown.add_row(*row)
        console.print(shown)
    for note in report.notes:
        console.print(f"  {note}")


def as_page(runs: Sequence[Run]) -> str:
    """The page of one run of all benchmarks, or of several that hold them all together."""
    parts = [INTRODUCTION]
    for run in runs:
        where = run.machine.lines()
        if len(runs) > 1:
            where.append(f"ran {', '.join(report.name for report in run.reports)}")
        parts.append("\n".join(f"- {line}" for line in where))
    for report in in_order(runs):
        parts.append(f"## {report.name}\n\n{report.title}")
        if report.figures:
            parts.append(_markdown(HEADER, [figure.cells() for figure in report.figures]))
        parts.extend(f"### {table.title}\n\n{_markdown(table.columns, table.rows)}" for table in report.details)
        if report.notes:
            parts.append("\n".join(f"- {note}" for note in report.notes))
    return "\n\n".join(parts) + "\n"


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
