"""How often the reference plant's historian fails, and how badly: all rates and sizes of its mess."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class EpisodeRule:
    """How often an episode comes, and how long it lasts.

    Attributes:
        kind: The fault.
        scope: Whether the logger of a whole machine fails, or one sensor.
        per_week: Mean number of episodes a machine and week.
        hours: Least and greatest duration.
        channels: Sensors that it may befall; empty for all of them.
    """

    kind: str
    scope: Literal["unit", "channel"]
    per_week: float
    hours: tuple[float, float]
    channels: tuple[str, ...] = ()


# Long ones first: they find a place before the week is full.
EPISODE_RULES = (
    EpisodeRule("drift", "channel", 0.15, (12, 48), ("system_pressure_bar", "spindle_speed_rpm")),
    EpisodeRule("stuck", "channel", 0.25, (6, 30)),
    EpisodeRule("clock_jump", "unit", 0.15, (3, 12)),
    EpisodeRule(
        "unit_mixup", "channel", 0.25, (4, 18),
        ("oil_temp_degc", "system_pressure_bar", "bearing_temp_degc", "vibration_rms_mm_s"),
    ),
    EpisodeRule("gap", "unit", 0.20, (1.5, 10)),
    EpisodeRule("gap", "channel", 0.20, (2, 12)),
    EpisodeRule("late", "unit", 0.20, (1, 4)),
    EpisodeRule("out_of_order", "unit", 0.25, (1, 3)),
    EpisodeRule("restart", "unit", 0.20, (1, 2)),
)  # fmt: skip

# Share of all readings; spikes befall sensors only.
READING_RATES = {"duplicate": 0.001, "bad_quality": 0.001, "impossible_value": 0.0003, "spike": 0.001}

KINDS = (*dict.fromkeys(rule.kind for rule in EPISODE_RULES), *READING_RATES, "twice_told_hour", "renamed_tag")

# How far each goes.
DRIFT_AT_END = {"system_pressure_bar": (0.30, 0.40), "spindle_speed_rpm": (0.15, 0.25)}
DRIFTS_BOTH_WAYS = ("spindle_speed_rpm",)
CLOCK_ERROR_MIN = (25, 300)
RESTART_SILENT_STEPS = (1, 3)
SPIKE_SIGMAS = (12.0, 40.0)
BAD_QUALITY_CODES = (0, 24, 64)  # OPC classic: bad, communication failure, uncertain
IMPOSSIBLE_VALUES = (-9999.0, 32767.0)  # a dead driver's filler and a 16-bit counter's end

# Noise of each sensor, as (absolute, relative to its value): what a spike is measured by.
NOISE: dict[str, tuple[float, float]] = {
    "oil_temp_degc": (0.8, 0.0),
    "system_pressure_bar": (0.0, 0.012),
    "motor_current_a": (0.0, 0.03),
    "filter_dp_bar": (0.0, 0.10),
    "pump_vibration_mm_s": (0.0, 0.12),
    "spindle_speed_rpm": (0.0, 0.003),
    "power_kw": (0.0, 0.04),
    "bearing_temp_degc": (0.8, 0.0),
    "vibration_rms_mm_s": (0.0, 0.12),
    "vibration_kurtosis": (0.5, 0.0),
}

# One machine of the fleet gets a new tag for the channel, on a day drawn between these.
NEW_TAGS = {("press", "oil_temp_degc"): "PRESS.OIL_TEMP_2", ("spindle", "vibration_rms_mm_s"): "SPINDLE.VIB_RMS_2"}
NEW_TAG_DAYS = (12, 35)
# So many machines of the fleet get the sensor only on a day drawn between these.
LATE_SENSORS = {("spindle", "vibration_kurtosis"): 3}
LATE_SENSOR_DAYS = (14, 42)
