"""Runs one machine of the reference plant: shifts, lives, failures, overhauls.

Everything about a life follows from (seed, fleet, machine, life number). What a historian makes of it is in `mess`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from zlib import crc32

import numpy as np

from factory_assets.reference_plant.fleets import FAILED, OVERHAUL, RUNNING, STOPPED, FleetModel, Floats
from factory_assets.reference_plant.physics import (
    FAILURE_THRESHOLD,
    PHYSICS,
    STEP_H,
    MachinePhysics,
    Operation,
    wander,
)

STEP = dt.timedelta(minutes=20)
STEPS_PER_HOUR, STEPS_PER_DAY, STEPS_PER_SHIFT = 3, 72, 24
FIRST_SHIFT_STEP = 6 * STEPS_PER_HOUR
HORIZON_STEPS = 1200 * STEPS_PER_HOUR

NOMINAL_LIFE_H = (270.0, 520.0)
SLOWER_MODE_FACTOR = (1.6, 2.6)
OVERHAUL_SHARE = 0.15
MAX_INITIAL_AGE_H = 160.0


class Stream(IntEnum):
    """Independent random streams of one life; the last part of its seed."""

    PARAMETERS = 0
    PLAN = 1
    SEVERITY = 2
    SENSORS = 3
    END = 4


@dataclass(frozen=True)
class LifeRun:
    """One life of one machine, from overhaul to the next start, in steps of 20 minutes.

    Attributes:
        first_step: Steps from the plant's start to the life's; negative for a life that began before.
        states: machine_state at each step, the downtime after the end included.
        channels: Settings and sensors at each step before the end.
        wear: Wear of each mode at each step before the end, and at the end.
        end: Steps from the life's start to its end.
        mode: What failed; None after a planned overhaul.
    """

    machine: str
    life: int
    first_step: int
    states: np.ndarray
    channels: Mapping[str, Floats]
    wear: Mapping[str, Floats]
    end: int
    mode: str | None
    parameters: Mapping[str, float]

    @property
    def next_step(self) -> int:
        """When the machine's next life starts, in steps from the plant's start."""
        return self.first_step + self.states.size


def machine_lives(fleet: FleetModel, number: int, n_steps: int, seed: int) -> Iterator[LifeRun]:
    """The lives of a fleet's machine (`number` from 0) that touch the first `n_steps` steps of the plant."""
    life, first_step = 1, -_initial_age_steps(fleet, number, seed)
    while first_step < n_steps:
        run = run_life(fleet, number, life, first_step, seed)
        if run.next_step > 0:
            yield run
        life, first_step = life + 1, run.next_step


def run_life(fleet: FleetModel, number: int, life: int, first_step: int, seed: int) -> LifeRun:
    """Run one life to its end, whenever that is."""

    def rng(stream: Stream) -> np.random.Generator:
        return _generator(seed, fleet, number, life, stream)

    physics = PHYSICS[fleet.name]
    parameters = _draw_parameters(physics, rng(Stream.PARAMETERS), _machine_generator(seed, fleet, number))
    operation = _operation(fleet, first_step, rng(Stream.PLAN), rng(Stream.SEVERITY))
    wear = physics.wear(parameters, operation)
    end, mode = _end(wear, operation.is_running, parameters["overhaul_due_h"])
    sensors = physics.sensors(parameters, operation, wear, rng(Stream.SENSORS))
    running = np.where(operation.is_running[:end], RUNNING, STOPPED)
    return LifeRun(
        machine=fleet.machines[number],
        life=life,
        first_step=first_step,
        states=np.concatenate((running, _downtime(rng(Stream.END), has_failed=mode is not None))),
        channels={name: values[:end] for name, values in {**operation.settings, **sensors}.items()},
        wear={name: values[: end + 1] for name, values in wear.items()},
        end=end,
        mode=mode,
        parameters=parameters,
    )


def _generator(seed: int, fleet: FleetModel, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(crc32(fleet.name.encode()), *key)))


def _machine_generator(seed: int, fleet: FleetModel, number: int) -> np.random.Generator:
    """Lives count from 1, so life 0 stands for the machine itself."""
    return _generator(seed, fleet, number, 0)


def _initial_age_steps(fleet: FleetModel, number: int, seed: int) -> int:
    """Machines are up to MAX_INITIAL_AGE_H old when the plant's history begins, spread over a fleet."""
    jitter = _generator(seed, fleet, number, 0, 1).uniform()
    return round(MAX_INITIAL_AGE_H * (number + jitter) / fleet.n_machines) * STEPS_PER_HOUR


def _draw_parameters(
    physics: MachinePhysics, rng: np.random.Generator, machine: np.random.Generator
) -> dict[str, float]:
    nominal_h = rng.uniform(*NOMINAL_LIFE_H)
    fastest = rng.integers(len(physics.modes))
    slower = rng.uniform(*SLOWER_MODE_FACTOR, size=len(physics.modes))
    lives = {
        f"{mode}_life_h": nominal_h * (1.0 if index == fastest else slower[index])
        for index, mode in enumerate(physics.modes)
    }
    is_planned = rng.uniform() < OVERHAUL_SHARE
    due_h = nominal_h * rng.uniform(0.4, 0.85) if is_planned else 2 * nominal_h
    bias = {"bias_temp_degc": machine.normal(0, 0.5), "gain": machine.lognormal(0, 0.008)}
    return {**lives, "overhaul_due_h": due_h, **bias, **physics.draw(rng)}


def _operation(
    fleet: FleetModel, first_step: int, plan: np.random.Generator, severity: np.random.Generator
) -> Operation:
    """Shifts of eight hours from 06:00, each with one product; a change of product stops the machine."""
    step = first_step + np.arange(HORIZON_STEPS)
    shift = (step - FIRST_SHIFT_STEP) // STEPS_PER_SHIFT
    of_shift = shift - shift[0]
    shares = [product.share for product in fleet.products]
    products = plan.choice(len(shares), p=shares, size=of_shift[-1] + 1)
    setup_steps = plan.integers(1, 4, size=products.size)
    is_change = np.concatenate(([False], products[1:] != products[:-1]))
    into_shift = (step - FIRST_SHIFT_STEP) % STEPS_PER_SHIFT
    is_setup = is_change[of_shift] & (into_shift < setup_steps[of_shift])
    names = fleet.products[0].settings
    table = {name: np.array([float(p.settings[name]) for p in fleet.products]) for name in names}
    hour = step * STEP_H
    return Operation(
        is_running=~is_setup,
        settings={name: values[products[of_shift]] for name, values in table.items()},
        ambient_degc=22 + 3 * np.sin(2 * np.pi * (hour - 9) / 24) + wander(severity, step.size, 1.5),
        severity=np.exp(wander(severity, step.size, 0.12)),
    )


def _end(wear: Mapping[str, Floats], is_running: np.ndarray, overhaul_due_h: float) -> tuple[int, str | None]:
    """(step of the end, mode that failed or None): the first threshold passed, or an earlier overhaul."""
    passed = {mode: int(np.searchsorted(values, FAILURE_THRESHOLD)) for mode, values in wear.items()}
    mode = min(passed, key=passed.__getitem__)
    operated_h = np.cumsum(is_running) * STEP_H
    overhaul = int(np.searchsorted(operated_h, overhaul_due_h)) + 1
    return (overhaul, None) if overhaul < passed[mode] else (passed[mode], mode)


def _downtime(rng: np.random.Generator, *, has_failed: bool) -> np.ndarray:
    """States from the end to the next start: 8 to 24 h after a failure, 6 to 12 h for an overhaul.

    The end itself is shown for one to two hours, then the machine stands.
    """
    low_h, high_h = (8, 24) if has_failed else (6, 12)
    states = np.full(rng.integers(low_h * STEPS_PER_HOUR, high_h * STEPS_PER_HOUR, endpoint=True), STOPPED)
    states[: rng.integers(STEPS_PER_HOUR, 2 * STEPS_PER_HOUR, endpoint=True)] = FAILED if has_failed else OVERHAUL
    return states
