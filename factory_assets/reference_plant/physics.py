"""How the machines of the reference plant wear, and what their sensors show of it.

Wear is a number that never falls within a life and means failure at 1. Laws are textbook ones with round
constants; no published machine is copied. Who runs what and when is in `simulator`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from factory_assets.reference_plant.fleets import Floats

STEP_H = 1 / 3
WANDER_KNOT_H = 48.0
EXPOSURE_CEILING = 1.05
FAILURE_THRESHOLD = 1.0

Parameters = Mapping[str, float]


@dataclass(frozen=True)
class Operation:
    """What a machine is asked to do, in steps of 20 minutes from its overhaul on; every array is (n,).

    Attributes:
        is_running: Whether the machine runs in the step.
        settings: Setting channels, in engineering units.
        ambient_degc: Hall temperature.
        severity: Factor of all wear rates, around 1: dirt, coolant, handling.
    """

    is_running: np.ndarray
    settings: Mapping[str, Floats]
    ambient_degc: Floats
    severity: Floats


@dataclass(frozen=True)
class MachinePhysics:
    """The laws of one machine class.

    Attributes:
        modes: Failure modes, in a fixed order.
        draw: Wear and effect parameters of one life that are particular to the class.
        wear: Wear of each mode at each step.
        sensors: What the sensor channels read, in engineering units, while running.
    """

    modes: tuple[str, ...]
    draw: Callable[[np.random.Generator], dict[str, float]]
    wear: Callable[[Parameters, Operation], dict[str, Floats]]
    sensors: Callable[[Parameters, Operation, Mapping[str, Floats], np.random.Generator], dict[str, Floats]]


# --- laws ------------------------------------------------------------------------------------------------


def exposure(rate: Floats, operation: Operation, nominal_life_h: float) -> Floats:
    """Share of the nominal life that is used up when each step begins: sum of rate * severity * time / life.

    Linear accumulation over regimes (Palmgren 1924, Miner 1945). A rate of 1 is the reference regime's.
    """
    spent = rate * operation.severity * operation.is_running * STEP_H / nominal_life_h
    before: Floats = np.concatenate(([0.0], np.cumsum(spent)[:-1]))
    return np.minimum(before, EXPOSURE_CEILING)


def self_accelerating(used: Floats, initial: float, acceleration: float) -> Floats:
    """Wear that feeds its own cause (debris, heat), from `initial` at u = 0 to 1 at u = 1.

    The share g of the way from `initial` to 1 obeys dg/du = c + b g, so g = (exp(b u) - 1) / (exp(b) - 1).
    """
    grown: Floats = np.expm1(acceleration * used) / np.expm1(acceleration)
    return initial + (1 - initial) * grown


def paris_spall(used: Floats, initial: float) -> Floats:
    """Relative spall size by Paris' law with exponent 3, from `initial` at u = 0 to 1 at u = 1.

    da/dN = C (dK)^3 with dK proportional to the square root of a gives a^(-1/2) falling linearly (P. Paris,
    F. Erdogan, 1963).
    """
    start = initial**-0.5
    size: Floats = (start - (start - 1) * used) ** -2.0
    return size


def viscosity_ratio(temp_degc: Floats) -> Floats:
    """Viscosity of an ISO VG 46 oil relative to 50 degC, after Andrade: exp(B (1/T - 1/T0)).

    B = 3720 K follows from the grade's usual 46 mm2/s at 40 degC and 6.8 mm2/s at 100 degC.
    """
    return np.exp(3720.0 * (1 / (temp_degc + 273.15) - 1 / 323.15))


def gap_leakage_l_min(clearance: Floats, pressure_bar: Floats, viscosity: Floats, at_failure_l_min: float) -> Floats:
    """Leakage of laminar flow through a gap: proportional to p h^3 / mu (Poiseuille).

    `at_failure_l_min` is the leakage at relative clearance 1, 160 bar and 50 degC.
    """
    return at_failure_l_min * clearance**3 * (pressure_bar / 160) / viscosity


def filter_dp_bar(clean_bar: float, deposit: Floats, flow_l_min: Floats, viscosity: Floats) -> Floats:
    """Pressure drop of a depth filter: Darcy, with pores closing by Hermia's (1982) standard blocking law.

    Resistance grows as (1 - k m)^-2; a full deposit closes three quarters: 16 times the clean pressure drop.
    """
    return clean_bar * (flow_l_min / 120) * viscosity * (1 - 0.75 * deposit) ** -2.0


def spall_kurtosis(spall: Floats) -> Floats:
    """Excess kurtosis of the vibration: single impacts when a spall is small, a din when it is large.

    Rises to its peak at a relative size of 0.35 and falls again, as in bearing tests (D. Dyer, R. Stewart, 1978).
    """
    relative = spall / 0.35
    return relative * np.exp(1 - relative)


def lagged(target: Floats, time_constant_h: float) -> Floats:
    """First-order response to a piecewise constant target; starts at the first target."""
    keep = np.exp(-STEP_H / time_constant_h)
    kernel = (1 - keep) * keep ** np.arange(int(8 * time_constant_h / STEP_H) + 1)
    kernel /= kernel.sum()
    padded = np.concatenate((np.full(kernel.size - 1, target[0]), target))
    response: Floats = np.convolve(padded, kernel, mode="valid")
    return response


def wander(rng: np.random.Generator, n_steps: int, scale: float) -> Floats:
    """Slow noise: standard deviation `scale` at knots two days apart, linear between them."""
    hours = np.arange(n_steps) * STEP_H
    knots = np.arange(0, hours[-1] + 2 * WANDER_KNOT_H, WANDER_KNOT_H)
    noise: Floats = np.interp(hours, knots, scale * rng.standard_normal(knots.size))
    return noise


# --- press -----------------------------------------------------------------------------------------------

CYLINDER_AREA_M2 = 0.084
STROKE_VOLUME_L = 10.0
OIL_OVER_COOLER_K = 18.0
COOLER_K_PER_KW = 0.5
MAX_OIL_DEGC = 110.0  # where a thermal switch stops a real press
AMPERE_PER_KW = 1000 / (np.sqrt(3) * 400 * 0.86)  # three-phase 400 V motor, power factor 0.86


def _draw_press(rng: np.random.Generator) -> dict[str, float]:
    return {
        "initial_clearance": rng.uniform(0.18, 0.32),
        "debris_acceleration": rng.uniform(0.8, 1.4),
        "initial_deposit": rng.uniform(0.0, 0.12),
        "leakage_l_min": 28.0 * rng.lognormal(0, 0.08),
        "clean_filter_bar": 0.35 * rng.lognormal(0, 0.08),
        "base_vibration_mm_s": 1.6 * rng.lognormal(0, 0.08),
    }


def _press_demand(operation: Operation) -> tuple[Floats, Floats]:
    """(pressure in bar, flow in l/min) that force and stroke rate ask for."""
    pressure_bar = operation.settings["force_setpoint_kn"] / CYLINDER_AREA_M2 / 100
    return pressure_bar, operation.settings["stroke_rate_per_min"] * STROKE_VOLUME_L


def _press_wear(parameters: Parameters, operation: Operation) -> dict[str, Floats]:
    """Pump clearance by Archard's law (wear ~ load * path, J. Archard 1953); filter deposit ~ volume."""
    pressure_bar, flow_l_min = _press_demand(operation)
    pump = exposure(pressure_bar / 160, operation, parameters["pump_wear_life_h"])
    clog = exposure(flow_l_min / 134, operation, parameters["filter_clogging_life_h"])
    return {
        "pump_wear": self_accelerating(pump, parameters["initial_clearance"], parameters["debris_acceleration"]),
        "filter_clogging": parameters["initial_deposit"] + (1 - parameters["initial_deposit"]) * clog,
    }


def settled_oil(
    parameters: Parameters, operation: Operation, wear: Mapping[str, Floats], cooler_degc: Floats
) -> tuple[Floats, Floats, Floats]:
    """(oil temperature in degC, pump leakage in l/min, filter pressure drop in bar) that go together.

    Leakage heats the oil and hot oil leaks more. The loop gain stays below 0.6 up to failure, so that eight rounds
    settle it to about a percent of the rise in the worst case.
    """
    demand_bar, flow_l_min = _press_demand(operation)
    temp_degc = cooler_degc + OIL_OVER_COOLER_K
    for _ in range(8):
        viscosity = viscosity_ratio(np.minimum(temp_degc, MAX_OIL_DEGC))
        leak_l_min = gap_leakage_l_min(wear["pump_wear"], demand_bar, viscosity, parameters["leakage_l_min"])
        dp_bar = filter_dp_bar(parameters["clean_filter_bar"], wear["filter_clogging"], flow_l_min, viscosity)
        heat_kw = (0.25 * demand_bar * flow_l_min + demand_bar * leak_l_min + dp_bar * flow_l_min) / 600
        rise = OIL_OVER_COOLER_K + COOLER_K_PER_KW * np.where(operation.is_running, heat_kw, 0.0)
        temp_degc = cooler_degc + lagged(rise, 1.5)
    return temp_degc, leak_l_min, dp_bar


def _press_sensors(
    parameters: Parameters, operation: Operation, wear: Mapping[str, Floats], rng: np.random.Generator
) -> dict[str, Floats]:
    clearance, deposit = wear["pump_wear"], wear["filter_clogging"]
    demand_bar, flow_l_min = _press_demand(operation)
    n = clearance.size
    cooler_degc = operation.ambient_degc + wander(rng, n, 1.5)
    temp_degc, leak_l_min, dp_bar = settled_oil(parameters, operation, wear, cooler_degc)
    hydraulic_kw = (demand_bar * (flow_l_min + leak_l_min) + dp_bar * flow_l_min) / 600
    power_kw = hydraulic_kw / 0.85 + 3
    cavitation = 1.2 * np.maximum(deposit - 0.4, 0) ** 2
    vibration = parameters["base_vibration_mm_s"] * (0.6 + demand_bar / 400) * (1 + 0.7 * clearance**3 + cavitation)
    pressure_bar = demand_bar * (1 - 0.0030 * leak_l_min)
    noise = rng.standard_normal((5, n))
    return {
        "oil_temp_degc": temp_degc + parameters["bias_temp_degc"] + 0.8 * noise[0],
        "system_pressure_bar": pressure_bar * (1 + 0.012 * noise[1] + wander(rng, n, 0.004)),
        "motor_current_a": power_kw * AMPERE_PER_KW * parameters["gain"] * (1 + 0.03 * noise[2]),
        "filter_dp_bar": dp_bar * np.exp(0.10 * noise[3] + wander(rng, n, 0.06)),
        "pump_vibration_mm_s": vibration * np.exp(0.12 * noise[4] + wander(rng, n, 0.05)),
    }


# --- spindle ---------------------------------------------------------------------------------------------


def _draw_spindle(rng: np.random.Generator) -> dict[str, float]:
    return {
        "initial_spall": rng.uniform(0.02, 0.05),
        "grease_acceleration": rng.uniform(1.8, 2.6),
        "base_vibration_mm_s": 0.6 * rng.lognormal(0, 0.10),
        "spall_vibration_mm_s": 5.0 * rng.lognormal(0, 0.12),
        "friction_gain": rng.lognormal(0, 0.12),
    }


def _spindle_demand(operation: Operation) -> tuple[Floats, Floats]:
    """(speed in thousand rpm, bearing load relative to the heaviest product)."""
    speed_krpm = operation.settings["speed_setpoint_rpm"] / 1000
    return speed_krpm, 0.35 + 0.65 * operation.settings["cutting_power_setpoint_kw"] / 11


def _spindle_wear(parameters: Parameters, operation: Operation) -> dict[str, Floats]:
    """Spall growth ~ load^3 * speed, the life law of ISO 281 for ball bearings; grease ages by temperature.

    Twice as fast per 15 K is the bearing makers' rule for grease life, an Arrhenius law around 70 degC.
    """
    speed_krpm, load = _spindle_demand(operation)
    spall = exposure(load**3 * speed_krpm / 3.9, operation, parameters["bearing_spall_life_h"])
    grease_temp_degc = 22 + 8 + 2.2 * speed_krpm
    ageing = 2 ** ((grease_temp_degc - 50) / 15)
    grease = exposure(ageing, operation, parameters["lubrication_loss_life_h"])
    return {
        "bearing_spall": paris_spall(spall, parameters["initial_spall"]),
        "lubrication_loss": self_accelerating(grease, 0.0, parameters["grease_acceleration"]),
    }


def _spindle_sensors(
    parameters: Parameters, operation: Operation, wear: Mapping[str, Floats], rng: np.random.Generator
) -> dict[str, Floats]:
    spall, dryness = wear["bearing_spall"], wear["lubrication_loss"]
    speed_krpm, load = _spindle_demand(operation)
    cutting_kw = operation.settings["cutting_power_setpoint_kw"]
    n = spall.size
    # Thinner films carry friction up and let the belt slip under load.
    friction_kw = 0.18 * speed_krpm * (1 + parameters["friction_gain"] * (1.3 * dryness + 0.25 * spall))
    slip = 0.002 + 0.025 * parameters["friction_gain"] * dryness**1.5 * load
    heating = np.where(operation.is_running, 6 + 12 * friction_kw, 0.0)
    temp_degc = operation.ambient_degc + wander(rng, n, 1.5) + lagged(heating, 1.0)
    base = parameters["base_vibration_mm_s"] * (1 + 0.2 * speed_krpm)
    impact = parameters["spall_vibration_mm_s"] * spall * (speed_krpm / 8) * load
    noise = rng.standard_normal((5, n))
    rms = np.hypot(base * (1 + 0.25 * dryness**2), impact)
    return {
        "spindle_speed_rpm": operation.settings["speed_setpoint_rpm"] * (1 - slip + 0.003 * noise[0]),
        "power_kw": (cutting_kw + friction_kw) * parameters["gain"] * (1 + 0.04 * noise[1]),
        "bearing_temp_degc": temp_degc + parameters["bias_temp_degc"] + 0.8 * noise[2],
        "vibration_rms_mm_s": rms * np.exp(0.12 * noise[3] + wander(rng, n, 0.06)),
        "vibration_kurtosis": np.maximum(3 + 5 * spall_kurtosis(spall) * load + 0.5 * noise[4], 1.0),
    }


PHYSICS: dict[str, MachinePhysics] = {
    "press": MachinePhysics(("pump_wear", "filter_clogging"), _draw_press, _press_wear, _press_sensors),
    "spindle": MachinePhysics(("bearing_spall", "lubrication_loss"), _draw_spindle, _spindle_wear, _spindle_sensors),
}
