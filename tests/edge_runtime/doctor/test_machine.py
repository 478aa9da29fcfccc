"""Checks of the machine, on made-up machines."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_runtime.doctor import machine
from edge_runtime.doctor.machine import clock, governor, power_mode, service, shared_memory, temperature

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MIB = 1 << 20


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("now", "told", "state"),
    [
        (NOW, "yes", "ok"),
        (NOW, "no", "warning"),
        (NOW, None, "warning"),
        (datetime(1970, 1, 1, tzinfo=UTC), "yes", "failed"),
        (datetime(2106, 2, 7, tzinfo=UTC), "yes", "failed"),
    ],
)
def test_the_clock(now: datetime, told: str | None, state: str) -> None:
    assert clock(now, told).state == state


@pytest.mark.parametrize(
    ("names", "driver", "state"),
    [
        (["performance", "performance"], "cpufreq-dt", "ok"),
        (["performance", "powersave"], "cpufreq-dt", "warning"),
        (["powersave"], "intel_pstate", "ok"),
        ([], "", "ok"),
    ],
)
def test_the_governor(tmp_path: Path, names: list[str], driver: str, state: str) -> None:
    for number, name in enumerate(names):
        folder = tmp_path / f"sys/devices/system/cpu/cpu{number}/cpufreq"
        write(folder / "scaling_governor", f"{name}\n")
        write(folder / "scaling_driver", f"{driver}\n")
    assert governor(tmp_path).state == state


@pytest.mark.parametrize(("degc", "state"), [(45, "ok"), (88, "warning"), (99, "failed")])
def test_the_hottest_place_counts(tmp_path: Path, degc: int, state: str) -> None:
    for number, value in enumerate((30, degc, -256)):
        write(tmp_path / f"sys/class/thermal/thermal_zone{number}/temp", f"{value * 1000}\n")
    write(tmp_path / "sys/class/thermal/thermal_zone1/type", "gpu-thermal\n")
    check = temperature(tmp_path)
    assert check.state == state
    assert f"{degc} degC at gpu-thermal" in check.text


def test_a_zone_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "sys/class/thermal/thermal_zone0/temp", "")
    assert temperature(tmp_path).state == "ok"


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ("NV Power Mode: MAXN\n0", "ok"),
        ("NV Power Mode: MAXN_SUPER\n2", "ok"),
        ("NV Power Mode: 15W\n2", "warning"),
        (None, "warning"),
    ],
)
def test_the_power_mode_of_a_jetson(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str | None, state: str
) -> None:
    monkeypatch.setattr(machine, "asked", lambda *_: told)
    assert list(power_mode(tmp_path)) == []
    write(tmp_path / "proc/device-tree/model", "NVIDIA Jetson Orin Nano Developer Kit\0")
    (check,) = power_mode(tmp_path)
    assert (check.state, "Orin Nano" in check.text) == (state, True)


@pytest.mark.parametrize(
    ("free", "ring", "state"),
    [
        (64 * MIB, None, "warning"),
        (1024 * MIB, None, "ok"),
        (64 * MIB, 60 * MIB, "failed"),
        (64 * MIB, 30 * MIB, "ok"),
        (None, None, "failed"),
    ],
)
def test_shared_memory(free: int | None, ring: int | None, state: str) -> None:
    assert shared_memory(free, ring).state == state


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ("LoadState=loaded\nActiveState=active\nWatchdogUSec=10s", "ok"),
        ("LoadState=loaded\nActiveState=active\nWatchdogUSec=infinity", "warning"),
        ("LoadState=loaded\nActiveState=active\nWatchdogUSec=0", "warning"),
        ("LoadState=not-found\nActiveState=inactive", "warning"),
        (None, "warning"),
    ],
)
def test_the_watchdog(tmp_path: Path, told: str | None, state: str) -> None:
    assert service(tmp_path, told).text.startswith("no systemd")
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    assert service(tmp_path, told).state == state


def test_whatever_this_machine_is_it_can_be_looked_at() -> None:
    checks = list(machine.machine())
    assert {check.name for check in checks} >= {"clock", "cpu", "temperature", "shared memory", "watchdog"}
    assert all(check.mend for check in checks if check.state != "ok")
