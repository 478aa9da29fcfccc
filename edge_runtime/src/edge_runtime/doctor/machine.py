"""Checks of the machine: clock, power, temperature, shared memory, and what restarts the service."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from edge_runtime.doctor.check import Check, failed, fine, warning

ROOT = Path("/")
UNIT = "factory-edge.service"
FIRST_YEAR, LAST_YEAR = 2026, 2060
HOT_DEGC, TOO_HOT_DEGC = 85.0, 97.0
MIB = 1 << 20
COMMAND_S = 10


def machine(ring_bytes: int | None = None, root: Path = ROOT) -> Iterator[Check]:
    """Check the machine.

    Args:
        ring_bytes: Size of the ring of frames; None if it depends on the images.
        root: Where `sys`, `dev` and `run` are.
    """
    yield clock(datetime.now(timezone.utc), asked("timedatectl", "show", "--property=NTPSynchronized", "--value"))
    yield governor(root)
    yield from power_mode(root)
    yield temperature(root)
    yield shared_memory(_free_bytes(root / "dev/shm"), ring_bytes)
    yield service(root, asked("systemctl", "show", UNIT, "--property=LoadState,ActiveState,WatchdogUSec"))


def asked(*command: str) -> str | None:
    """What a command says; None if it is not here or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=COMMAND_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def clock(now: datetime, is_synchronised: str | None) -> Check:
    """Check the clock. Inspection does not need it; signed releases expire by it, and people read times."""
    text = now.strftime("%Y-%m-%d %H:%M:%S UTC")
    if not FIRST_YEAR <= now.year <= LAST_YEAR:
        return failed("clock", f"it says {text}", "set the clock: new releases are refused by a wrong one")
    if is_synchronised == "yes":
        return fine("clock", f"{text}, synchronised")
    if is_synchronised == "no":
        return warning("clock", f"{text}, not synchronised", "name a time server of the plant in timesyncd or chrony")
    return warning("clock", f"{text}; whether it is synchronised cannot be told", "look after it by other means")


def governor(root: Path) -> Check:
    """Check that the processor may run at its full clock rate."""
    folder = root / "sys/devices/system/cpu"
    governors = {_read(path) for path in folder.glob("cpu[0-9]*/cpufreq/scaling_governor")} - {""}
    if not governors:
        return fine("cpu", f"{os.cpu_count()} cores; the system does not say how it sets their clock rate")
    driver = _read(folder / "cpu0/cpufreq/scaling_driver")
    text = f"{os.cpu_count()} cores, governor {', '.join(sorted(governors))} ({driver or 'unknown driver'})"
    # With intel_pstate and amd_pstate_epp the hardware chooses; `powersave` is then the usual name for it.
    if "powersave" in governors and driver not in ("intel_pstate", "amd-pstate-epp"):
        return warning("cpu", text, "cpupower frequency-set --governor performance: idle cores are slow to wake")
    return fine("cpu", text)


def power_mode(root: Path) -> Iterator[Check]:
    """Check the power mode of a Jetson; nothing on other machines."""
    model = _read(root / "proc/device-tree/model").rstrip("\0")
    if not (root / "etc/nv_tegra_release").exists() and "Jetson" not in model:
        return
    mode = asked("nvpmodel", "-q")
    name = (mode or "").partition("NV Power Mode:")[2].strip().partition("\n")[0]
    if not name:
        yield warning("power mode", f"{model or 'a Jetson'} does not tell it", "run sudo nvpmodel -q")
    elif name.upper().startswith("MAXN"):
        yield fine("power mode", f"{model}, {name}")
    else:
        yield warning("power mode", f"{model}, {name}", "sudo nvpmodel -m 0 and qualify, if cooling and supply allow")


def temperature(root: Path) -> Check:
    """Check that the machine is not about to slow down because it is hot."""
    found = []
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        value = _read(zone / "temp")
        if value.lstrip("-").isdecimal():
            found.append((int(value) / 1000, _read(zone / "type") or zone.name))
    if not found:
        return fine("temperature", "the system does not tell it")
    hottest_degc, where = max(found)
    text = f"{hottest_degc:.0f} degC at {where}, the hottest"
    if hottest_degc >= TOO_HOT_DEGC:
        return failed("temperature", text, "look after the cooling: the machine slows down or stops")
    if hottest_degc >= HOT_DEGC:
        return warning("temperature", text, "look after the cooling: soon the machine slows down")
    return fine("temperature", text)


def shared_memory(free_bytes: int | None, ring_bytes: int | None) -> Check:
    """Check that the frames have room in shared memory."""
    name, needed = "shared memory", 256 * MIB if ring_bytes is None else ring_bytes + 8 * MIB
    mend = "give /dev/shm more room (in a container --shm-size=1g), or set a region or a smaller frame"
    if free_bytes is None:
        return failed(name, "there is none", "mount a tmpfs on /dev/shm")
    text = f"{free_bytes / MIB:,.0f} MiB free"
    if free_bytes >= needed:
        return fine(name, text)
    text += f", {needed / MIB:,.0f} MiB may be needed"
    if ring_bytes is None:
        return warning(name, text, mend)
    return failed(name, text, mend)


def service(root: Path, told: str | None) -> Check:
    """Check that something restarts the service when it dies or hangs."""
    install = f"install the unit {UNIT}, see docs/jetson.md"
    if not (root / "run/systemd/system").is_dir():
        return warning("watchdog", "no systemd here: nothing restarts the service", "let something restart it")
    values = dict(line.split("=", 1) for line in (told or "").splitlines() if "=" in line)
    if values.get("LoadState") != "loaded":
        return warning("watchdog", f"{UNIT} is not installed: nothing restarts the service", install)
    if values.get("WatchdogUSec", "0") in ("0", "infinity"):
        return warning("watchdog", f"{UNIT} has no watchdog", install)
    return fine("watchdog", f"{UNIT} is {values.get('ActiveState')}, watchdog {values['WatchdogUSec']}")


def _free_bytes(folder: Path) -> int | None:
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
