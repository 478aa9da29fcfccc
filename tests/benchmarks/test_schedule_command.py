"""`factory bench schedule` and its place among the benchmarks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from factory_assets.benchmarks import cli, registry, schedule
from factory_assets.benchmarks.report import Options
from factory_assets.cli import app
from tests.benchmarks.schedule_made import folder


def invoke(*arguments: str | Path):
    return CliRunner().invoke(app, ["bench", *map(str, arguments)])


def asked(place: Path, *more: str | Path) -> list[str | Path]:
    return [
        "schedule", "--instances", place, "--bounds", place / "bounds.json", "--seconds", "0.3", "--workers", "1",
        "--seeds", "1", "--parts", "makespan", *more,
    ]  # fmt: skip


def test_a_folder_of_instances_is_run_and_not_run_again(tmp_path: Path) -> None:
    place, out = folder(tmp_path / "data", ("la01",)), tmp_path / "out.json"
    first = invoke(*asked(place, "--engines", "ours", "--json", out))
    assert first.exit_code == 0, first.output
    written = json.loads(out.read_text())
    assert [(row["instance"], row["engine"], row["makespan"], row["checked"]) for row in written["rows"]] == [
        ("la01", "ours", 11, True)
    ]
    assert written["benchmarks"][0]["benchmark"] == "schedule"
    assert written["is_full"] is False
    rows = (tmp_path / "out.json.rows.jsonl").read_bytes()
    again = invoke(*asked(place, "--engines", "ours", "--json", tmp_path / "2.json", "--resume", f"{out}.rows.jsonl"))
    assert again.exit_code == 0, again.output
    assert "to go" not in again.output
    assert json.loads((tmp_path / "2.json").read_text())["rows"] == written["rows"]
    assert (tmp_path / "out.json.rows.jsonl").read_bytes() == rows


def test_what_cannot_be_run_is_told(tmp_path: Path) -> None:
    done = invoke(*asked(folder(tmp_path), "--names", "mk07"))
    assert isinstance(done.exception, cli.BenchmarkOptionError)
    assert "no instance is called mk07" in str(done.exception)


def test_help_is_that_of_the_benchmark() -> None:
    assert "--instances" in invoke("schedule", "--help").output.replace("\x1b[1;36m", "")
    assert "--instances" not in invoke("--help").output


def test_beside_others_it_runs_with_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(cli, "run_all", lambda benchmarks, *_, **__: (seen.extend(b.name for b in benchmarks), 1 / 0))
    assert isinstance(invoke("schedule", "rul", "--quick").exception, ZeroDivisionError)
    assert seen == ["rul", "schedule"]


def test_without_data_nothing_is_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(schedule, "data_folder", lambda: None)
    report = registry.chosen(["schedule"])[0].load()(Options(tmp_path))
    assert report.figures == []
    assert "FACTORY_DATA" in report.notes[0]


def test_the_plan_of_a_whole_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(schedule, "data_folder", lambda: tmp_path)
    full, quick = (schedule.planned(Options(tmp_path, is_quick=is_quick)) for is_quick in (False, True))
    assert full is not None
    assert quick is not None
    assert (full.seconds, full.workers, full.seeds, full.names) == (30, 2, 2, ())
    assert (quick.seconds, quick.seeds, len(quick.names)) == (2, 1, 3)
    assert full.parts == schedule.ALL_PARTS
