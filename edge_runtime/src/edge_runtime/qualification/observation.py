"""What the machine is, and what else went on in it while something was measured."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from edge_runtime import __version__
from edge_runtime.doctor.machine import governor, power_mode, temperature

ROOT = Path("/")
BUSY_FIELDS = (0, 1, 2, 5, 6)  # user, nice, system, irq, softirq of the first line of /proc/stat
STEAL = 7
# The kernel's own housekeeping is below this.
LARGEST_FOREIGN_CORES = 0.02
LIBRARIES = ("numpy", "onnxruntime", "openvino", "opencv-python-headless", "tensorrt", "pycuda", "cryptography")


@dataclass(frozen=True, slots=True)
class Moment:
    """The machine at one moment.

    Attributes:
        at_s: Monotonic.
        busy_s: Processor time of everything since the machine was started, over all cores; None if it is not told.
        steal_s: Processor time that a host took away from this virtual machine.
        own_s: Processor time of the processes that are measured.
        load: Mean load of the last minute, what is measured included.
        throttled: How often cores slowed down because they were hot, since the machine was started.
        temperature: In words.
    """

    at_s: float
    busy_s: float | None
    steal_s: float | None
    own_s: float | None
    load: float | None
    throttled: int | None
    temperature: str


def moment(pids: Iterable[int], root: Path = ROOT) -> Moment:
    """Look at the machine.

    Args:
        pids: The processes that are measured.
        root: Where `proc` and `sys` are.
    """
    ticks_a_second = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
    times = _processor_ticks(root)
    return Moment(
        at_s=time.monotonic(),
        busy_s=sum(times[field] for field in BUSY_FIELDS) / ticks_a_second if times else None,
        steal_s=times[STEAL] / ticks_a_second if times else None,
        own_s=sum(_process_ticks(root, pid) for pid in pids) / ticks_a_second if times else None,
        load=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        throttled=_throttled(root),
        temperature=temperature(root).text,
    )


def between(before: Moment, after: Moment) -> dict[str, Any]:
    """What went on between two moments.

    Returns:
        `seconds`, `steal_s`, `foreign_cores` (mean number of cores that others kept busy), `load`, `throttled` and
        `temperature` before and after; and `tail`: whether p99 and above can be relied on (`is_valid`), and why not
        (`reasons`).
    """
    seconds = max(after.at_s - before.at_s, 1e-9)
    steal_s = None if after.steal_s is None or before.steal_s is None else max(0.0, after.steal_s - before.steal_s)
    foreign_cores = _foreign_cores(before, after, seconds)
    throttled = None
    if before.throttled is not None and after.throttled is not None:
        throttled = after.throttled - before.throttled
    reasons = _reasons(steal_s, foreign_cores, throttled)
    return {
        "seconds": round(seconds, 3),
        "steal_s": None if steal_s is None else round(steal_s, 3),
        "foreign_cores": None if foreign_cores is None else round(foreign_cores, 3),
        "load": [before.load, after.load],
        "throttled": throttled,
        "temperature": [before.temperature, after.temperature],
        "tail": {"is_valid": not reasons, "reasons": reasons},
    }


def _foreign_cores(before: Moment, after: Moment, seconds: float) -> float | None:
    if before.busy_s is None or after.busy_s is None or before.own_s is None or after.own_s is None:
        return None
    return max(0.0, (after.busy_s - before.busy_s) - (after.own_s - before.own_s)) / seconds


def _reasons(steal_s: float | None, foreign_cores: float | None, throttled: int | None) -> list[str]:
    """Why p99 and above cannot be relied on; empty if they can."""
    reasons = []
    if steal_s is None or foreign_cores is None:
        reasons.append("the system does not tell what else ran")
    if steal_s:
        reasons.append(f"the host took {steal_s:.2f} s of processor time away")
    if foreign_cores is not None and foreign_cores > LARGEST_FOREIGN_CORES:
        reasons.append(f"other processes kept {foreign_cores:.2f} cores busy")
    if throttled:
        reasons.append(f"cores slowed down {throttled} times because they were hot")
    return reasons


def machine(root: Path = ROOT) -> dict[str, Any]:
    """What the machine is: processor, cores, how their clock rate is set, memory, and the power mode of a Jetson."""
    affinity = getattr(os, "sched_getaffinity", None)
    model = _text(root / "proc/device-tree/model").rstrip("\0")
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "model": model or None,
        "processor": _processor(root),
        "cores": os.cpu_count(),
        "cores_usable": len(affinity(0)) if affinity else os.cpu_count(),
        "governor": governor(root).text,
        "power_mode": next((check.text for check in power_mode(root)), None),
        "memory_mib": _memory_mib(root),
    }


def software() -> dict[str, str]:
    """Versions of Python, of this package and of the libraries that compute."""
    installed = {distribution.metadata["Name"]: distribution.version for distribution in metadata.distributions()}
    found = {name: installed[name] for name in LIBRARIES if name in installed}
    return {"python": platform.python_version(), "factory-edge": __version__, **found}


def _processor(root: Path) -> str | None:
    lines = [line.partition(":") for line in _text(root / "proc/cpuinfo").splitlines()]
    found = {name.strip(): value.strip() for name, _, value in reversed(lines)}
    return found.get("model name") or platform.processor() or None


def _memory_mib(root: Path) -> int | None:
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) // 1024
    return None


def _processor_ticks(root: Path) -> list[int]:
    fields = _text(root / "proc/stat").partition("\n")[0].split()[1:]
    return [int(field) for field in fields] if len(fields) > STEAL else []


def _process_ticks(root: Path, pid: int) -> int:
    """User and system time of a process with all its threads; 0 if it is gone."""
    # The name in brackets may hold spaces.
    fields = _text(root / "proc" / str(pid) / "stat").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12]) if fields else 0


def _throttled(root: Path) -> int | None:
    counts = [
        _text(path) for path in (root / "sys/devices/system/cpu").glob("cpu[0-9]*/thermal_throttle/core_throttle_count")
    ]
    return sum(int(count) for count in counts if count.isdecimal()) if counts else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
