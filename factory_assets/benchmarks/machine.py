"""What a run of benchmarks ran on, and how busy that machine was with other things meanwhile."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

SHOWN = (
    "polars", "numpy", "dagster", "duckdb", "onnxruntime", "openvino", "opencv-python-headless", "tuf",
    "tensorflow-cpu", "tensorflow", "keras", "ortools", "numba", "pyjobshop",
)  # fmt: skip
# What decides how fast INT8 and bfloat16 are (x86, then Arm).
INSTRUCTIONS = (
    "avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16", "asimddp", "i8mm", "bf16",
)  # fmt: skip
STEAL = 7  # the eighth field of the first line of /proc/stat
CPU_FIELDS = 8  # user to steal; guest time, behind them, is part of user time


@dataclass(frozen=True)
class Machine:
    """The machine and the run.

    Attributes:
        date: The day of the run, in UTC.
        minutes: How long it took.
        cores: Cores that this process may use.
        memory_gib: Memory of the machine.
        load: Mean load (1 minute, at the beginning and end of the run), ours included.
        steal: Share of processor time that the host took away, in percent; None where the system does not tell.
        versions: Of Python and of the libraries that matter.
        processor: Its name, and the instructions that model calls depend on; empty where the system does not tell.
    """

    date: dt.date
    minutes: float
    cores: int
    memory_gib: float
    load: tuple[float, float]
    steal: float | None
    versions: dict[str, str]
    processor: str = ""

    def lines(self) -> list[str]:
        """Two lines for people, or three where the processor is known."""
        steal = "unknown" if self.steal is None else f"{self.steal:.1f} %"
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        where = f"{platform.system()} {platform.machine()}, {self.cores} cores, {self.memory_gib:.0f} GiB memory"
        busy = f"load {self.load[0]:.1f} at the beginning and {self.load[1]:.1f} at the end, steal {steal}"
        return [
            f"{self.date.isoformat()}, {where}; {self.minutes:.0f} minutes, {busy}",
            *([self.processor] if self.processor else []),
            versions,
        ]

    def as_json(self) -> dict[str, object]:
        """Plain JSON values."""
        return {
            "date": self.date.isoformat(), "minutes": round(self.minutes, 1), "cores": self.cores,
            "memory_gib": round(self.memory_gib, 1), "load": list(self.load), "steal_pct": self.steal,
            "versions": self.versions, "processor": self.processor,
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Machine:
        """The machine that `as_json` wrote."""
        return cls(
            date=dt.date.fromisoformat(value["date"]),
            minutes=value["minutes"],
            cores=value["cores"],
            memory_gib=value["memory_gib"],
            load=(value["load"][0], value["load"][1]),
            steal=value["steal_pct"],
            versions=dict(value["versions"]),
            processor=value["processor"],
        )


@contextmanager
def observed(into: list[Machine]) -> Iterator[None]:
    """Watch the machine while the block runs; appends what was seen."""
    began, load, before = dt.datetime.now(dt.UTC), os.getloadavg()[0], _processor_times()
    yield
    after = _processor_times()
    steal = None
    if before and after and sum(after) > sum(before):
        steal = 100 * (after[STEAL] - before[STEAL]) / (sum(after) - sum(before))
    now = dt.datetime.now(dt.UTC)
    into.append(
        Machine(
            date=now.date(),
            minutes=(now - began).total_seconds() / 60,
            cores=len(os.sched_getaffinity(0)),
            memory_gib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30,
            load=(load, os.getloadavg()[0]),
            steal=steal,
            versions={"python": platform.python_version(), **_versions()},
            processor=_processor(),
        )
    )


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if not facts.is_file():
        return ""
    lines = [line.partition(":") for line in facts.read_text(encoding="utf-8", errors="replace").splitlines()]
    found = {name.strip(): value.strip() for name, _, value in reversed(lines)}
    instructions = [name for name in INSTRUCTIONS if name in found.get("flags", found.get("Features", "")).split()]
    told = found.get("model name", "processor without a name")
    return f"{told} with {', '.join(instructions)}" if instructions else told


def _processor_times() -> list[int]:
    stat = Path("/proc/stat")
    if not stat.is_file():
        return []
    first = stat.read_text(encoding="ascii").splitlines()[0]
    return [int(field) for field in first.split()[1 : CPU_FIELDS + 1]]


def _versions() -> dict[str, str]:
    found = {}
    for name in SHOWN:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
