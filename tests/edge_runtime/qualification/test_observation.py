"""What is known of the machine, and when p99 and above cannot be relied on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge_runtime.qualification.observation import Moment, between, machine, moment, software

BEFORE = Moment(at_s=10, busy_s=100, steal_s=5, own_s=20, load=0.5, throttled=3, temperature="40 degC")
# Within 10 s this process worked for 4 s and others for 0.1 s.
QUIET = Moment(at_s=20, busy_s=104.1, steal_s=5, own_s=24, load=0.6, throttled=3, temperature="41 degC")


def test_on_a_quiet_machine_the_tail_is_valid() -> None:
    found = between(BEFORE, QUIET)
    assert (found["seconds"], found["steal_s"], found["foreign_cores"]) == (10, 0, pytest.approx(0.01))
    assert found["tail"] == {"is_valid": True, "reasons": []}


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (replace(QUIET, steal_s=5.01), "the host took 0.01 s of processor time away"),
        (replace(QUIET, busy_s=109), "other processes kept 0.50 cores busy"),
        (replace(QUIET, throttled=5), "cores slowed down 2 times because they were hot"),
        (replace(QUIET, busy_s=None), "the system does not tell what else ran"),
    ],
)
def test_whatever_disturbed_makes_it_invalid_and_is_named(after: Moment, reason: str) -> None:
    assert between(BEFORE, after)["tail"] == {"is_valid": False, "reasons": [reason]}


def test_times_are_read_of_the_system(tmp_path: Path) -> None:
    ticks = 100
    (tmp_path / "proc" / "7").mkdir(parents=True)
    (tmp_path / "proc" / "stat").write_text("cpu  100 20 30 9000 40 5 6 17 0 0\ncpu0 1 2 3\n")
    fields = ["S", *["0"] * 10, "300", "100", *["0"] * 20]
    (tmp_path / "proc" / "7" / "stat").write_text(f"7 (a name) with) {' '.join(fields)}\n")
    (tmp_path / "proc" / "cpuinfo").write_text("processor : 0\nmodel name : Quick 3000\n")
    for core, count in enumerate((2, 3)):
        folder = tmp_path / f"sys/devices/system/cpu/cpu{core}/thermal_throttle"
        folder.mkdir(parents=True)
        (folder / "core_throttle_count").write_text(f"{count}\n")
    found = moment([7, 8], tmp_path)
    assert (found.busy_s, found.steal_s, found.own_s) == (161 / ticks, 17 / ticks, 400 / ticks)
    assert found.throttled == 5
    assert machine(tmp_path)["processor"] == "Quick 3000"


def test_a_system_that_tells_nothing(tmp_path: Path) -> None:
    found = moment([1], tmp_path)
    assert (found.busy_s, found.steal_s, found.own_s, found.throttled) == (None, None, None, None)
    assert not between(found, found)["tail"]["is_valid"]
    assert {"python", "factory-edge", "numpy", "onnxruntime"} <= set(software())
