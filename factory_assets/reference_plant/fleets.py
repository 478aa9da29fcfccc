"""What the reference plant consists of: fleets, machines, products and channels.

Names, units, limits and settings only; how machines wear and what their sensors show is in `physics`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

STATE_CHANNEL = "machine_state"
STOPPED, RUNNING, FAILED, OVERHAUL = 0, 1, 2, 3

# (engineering unit, floor unit): floor = scale * engineering + offset. By definition the inch is 25.4 mm, the
# psi 6894.757293168 Pa, the mechanical horsepower 745.69987158227 W.
FLOOR_CONVERSIONS: dict[tuple[str, str], tuple[float, float]] = {
    ("degC", "degF"): (1.8, 32.0),
    ("bar", "psi"): (1e5 / 6894.757293168, 0.0),
    ("kW", "hp"): (1000 / 745.69987158227, 0.0),
    ("mm/s", "in/s"): (1 / 25.4, 0.0),
}


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One measured quantity.

    Attributes:
        name: The platform's name, in the engineering unit.
        tag: The plant floor's name.
        unit: Engineering unit.
        floor_unit: What the historian writes.
        low: Least plausible value, in engineering units.
        high: Greatest plausible value, in engineering units.
        decimals: How finely the historian stores it, in floor units.
    """

    name: str
    tag: str
    unit: str
    floor_unit: str
    low: float
    high: float
    role: Literal["setting", "sensor", "state"] = "sensor"
    aggregate: Literal["mean", "max", "last"] = "mean"
    decimals: int = 2

    @property
    def conversion(self) -> tuple[float, float]:
        """(scale, offset) so that floor value = scale * engineering value + offset."""
        return (1.0, 0.0) if self.unit == self.floor_unit else FLOOR_CONVERSIONS[self.unit, self.floor_unit]


@dataclass(frozen=True)
class Product:
    """What a machine makes in a shift: an operating regime.

    Attributes:
        name: The product.
        share: Share of the shifts, 0 to 1.
        settings: Value of each setting channel, in engineering units.
    """

    name: str
    share: float
    settings: dict[str, float]


@dataclass(frozen=True)
class FleetModel:
    """Machines of one class.

    `local_zone` is the time zone in whose local time, without an offset, the line's logger writes; empty for UTC.
    """

    name: str
    line: str
    n_machines: int
    channels: tuple[Channel, ...]
    products: tuple[Product, ...]
    local_zone: str = ""

    @property
    def machines(self) -> tuple[str, ...]:
        """Unit ids, `press-01` onwards."""
        return tuple(f"{self.name}-{number:02d}" for number in range(1, self.n_machines + 1))

    def channel(self, name: str) -> Channel:
        """The channel of that name; raises KeyError with the names that exist."""
        for channel in self.channels:
            if channel.name == name:
                return channel
        msg = f"fleet {self.name} has no channel {name!r}; it has {', '.join(c.name for c in self.channels)}"
        raise KeyError(msg)


def _same(name: str, tag: str, unit: str, low: float, high: float, **more: object) -> Channel:
    return Channel(name=name, tag=tag, unit=unit, floor_unit=unit, low=low, high=high, **more)  # type: ignore[arg-type]


def _setting(name: str, tag: str, unit: str, high: float) -> Channel:
    return _same(name, tag, unit, 0, high, role="setting", aggregate="last", decimals=0)


def _state(tag: str) -> Channel:
    # The greatest state of a cycle: an hour in which a machine fails counts as failed.
    return _same(STATE_CHANNEL, tag, "", STOPPED, OVERHAUL, role="state", aggregate="max", decimals=0)


PRESS = FleetModel(
    name="press",
    line="forming",
    n_machines=12,
    channels=(
        _setting("force_setpoint_kn", "PRESS.FORCE_SP", "kN", 4000),
        _setting("stroke_rate_per_min", "PRESS.STROKE_RATE", "1/min", 60),
        Channel(
            name="oil_temp_degc", tag="PRESS.OIL_TEMP", unit="degC", floor_unit="degF", low=-10, high=150,
            decimals=1,
        ),
        Channel(
            name="system_pressure_bar", tag="PRESS.SYS_PRESS", unit="bar", floor_unit="psi", low=0, high=400,
            decimals=0,
        ),
        _same("motor_current_a", "PRESS.MOTOR_CURR", "A", 0, 400, decimals=1),
        _same("filter_dp_bar", "PRESS.FILTER_DP", "bar", 0, 25, decimals=3),
        _same("pump_vibration_mm_s", "PRESS.PUMP_VIB", "mm/s", 0, 50, decimals=3),
        _state("PRESS.STATE"),
    ),
    products=(
        Product("bracket", 0.40, {"force_setpoint_kn": 800, "stroke_rate_per_min": 18}),
        Product("door panel", 0.35, {"force_setpoint_kn": 1400, "stroke_rate_per_min": 12}),
        Product("cross member", 0.25, {"force_setpoint_kn": 2100, "stroke_rate_per_min": 8}),
    ),
)  # fmt: skip

SPINDLE = FleetModel(
    name="spindle",
    line="machining",
    n_machines=12,
    channels=(
        _setting("speed_setpoint_rpm", "SPINDLE.SPEED_SP", "rpm", 25000),
        _setting("cutting_power_setpoint_kw", "SPINDLE.CUT_PWR_SP", "kW", 40),
        _same("spindle_speed_rpm", "SPINDLE.SPEED_ACT", "rpm", 0, 25000, decimals=0),
        Channel(name="power_kw", tag="SPINDLE.POWER", unit="kW", floor_unit="hp", low=0, high=60, decimals=2),
        Channel(
            name="bearing_temp_degc", tag="SPINDLE.BRG_TEMP", unit="degC", floor_unit="degF", low=-10,
            high=160, decimals=1,
        ),
        Channel(
            name="vibration_rms_mm_s", tag="SPINDLE.VIB_RMS", unit="mm/s", floor_unit="in/s", low=0, high=60,
            decimals=4,
        ),
        _same("vibration_kurtosis", "SPINDLE.VIB_KURT", "", 0, 60, decimals=2),
        _state("SPINDLE.STATE"),
    ),
    products=(
        Product("gear housing", 0.35, {"speed_setpoint_rpm": 4000, "cutting_power_setpoint_kw": 11}),
        Product("valve body", 0.40, {"speed_setpoint_rpm": 8000, "cutting_power_setpoint_kw": 8}),
        Product("cover", 0.25, {"speed_setpoint_rpm": 12000, "cutting_power_setpoint_kw": 5}),
    ),
    local_zone="Europe/Berlin",
)  # fmt: skip

FLEETS: tuple[FleetModel, ...] = (PRESS, SPINDLE)


def fleet_model(name: str) -> FleetModel:
    """The fleet of that name; raises KeyError with the names that exist."""
    for fleet in FLEETS:
        if fleet.name == name:
            return fleet
    msg = f"the reference plant has no fleet {name!r}; it has {', '.join(f.name for f in FLEETS)}"
    raise KeyError(msg)
