"""What a run of benchmarks found, as a file: runs side by side, each with some of the benchmarks, make one page."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory_assets.benchmarks.machine import Machine
from factory_assets.benchmarks.registry import BENCHMARKS
from factory_assets.benchmarks.report import Report
from factory_assets.foundation.errors import FactoryError


class BenchmarkRunError(FactoryError, ValueError):
    """Files of runs that no page can be made of."""


@dataclass(frozen=True)
class Run:
    """Some benchmarks, run one after the other.

    Attributes:
        machine: What they ran on.
        reports: What they found.
        is_full: They ran in full size; figures of other sizes do not go onto the page.
    """

    machine: Machine
    reports: Sequence[Report]
    is_full: bool = True

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "machine": self.machine.as_json(),
            "is_full": self.is_full,
            "benchmarks": [report.as_json() for report in self.reports],
            **{name: value for report in self.reports for name, value in report.results.items()},
        }

    @classmethod
    def from_json(cls, value: Any) -> Run:
        """The run that `as_json` wrote."""
        reports = [Report.from_json(report) for report in value["benchmarks"]]
        return cls(Machine.from_json(value["machine"]), reports, bool(value["is_full"]))


def read_run(path: Path) -> Run:
    """A run that `factory bench --json` wrote.

    Raises:
        BenchmarkRunError: The file is not there or is none.
    """
    try:
        return Run.from_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror}): give a file that factory bench --json wrote"
    except (ValueError, KeyError, TypeError, IndexError) as error:
        msg = f"{path} is not a run of this version ({error}): make it again with factory bench --json"
    raise BenchmarkRunError(msg)


def check_whole(runs: Sequence[Run], names: Sequence[str]) -> None:
    """Together, runs must hold every benchmark once, in full size.

    Raises:
        BenchmarkRunError: A benchmark is missing, is there twice, is not known, or ran in another size.
    """
    found = Counter(report.name for run in runs for report in run.reports)
    small = [report.name for run in runs if not run.is_full for report in run.reports]
    faults = {
        "missing": [name for name in names if name not in found],
        "there twice": [name for name, count in found.items() if count > 1],
        "not known": [name for name in found if name not in names],
        "not run in full size": small,
    }
    told = "; ".join(f"{fault}: {', '.join(which)}" for fault, which in faults.items() if which)
    if told:
        msg = f"the page needs every benchmark once, in full size; {told}: run them with factory bench NAME --json FILE"
        raise BenchmarkRunError(msg)


def in_order(runs: Sequence[Run]) -> list[Report]:
    """All reports, in the order of the registry; those that it does not know come last."""
    place = {benchmark.name: number for number, benchmark in enumerate(BENCHMARKS)}
    reports = [report for run in runs for report in run.reports]
    return sorted(reports, key=lambda report: place.get(report.name, len(place)))
