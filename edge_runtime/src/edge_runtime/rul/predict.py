"""Remaining useful life of every unit in a set of readings, with the bundle that fits each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

import numpy as np

from edge_runtime.bundle.manifest import Manifest
from edge_runtime.engine.base import Engine
from edge_runtime.errors import BundleError, InputError, RefusedError
from edge_runtime.rul.readings import FLEET, UNIT, Readings, Row, Table
from edge_runtime.rul.regimes import why_unseen
from edge_runtime.rul.windows import last_windows

BATCH_UNITS = 256
WINDOW = "window"
AGE = "age_cycles"
RUL = "rul_cycles"
QUANTILES = "rul_quantiles_cycles"
BOUNDS = {
    "rul_low_80_cycles": 0.10,
    "rul_high_80_cycles": 0.90,
    "rul_low_90_cycles": 0.05,
    "rul_high_90_cycles": 0.95,
}


class UnitPrediction(TypedDict):
    """Predicted remaining useful life of one unit at its last cycle; null, with the reason, where none can be given.

    The bounds of its 80 and 90 % intervals are null, too, where the bundle gives no quantiles.
    """

    unit_id: str
    cycle: int
    rul_cycles: float | None
    rul_low_80_cycles: float | None
    rul_high_80_cycles: float | None
    rul_low_90_cycles: float | None
    rul_high_90_cycles: float | None
    refused: str | None


def channel_names(manifest: Manifest) -> tuple[str, ...]:
    """Channels of the bundle's window input, in its order.

    Raises:
        BundleError: The window input names no channels.
    """
    channels = manifest.input(WINDOW).channels
    if channels is None:
        raise BundleError(f"bundle {manifest.bundle}: input {WINDOW} names no channels", "make the bundle again")
    return tuple(channel.name for channel in channels)


def predict(engine: Engine, manifest: Manifest, readings: Readings) -> list[UnitPrediction]:
    """Predict at the last cycle of every unit.

    Args:
        engine: The bundle's engine.
        manifest: The bundle's manifest.
        readings: Values in the order of `channel_names(manifest)`, raw engineering units.

    Returns:
        One entry a unit, in order of first appearance. A unit that runs in no operating regime of the training data is
        refused by itself; the others are not touched.

    Raises:
        RefusedError: The engine gave a prediction or a bound that is not a finite number.
        BundleError: The bundle's window has no fixed length.
    """
    window_cycles = manifest.input(WINDOW).shape[1]
    if not isinstance(window_cycles, int):
        raise BundleError(f"bundle {manifest.bundle}: the window has no fixed length", "make the bundle again")
    units, last_cycles, window, age = last_windows(readings.unit_ids, readings.cycles, readings.values, window_cycles)
    bounds = _bound_columns(manifest)
    found = _run(engine, window, age, bounds)
    unseen: list[str | None] = [None] * len(units)
    if manifest.regimes is not None:
        unseen = why_unseen(manifest.regimes, channel_names(manifest), window)
    bad = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if len(bad):
        told = ", ".join(str(value) for value in found[bad[0]])
        raise RefusedError(
            f"bundle {manifest.bundle} {manifest.version} predicts {told} for unit {units[bad[0]]}",
            "check the unit's readings; if they are in order, release another bundle",
        )
    return [
        _prediction(unit, int(cycle), None if why else dict(zip((RUL, *bounds), values.tolist(), strict=True)), why)
        for unit, cycle, values, why in zip(units, last_cycles, found, unseen, strict=True)
    ]


def _bound_columns(manifest: Manifest) -> dict[str, int]:
    """The bounds that the bundle gives, and the column of its quantiles that holds each."""
    for spec in manifest.outputs:
        if spec.name == QUANTILES and spec.levels is not None:
            return {name: spec.levels.index(level) for name, level in BOUNDS.items() if level in spec.levels}
    return {}


def _run(engine: Engine, window: np.ndarray, age: np.ndarray, bounds: Mapping[str, int]) -> np.ndarray:
    """(units, 1 + bounds) cycles: the prediction and its bounds."""
    parts = []
    for start in range(0, len(window), BATCH_UNITS):
        given = engine.run({WINDOW: window[start : start + BATCH_UNITS], AGE: age[start : start + BATCH_UNITS]})
        parts.append(np.hstack([given[RUL][:, :1], *(given[QUANTILES][:, [at]] for at in bounds.values())]))
    return np.concatenate(parts)


def _prediction(unit_id: str, cycle: int, values: Mapping[str, float] | None, why: str | None) -> UnitPrediction:
    known = values or {}
    return {
        "unit_id": unit_id,
        "cycle": cycle,
        "rul_cycles": known.get(RUL),
        "rul_low_80_cycles": known.get("rul_low_80_cycles"),
        "rul_high_80_cycles": known.get("rul_high_80_cycles"),
        "rul_low_90_cycles": known.get("rul_low_90_cycles"),
        "rul_high_90_cycles": known.get("rul_high_90_cycles"),
        "refused": why,
    }


def route(table: Table, bundles: Mapping[str, Manifest], bundle: str | None = None) -> dict[str, Table]:
    """Say which bundle predicts which rows.

    It is the bundle named, else that of each row's `fleet`, else the only one whose channels are all columns.

    Returns:
        A part of the table for each bundle that has rows, by bundle name.

    Raises:
        InputError: The bundle or a fleet is not known, none or several fit, or a unit is in two fleets.
    """
    names = ", ".join(sorted(bundles))
    if bundle is not None:
        if bundle not in bundles:
            raise InputError(f"bundle {bundle!r} is not in the active release", f"use one of: {names}")
        return {bundle: table}
    if FLEET in table.header:
        return _by_fleet(table, bundles)
    fitting = sorted(name for name in bundles if set(channel_names(bundles[name])) <= set(table.header))
    if len(fitting) == 1:
        return {fitting[0]: table}
    if fitting:
        raise InputError(
            f"{table.source}: the channels fit several bundles: {', '.join(fitting)}",
            f"choose one with --bundle, or add a column {FLEET!r}",
        )
    missing = {name: sorted(set(channel_names(bundles[name])) - set(table.header)) for name in sorted(bundles)}
    raise InputError(
        f"{table.source}: line 1: columns are missing: "
        + "; ".join(f"{name} needs {', '.join(columns)}" for name, columns in missing.items()),
        "add the columns of one bundle; leave cells empty where a reading is missing",
    )


def _by_fleet(table: Table, bundles: Mapping[str, Manifest]) -> dict[str, Table]:
    bundle_of: dict[str, str] = {}
    for name, manifest in sorted(bundles.items()):
        other = bundle_of.setdefault(str(manifest.fleet), name)
        if other != name:
            raise InputError(
                f"bundles {other} and {name} are both for fleet {manifest.fleet}", "choose one with --bundle"
            )
    fleet_column, unit_column = table.column(FLEET), table.column(UNIT)
    fleet_of_unit: dict[str, str] = {}
    parts: dict[str, list[Row]] = {}
    for row in table.rows:
        fleet, unit = row.cells[fleet_column], row.cells[unit_column]
        where = f"{table.source}: line {row.line}: column {FLEET!r}"
        if fleet not in bundle_of:
            raise InputError(
                f"{where}: no bundle of the active release is for fleet {fleet!r}",
                f"use one of: {', '.join(sorted(bundle_of))}",
            )
        if fleet_of_unit.setdefault(unit, fleet) != fleet:
            raise InputError(
                f"{where}: unit {unit} is in fleet {fleet_of_unit[unit]} and in {fleet}",
                "give each unit one fleet",
            )
        parts.setdefault(bundle_of[fleet], []).append(row)
    return {name: Table(table.source, table.header, tuple(rows)) for name, rows in parts.items()}
