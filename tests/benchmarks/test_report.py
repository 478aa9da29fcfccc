"""Figures, goals, and how they are shown."""

from __future__ import annotations

import datetime as dt
import io
import json
import math

import pytest
from rich.console import Console

from factory_assets.benchmarks.machine import Machine, observed
from factory_assets.benchmarks.rendering import as_page, print_report
from factory_assets.benchmarks.report import Details, Figure, Goal, Options, Report, number
from factory_assets.benchmarks.runs import Run

MACHINE = Machine(dt.date(2026, 11, 1), 3.0, 2, 7.9, (0.5, 1.5), 2.25, {"python": "3.11"})
REPORT = Report(
    name="sorting",
    title="Sorting numbers.",
    figures=[
        Figure("seconds", 4.0, 2.0, 0.5, Goal(least=0.33), "the same numbers"),
        Figure("lost", 1, 0, None, Goal(least=0, most=0)),
        Figure("rows", 5_000_000),
    ],
    details=[Details("By size", ["size", "seconds"], [["one|two", "3"]])],
    notes=["Read this."],
)


@pytest.mark.parametrize(
    ("goal", "value", "is_reached"),
    [
        (Goal(least=0.33), 0.33, True),
        (Goal(least=0.33), 0.329, False),
        (Goal(most=2048), 2048, True),
        (Goal(most=2048), 2048.1, False),
        (Goal(least=3, most=3), 3, True),
        (Goal(least=3, most=3), 4, False),
        (Goal(least=0), math.nan, False),
        (Goal(most=0), math.nan, False),
    ],
)
def test_a_goal_holds_up_to_its_bounds(goal: Goal, value: float, is_reached: bool) -> None:
    assert goal.is_reached(value) is is_reached


def test_the_ratio_is_judged_where_there_is_one_and_the_value_where_not() -> None:
    assert Figure("s", 100, 50, 0.5, Goal(most=1)).is_reached
    assert not Figure("s", 100, 50, None, Goal(most=1)).is_reached
    assert Figure("s", 100, 50, 0.5).is_reached is None


def test_a_missed_goal_is_shown_as_missed_everywhere() -> None:
    assert [figure.name for figure in REPORT.missed] == ["lost"]
    out = io.StringIO()
    print_report(Console(file=out, width=200), REPORT)
    page = as_page([Run(MACHINE, [REPORT])])
    assert out.getvalue().count("MISSED") == page.count("MISSED") == 1
    assert [figure["is_reached"] for figure in json.loads(json.dumps(REPORT.as_json()))["figures"]] == [
        True,
        False,
        None,
    ]


def test_the_page_holds_tables_machine_and_notes() -> None:
    page = as_page([Run(MACHINE, [REPORT])])
    assert "| seconds | 4 | 2 | 0.5 | >= 0.33 | yes | the same numbers |" in page
    assert "| lost | 1 | 0 | - | = 0 | MISSED |  |" in page
    assert "| one/two | 3 |" in page
    assert "- Read this." in page
    assert "2026-11-01" in page
    assert "2 cores" in page
    assert "steal 2.2 %" in page
    assert page.endswith("\n")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (3, "3"), (50_000_000, "50,000,000"), (0.3456, "0.346"), (1234.5, "1,234"), (1e-5, "1e-05")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


def test_sizes_are_those_asked_for_then_quick_then_full(tmp_path) -> None:
    assert Options(tmp_path).size("rows", full=9, quick=2) == 9
    assert Options(tmp_path, is_quick=True).size("rows", full=9, quick=2) == 2
    assert Options(tmp_path, is_quick=True, sizes={"rows": 4}).size("rows", full=9, quick=2) == 4


def test_the_machine_is_watched() -> None:
    seen: list[Machine] = []
    with observed(seen):
        sum(range(10_000))
    (machine,) = seen
    assert machine.cores >= 1
    assert machine.memory_gib > 0.1
    assert machine.steal is None or 0 <= machine.steal <= 100
    assert machine.versions["polars"]
    json.dumps(machine.as_json())
    assert machine.processor in ("", *machine.lines())
