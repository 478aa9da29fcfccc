"""Runs the scheduling benchmark where only numpy, numba, ortools and pyjobshop are installed.

`python -m factory_assets.benchmarks.schedule_runner --instances DIR --bounds FILE --json OUT` does the same runs as
`factory bench schedule` and writes the same rows; `factory bench schedule --resume OUT.rows.jsonl` reports them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from factory_assets.benchmarks.schedule_instances import ScheduleBenchmarkError
from factory_assets.benchmarks.schedule_jobs import RowFile
from factory_assets.benchmarks.schedule_runs import PARTS, PEERS, Outcome, Plan, measure
from factory_assets.benchmarks.schedule_summary import faults, results, summary_lines


def rows_file(json_file: Path) -> Path:
    """Where the rows are kept that belong to a file of figures."""
    return json_file.with_name(f"{json_file.name}.rows.jsonl")


def words(text: str | None) -> tuple[str, ...]:
    """Words between commas."""
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="schedule_runner", description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=Path, required=True, help="folder of instances")
    parser.add_argument("--bounds", type=Path, required=True, help="file of bounds")
    parser.add_argument("--seconds", type=float, default=30.0, help="for each run")
    parser.add_argument("--workers", type=int, default=2, help="threads of each run")
    parser.add_argument("--seeds", type=int, default=2, help="how many")
    parser.add_argument("--engines", default=",".join(PEERS))
    parser.add_argument("--names", default="", help="only these instances, with commas between")
    parser.add_argument("--parts", default=",".join(PARTS), help="with commas between")
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time, each on cores of its own")
    parser.add_argument("--deadline", type=float, default=float("inf"), help="seconds after which no run is begun")
    parser.add_argument("--resume", type=Path, help="file of rows; default: OUT.rows.jsonl")
    parser.add_argument("--json", type=Path, required=True, help="file of figures")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Measure; returns 2 if the input cannot be used, 1 if figures contradict what is proved, else 0."""
    given = _parser().parse_args(arguments)
    plan = Plan(
        given.instances, given.bounds, given.seconds, given.workers, given.seeds, words(given.engines),
        words(given.names), words(given.parts), given.jobs, given.deadline,
    )  # fmt: skip
    try:
        outcome = measure(plan, RowFile(given.resume or rows_file(given.json)), _say)
    except ScheduleBenchmarkError as error:
        _say(str(error))
        return 2
    write(outcome, given.json)
    for line in summary_lines(outcome):
        _say(line)
    return 1 if faults(outcome.rows) else 0


def write(outcome: Outcome, path: Path) -> None:
    """Write the rows and their summary, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(results(outcome), indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
