"""Runs are resumed, never mixed, and made where only the solvers are installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from factory_assets.benchmarks import schedule_runs
from factory_assets.benchmarks.schedule_instances import ScheduleBenchmarkError
from factory_assets.benchmarks.schedule_jobs import Job, RowFile
from factory_assets.benchmarks.schedule_runs import Plan, core_sets, measure
from tests.benchmarks.schedule_made import folder

LIGHT = ("dagster", "polars", "pydantic", "typer", "click", "rich", "mlflow", "yaml", "pandera", "duckdb", "matplotlib")
BLOCK = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {LIGHT!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
"""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Jobs that would have been run; each makes a row at once."""
    done: list[Job] = []

    def ask(job: Job | None, cores: tuple[int, ...], seconds: float) -> dict:
        if job is None:
            return {}
        done.append(job)
        found = {"makespan": 12, "cost": 1.0, "lower_bound": 5.0, "first_feasible_s": 0.1, "wall_s": 1.0, "cpu_s": 1.0}
        return {**asdict(job), **found, "checked": True, "violations": []}

    monkeypatch.setattr(schedule_runs, "_ask", ask)
    return done


def plan_of(place: Path, **changes: object) -> Plan:
    return replace(Plan(place, place / "bounds.json", seconds=1, workers=1, parts=("makespan",)), **changes)


def test_engines_take_turns(asked: list[Job], tmp_path: Path) -> None:
    outcome = measure(plan_of(folder(tmp_path, ("la01",))), RowFile(tmp_path / "rows.jsonl"))
    assert [(job.seed, job.engine) for job in asked] == [(0, "ours"), (0, "pyjobshop"), (1, "pyjobshop"), (1, "ours")]
    assert outcome.left == 0
    assert outcome.rows[0]["gap"] == pytest.approx(1 / 11)
    assert outcome.rows[0]["best_known"] == 11


def test_all_parts_are_run(asked: list[Job], tmp_path: Path) -> None:
    place = folder(tmp_path, ("la01", "swv01"))
    outcome = measure(plan_of(place, seeds=1, parts=schedule_runs.PARTS), RowFile(tmp_path / "rows.jsonl"))
    assert [(row["part"], row["instance"], row["engine"]) for row in outcome.rows] == [
        ("makespan", "la01", "ours"), ("makespan", "la01", "pyjobshop"),
        ("makespan", "swv01", "ours"), ("makespan", "swv01", "pyjobshop"),
        *(("derived", "la01", engine) for engine in ("ours", "pyjobshop", "ATC", "EDD", "SPT")),
        ("breakdown", "la01", "ours"),
    ]  # fmt: skip
    assert {row["family"] for row in outcome.of("derived")} == {"derived"}


def test_only_what_is_missing_is_run(asked: list[Job], tmp_path: Path) -> None:
    place, rows = folder(tmp_path), tmp_path / "rows.jsonl"
    measure(plan_of(place, seeds=1), RowFile(rows))
    lines = rows.read_text().splitlines()
    rows.write_text("\n".join(lines[:2]) + "\n" + lines[2][:40])  # ended while the third was written
    asked.clear()
    measure(plan_of(place, seeds=1), RowFile(rows))
    assert [(job.instance, job.engine) for job in asked] == [("mk01", "ours"), ("mk01", "pyjobshop")]
    asked.clear()
    measure(plan_of(place, seeds=2), RowFile(rows))
    assert {job.seed for job in asked} == {1}


def test_rows_of_other_runs_are_refused(asked: list[Job], tmp_path: Path) -> None:
    place, rows = folder(tmp_path), tmp_path / "rows.jsonl"
    measure(plan_of(place), RowFile(rows))
    with pytest.raises(ScheduleBenchmarkError, match=r"seconds 1\.0 is not 2\.0"):
        measure(plan_of(place, seconds=2), RowFile(rows))
    (place / "jsp" / "la01.txt").write_text("1 1\n0 4\n")
    with pytest.raises(ScheduleBenchmarkError, match=r"ours on la01, seed 0, .* digest"):
        measure(plan_of(place), RowFile(rows))


def test_a_damaged_file_of_rows_is_told(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"part": "makespan"}\nmore\n')
    with pytest.raises(ScheduleBenchmarkError, match="line 1: not a row"):
        RowFile(rows)


def test_nothing_is_begun_after_the_deadline(asked: list[Job], tmp_path: Path) -> None:
    outcome = measure(plan_of(folder(tmp_path), deadline_s=0), RowFile(tmp_path / "rows.jsonl"))
    assert asked == []
    assert outcome.left == 8
    assert outcome.rows == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"engines": ("theirs",)}, "--engines"), ({"parts": ()}, "--parts"), ({"seeds": 0}, "above 0"),
        ({"jobs": 1000}, "there are"),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_run_is_told(tmp_path: Path, changes: dict, words: str) -> None:
    with pytest.raises(ScheduleBenchmarkError, match=words):
        measure(plan_of(folder(tmp_path), **changes), RowFile(tmp_path / "rows.jsonl"))


def test_runs_at_the_same_time_share_no_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 4, 5, 6, 9})
    assert core_sets(2, 2) == [(3, 4), (5, 6)]
    assert core_sets(1, 2) == [(3, 4)]
    assert core_sets(1, 5) == [()]


def test_a_worker_that_fails_is_a_row_that_is_tried_again(tmp_path: Path) -> None:
    place, rows = folder(tmp_path, ("la01",)), tmp_path / "rows.jsonl"
    (place / "jsp" / "la01.txt").write_text("1 1\n0\n")
    plan = plan_of(place, seeds=1, engines=("ours",))
    outcome = measure(plan, RowFile(rows))
    assert "expected pairs" in outcome.rows[0]["error"]
    assert not outcome.rows[0]["checked"]
    file = RowFile(rows)
    assert len(file.missing(schedule_runs.jobs_of(plan, schedule_runs.read_instances(place, plan.bounds)))) == 1


def test_it_runs_with_the_solvers_alone(tmp_path: Path) -> None:
    place, out = folder(tmp_path / "data", ("la01",)), tmp_path / "out.json"
    (tmp_path / "sitecustomize.py").write_text(BLOCK)
    root = Path(schedule_runs.__file__).parents[2]
    command = [
        sys.executable, "-m", "factory_assets.benchmarks.schedule_runner", "--instances", place, "--bounds",
        place / "bounds.json", "--seconds", "0.5", "--workers", "1", "--seeds", "1", "--engines", "pyjobshop",
        "--parts", "makespan,breakdown", "--json", out,
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(root)))}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    written = json.loads(out.read_text())
    (row,), (after,) = written["rows"], written["breakdowns"]
    assert list(row)[:10] == [
        "instance", "family", "engine", "seed", "makespan", "best_known", "lower_bound", "first_feasible_s", "cpu_s",
        "checked",
    ]  # fmt: skip
    assert (row["makespan"], row["checked"], row["gap"]) == (11, True, 0.0)
    assert (after["engine"], after["checked"], after["frozen_changed"]) == ("ours", True, 0)
    assert (tmp_path / "out.json.rows.jsonl").read_text().count("\n") == 2
