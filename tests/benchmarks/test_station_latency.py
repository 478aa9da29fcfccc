"""How long parts wait for their verdicts, beside bare calls."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from factory_assets.benchmarks import station_latency
from factory_assets.benchmarks.report import Options
from factory_assets.benchmarks.station_latency import Part, Plan, Run

PLAN = Plan(frames=4, pauses=2, pause_ms=10_000, side_px=224, cores=(0, 1))
QUIET: dict[str, Any] = {
    "seconds": 9.0,
    "steal_s": 0.0,
    "foreign_cores": 0.0,
    "load": [0.1, 0.2],
    "tail": {"is_valid": True},
}
BUSY = {**QUIET, "steal_s": 0.9, "tail": {"is_valid": False, "reasons": ["the host took 0.90 s away"]}}


def part(total_ms: float, *, is_right: bool = True) -> Part:
    stages_ms = {"frame": 0.1, "fit": 0.1, "engine": 1.0, "verdict": total_ms - 1.2, "total": total_ms}
    return Part(stages_ms, is_right)


def a_run(total_ms: float, count: int = 1000, *, is_right: bool = True, steady: dict[str, Any] = QUIET) -> Run:
    parts = [part(total_ms, is_right=is_right)] * count
    return Run("openvino fp32", parts, [1.0] * count, parts[:2], {"steady": steady, "pauses": QUIET})


def test_parts_and_bare_calls_take_turns_and_every_verdict_is_right(tmp_path: Path) -> None:
    sizes = {"frames": 12, "pauses": 1, "pause_ms": 20, "pixels": 32}
    found = station_latency.run(Options(tmp_path, is_quick=True, sizes=sizes))
    figures = {figure.name: figure for figure in found.figures}
    assert figures["wrong or failed verdicts"].ours == 0
    assert figures["verdict over bare call, medians"].ours > 0
    assert figures["first verdict after a pause, p50 ms"].ours > 0
    by_stage = found.details[0]
    assert [row[0] for row in by_stage.rows] == ["bare call", "frame", "fit", "engine", "verdict", "total"]
    json.dumps(found.as_json())


def test_goals_are_held_and_missed() -> None:
    assert not station_latency.report(a_run(1.25), PLAN).missed
    missed = {figure.name for figure in station_latency.report(a_run(9.0, is_right=False), PLAN).missed}
    assert missed == {
        "wrong or failed verdicts",
        "verdict, p50 ms",
        "verdict, p99 ms",
        "verdict, p99.9 ms",
        "verdict over bare call, medians",
        "first verdict after a pause, p50 ms",
        "first verdict after a pause, worst ms",
    }


def test_what_too_few_parts_cannot_tell_is_left_out() -> None:
    names = {figure.name for figure in station_latency.report(a_run(1.25, count=99), PLAN).figures}
    assert "verdict, p50 ms" in names
    assert not names & {"verdict, p99 ms", "verdict, p99.9 ms"}


def test_a_tail_that_was_disturbed_is_marked() -> None:
    figures = {figure.name: figure for figure in station_latency.report(a_run(1.25, steady=BUSY), PLAN).figures}
    for name in ("verdict, p99 ms", "verdict, p99.9 ms"):
        assert "INVALID: the host took 0.90 s away" in figures[name].held_equal
    assert "INVALID" not in figures["verdict, p50 ms"].held_equal
    assert "valid: nothing else ran" in figures["first verdict after a pause, worst ms"].held_equal


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system does not tell cores")
def test_a_process_is_where_it_was_afterwards() -> None:
    before = os.sched_getaffinity(0)
    with station_latency._stays_on(station_latency.usable_cores()[:1]):
        assert os.sched_getaffinity(0) == set(station_latency.usable_cores()[:1])
    assert os.sched_getaffinity(0) == before
