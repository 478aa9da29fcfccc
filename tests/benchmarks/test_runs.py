"""Runs as files, and what a page asks of them."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from factory_assets.benchmarks.machine import Machine
from factory_assets.benchmarks.registry import BENCHMARKS
from factory_assets.benchmarks.rendering import as_page
from factory_assets.benchmarks.report import Details, Figure, Goal, Report
from factory_assets.benchmarks.runs import BenchmarkRunError, Run, check_whole, in_order, read_run

MACHINE = Machine(dt.date(2026, 11, 1), 3.0, 2, 7.9, (0.5, 1.5), None, {"python": "3.11"})
REPORT = Report(
    name="sorting",
    title="Sorting numbers.",
    figures=[Figure("seconds", 4.0, 2.0, 0.5, Goal(least=0.33), "the same numbers"), Figure("rows", 5_000_000)],
    details=[Details("By size", ["size", "seconds"], [["one", "3"]]), Details("Nothing", ["size"], [])],
    notes=["Read this."],
)


def test_a_run_comes_back_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    run = Run(MACHINE, [REPORT], is_full=False)
    file.write_text(json.dumps(run.as_json()))
    again = read_run(file)
    assert again == run
    assert as_page([again]) == as_page([run])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"machine": {}, "is_full": true, "benchmarks": []}', "\xff"])
def test_a_file_that_is_no_run_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "run.json"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(BenchmarkRunError, match=r"run\.json is not a run"):
        read_run(file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkRunError, match="cannot be read"):
        read_run(tmp_path / "none.json")


def test_unknown_benchmarks_are_told() -> None:
    with pytest.raises(BenchmarkRunError, match="missing: speed; not known: sorting"):
        check_whole([Run(MACHINE, [REPORT])], ["speed"])
    check_whole([Run(MACHINE, [REPORT])], ["sorting"])


def test_reports_come_in_the_order_of_the_registry() -> None:
    reports = [Report(benchmark.name, "", []) for benchmark in BENCHMARKS]
    runs = [Run(MACHINE, reports[3:]), Run(MACHINE, [REPORT, *reports[:3]])]
    assert in_order(runs) == [*reports, REPORT]


def test_a_report_without_figures_has_no_table() -> None:
    page = as_page([Run(MACHINE, [Report("peer", "Beside a peer.", [], notes=["Not measured."])])])
    assert "| figure" not in page
    assert "- Not measured." in page
