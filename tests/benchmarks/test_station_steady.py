"""Memory and file handles of a station over many parts."""

from __future__ import annotations

import os

import pytest

from factory_assets.benchmarks import station_steady
from factory_assets.benchmarks.report import Options
from factory_assets.benchmarks.station_steady import Run, Sample


def test_every_part_is_judged_and_both_processes_are_looked_at(tmp_path) -> None:
    found = station_steady.run(Options(tmp_path, is_quick=True, sizes={"frames": 60}))
    figures = {figure.name: figure for figure in found.figures}
    assert figures["wrong or failed verdicts"].ours == 0
    assert figures["worker: times it was replaced"].ours == 0
    assert {row[0] for row in found.details[0].rows} == {"station", "worker"}


def test_growth_handles_and_a_new_worker_are_told() -> None:
    samples = [Sample("station", 100, 1, 50, 9), Sample("worker", 100, 2, 50, 9)]
    samples += [Sample("station", 200, 1, 60, 9), Sample("worker", 200, 3, 50, 11)]
    missed = {figure.name for figure in station_steady.report(Run(samples, 1), 200).missed}
    assert missed == {
        "wrong or failed verdicts",
        "station: growth, MiB",
        "worker: more file handles",
        "worker: times it was replaced",
    }


def test_slope_is_that_of_a_line() -> None:
    samples = [Sample("worker", parts, 1, 50 + parts / 1000, 9) for parts in (0, 1000, 5000)]
    assert station_steady.slope_mib(samples) == pytest.approx(100)
    assert station_steady.slope_mib(samples[:1]) == 0


def test_this_process_holds_memory_and_files() -> None:
    sample = station_steady.held("station", os.getpid(), 0)
    assert sample.rss_mib > 1
    assert sample.handles > 0
