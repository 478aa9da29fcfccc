"""The doctor's findings on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from factory_assets.historian.doctor.examination import Diagnosis
from factory_assets.historian.doctor.findings import Finding

COLOURS = {"problem": "red", "warning": "yellow", "ok": "green"}


def print_diagnosis(diagnosis: Diagnosis, console: Console) -> None:
    """Show the findings as a table, problems first, and what was looked at."""
    table = Table(box=None, padding=(0, 2, 1, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in diagnosis.findings:
        colour = COLOURS[finding.level]
        table.add_row(f"[{colour}]{finding.level}[/{colour}]", _told(finding))
    console.print(f"[bold]{escape(diagnosis.plant)}[/bold] ({escape(diagnosis.plant_file)})", soft_wrap=True)
    looked = escape(diagnosis.looked_at) + ("" if diagnosis.is_whole else "; --all reads everything")
    console.print(f"Looked at {looked}\n", soft_wrap=True)
    console.print(table)
    problems, warnings = diagnosis.count("problem"), diagnosis.count("warning")
    console.print(f"{problems} problem(s), {warnings} warning(s)")


def _told(finding: Finding) -> str:
    field = ".".join(map(str, finding.field))
    where = f"line {finding.line}, {field}: " if finding.line is not None else f"{field}: " if field else ""
    mend = f"\n[dim]mend:[/dim] {escape(finding.mend)}" if finding.mend else ""
    return f"{escape(where)}{escape(finding.message)}{mend}"
