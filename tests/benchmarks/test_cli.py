"""The command `factory bench`, with benchmarks of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from factory_assets.benchmarks import cli, registry
from factory_assets.benchmarks.report import Figure, Goal, Options, Report
from factory_assets.benchmarks.runs import BenchmarkRunError

MODULE = """
from factory_assets.benchmarks.report import Figure, Goal, Report

def run(options):
    (options.folder / "left_behind").write_text("x")
    value = options.size("rows", full=100, quick=1)
    return Report({name!r}, str(options.folder), [Figure("rows", value, None, None, Goal(most=50))])
"""


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[registry.Benchmark, ...]:
    """Two benchmarks whose goal is reached by small sizes only."""
    modules = tmp_path / "modules"
    modules.mkdir()
    for name in ("made_first", "made_second"):
        (modules / f"{name}.py").write_text(MODULE.format(name=name))
    monkeypatch.syspath_prepend(modules)
    known = tuple(registry.Benchmark(name, name) for name in ("made_first", "made_second"))
    monkeypatch.setattr(cli, "BENCHMARKS", known)
    monkeypatch.setattr(cli, "chosen", lambda names: registry.chosen(names, known))
    return known


def invoke(*arguments: str | Path):
    return CliRunner().invoke(cli.bench_app, [str(argument) for argument in arguments])


def test_all_are_run_in_order_and_written_down(two, tmp_path: Path) -> None:
    done = invoke("--quick", "--json", tmp_path / "out.json", "--folder", tmp_path)
    assert done.exit_code == 0, done.output
    written = json.loads((tmp_path / "out.json").read_text())
    assert [benchmark["benchmark"] for benchmark in written["benchmarks"]] == ["made_first", "made_second"]
    assert written["benchmarks"][0]["figures"][0]["ours"] == 1
    assert written["machine"]["cores"] >= 1
    assert not Path(written["benchmarks"][0]["title"]).exists(), "the folder is gone with what was in it"


def test_a_missed_goal_ends_with_1(two) -> None:
    done = invoke("made_second")
    assert done.exit_code == 1
    assert "MISSED" in done.output
    assert "made_first" not in done.output


def test_sizes_can_be_given(two) -> None:
    assert invoke("--size", "rows=50").exit_code == 0
    assert invoke("--size", "rows=51").exit_code == 1


@pytest.mark.parametrize("text", ["rows", "rows=", "rows=-1", "rows=0", "=3", "rows=1.5"])
def test_a_size_that_is_none_is_told(two, text: str) -> None:
    done = invoke("--size", text)
    assert isinstance(done.exception, cli.BenchmarkOptionError)
    assert text in str(done.exception)


def test_an_unknown_benchmark_is_told_with_those_that_there_are(two) -> None:
    done = invoke("speed")
    assert isinstance(done.exception, registry.UnknownBenchmarkError)
    assert "made_first, made_second" in str(done.exception)


@pytest.mark.parametrize("more", [["--quick"], ["made_first"], ["--size", "rows=1"]])
def test_the_page_is_written_by_a_whole_run_only(two, tmp_path: Path, more: list[str]) -> None:
    page = tmp_path / "benchmarks.md"
    assert isinstance(invoke(*more, "--write", page).exception, cli.BenchmarkOptionError)
    assert not page.exists()
    assert invoke("--write", page).exit_code == 1
    assert page.read_text().count("MISSED") == 2


def test_runs_side_by_side_make_one_page(two, tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.json" for name in ("made_second", "made_first")]
    for file in files:
        assert invoke(file.stem, "--json", file).exit_code == 1
    page = tmp_path / "benchmarks.md"
    done = invoke("--write", page, "--from", files[0], "--from", files[1])
    assert done.exit_code == 1, done.output
    text = page.read_text()
    assert text.count("MISSED") == 2
    assert "- ran made_first" in text
    assert "- ran made_second" in text


def test_the_page_needs_every_benchmark_once_in_full_size(two, tmp_path: Path) -> None:
    first, small = tmp_path / "first.json", tmp_path / "small.json"
    invoke("made_first", "--json", first)
    invoke("made_second", "--quick", "--json", small)
    page = tmp_path / "benchmarks.md"
    for files, told in (
        ([first], "missing: made_second"),
        ([first, small], "not run in full size: made_second"),
        ([first, first], "there twice: made_first"),
    ):
        done = invoke("--write", page, *(word for file in files for word in ("--from", file)))
        assert isinstance(done.exception, BenchmarkRunError)
        assert told in str(done.exception)
    assert not page.exists()


@pytest.mark.parametrize("more", [[], ["--write", "page.md", "--json", "out.json"], ["--write", "page.md", "--quick"]])
def test_merging_runs_nothing(two, tmp_path: Path, more: list[str]) -> None:
    first = tmp_path / "first.json"
    invoke("made_first", "--json", first)
    assert isinstance(invoke("--from", first, *more).exception, cli.BenchmarkOptionError)


def test_every_registered_benchmark_can_be_run() -> None:
    for benchmark in registry.BENCHMARKS:
        assert callable(benchmark.load())


def test_a_report_stands_on_its_own() -> None:
    report = Report("n", "t", [Figure("f", 1.0, None, None, Goal(least=0))])
    assert report.as_json()["figures"][0]["goal"] == {"least": 0, "most": None}
    assert Options(Path()).sizes == {}
