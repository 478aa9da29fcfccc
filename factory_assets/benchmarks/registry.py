"""Which benchmarks there are. One more is a module with a `run(options)` that hands back a report, and a line here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

from factory_assets.benchmarks.report import Options, Report
from factory_assets.foundation.errors import FactoryError


class UnknownBenchmarkError(FactoryError, KeyError):
    """A benchmark that does not exist was asked for."""


@dataclass(frozen=True)
class Benchmark:
    """A benchmark.

    Attributes:
        name: On the command line.
        module: Imported when it is run.
        command: Module whose `app` is the benchmark's command, if it has options of its own.
    """

    name: str
    module: str
    command: str | None = None

    def load(self) -> Callable[[Options], Report]:
        """Import the module; returns what measures."""
        run: Callable[[Options], Report] = import_module(self.module).run
        return run


COMMANDS = {"schedule": "factory_assets.benchmarks.schedule_command"}
BENCHMARKS = tuple(
    Benchmark(name, f"factory_assets.benchmarks.{name}", COMMANDS.get(name))
    for name in (
        "cleaning_speed",
        "fault_detection",
        "one_changed_partition",
        "hostile_releases",
        "rul",
        "inspection_classification",
        "inspection_segmentation",
        "inspection_anomaly",
        "inspection_golden_image",
        "inspection_speed",
        "inspection_peer",
        "station_latency",
        "station_steady",
        "station_faults",
        "station_kills",
        "edge_footprint",
        "schedule",
        "maintenance_policies",
    )
)


def chosen(names: Sequence[str], known: Sequence[Benchmark] = BENCHMARKS) -> list[Benchmark]:
    """The benchmarks of these names, in the order of the registry; all if none is named.

    Raises:
        UnknownBenchmarkError: A name is not known.
    """
    unknown = sorted(set(names) - {benchmark.name for benchmark in known})
    if unknown:
        msg = f"no benchmark is called {', '.join(unknown)}: there are {', '.join(b.name for b in known)}"
        raise UnknownBenchmarkError(msg)
    return [benchmark for benchmark in known if not names or benchmark.name in names]
