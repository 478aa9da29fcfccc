"""A small fleet with a known truth, and a tiny model of it that is trained once a session.

Nineteen pumps wear linearly in their share of life: vibration = 2 + 6 * share, plus 3 in the second of two loads.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from factory_assets.foundation.plant import Plant
from factory_assets.rul.graph import write_graph
from factory_assets.rul.schema import candidate_inputs, model_inputs
from factory_assets.rul.training import TrainedModel, train
from factory_assets.rul.training_set import build_training_set
from factory_assets.rul.windows import Windows, strided_windows
from factory_assets.telemetry.lives import unit_lives
from factory_assets.telemetry.schema import sensor_table_schema

FLEET = "pumps"
LOADS = (20.0, 80.0)
WINDOW_CYCLES = 12
CAP_CYCLES = 30

CHANNELS = [
    {"name": "load_pct", "unit": "percent", "role": "setting", "low": 0, "high": 120},
    {"name": "vibration_mm_s", "unit": "mm/s", "low": -100, "high": 100},
    {"name": "oil_temp_degc", "unit": "degC", "low": -10, "high": 150},
    {"name": "mains_v", "unit": "V", "low": 0, "high": 500},
    {"name": "rul_cycles", "unit": "cycles", "role": "label", "low": 0, "high": 1000},
]


def archive(**rul: object) -> Plant:
    """An archive of pumps: `run-*` ran until they failed, `cut-*` were cut off before."""
    settings = {
        "window_cycles": WINDOW_CYCLES, "window_stride": 2, "cap_cycles": CAP_CYCLES, "regimes": 2, "epochs": 2,
        "folds": 3, "trees": 30, "batch_size": 32, **rul,
    }  # fmt: skip
    fleet = {
        "name": FLEET, "machine_class": "pump", "units": ["*"], "rul": settings,
        "life": {"run_to_failure_units": "run-*", "test_units": "cut-*"},
    }  # fmt: skip
    columns = {"unit_id": "unit", "cycle": "cycle", "channel": "channel", "value": "value"}
    return Plant.model_validate(
        {
            "plant": "waterworks", "running": False, "machine_classes": {"pump": {"channels": CHANNELS}},
            "fleets": [fleet], "source": {"kind": "export", "folder": ".", "layout": "tall", "columns": columns},
        }
    )  # fmt: skip


def unit_rows(unit_id: str, length: int, seen: int, seed: int) -> list[dict[str, object]]:
    """The first `seen` cycles of a unit that fails in cycle `length`; cut-off ones carry their label at the end."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    for cycle in range(1, seen + 1):
        load = LOADS[rng.integers(2)]
        vibration = 2 + 6 * cycle / length + (3 if load == LOADS[1] else 0) + rng.normal(0, 0.1)
        rows.append(
            {
                "unit_id": unit_id, "cycle": cycle, "load_pct": load + rng.normal(0, 0.2), "vibration_mm_s": vibration,
                "oil_temp_degc": 60 + rng.normal(), "mains_v": 400.0,
                "rul_cycles": float(length - cycle) if cycle == seen < length else None,
            }
        )  # fmt: skip
    return rows


@cache
def sensor_table() -> pl.DataFrame:
    """Sixteen pumps that failed and three that were cut off, one of them early in its life."""
    rows: list[dict[str, object]] = []
    for number in range(1, 17):
        length = 30 + 2 * number
        rows += unit_rows(f"run-{number:02d}", length, length, number)
    for number, (length, seen) in enumerate([(40, 4), (50, 30), (90, 45)], start=1):
        rows += unit_rows(f"cut-{number:02d}", length, seen, 100 + number)
    schema = sensor_table_schema(archive(), FLEET)
    keyed = [{"plant": "waterworks", "fleet": FLEET, "ts_utc": None, "n_readings": 4, **row} for row in rows]
    return pl.DataFrame(keyed, schema=schema)


@cache
def training_set() -> pl.DataFrame:
    """The training set of that fleet."""
    return build_training_set(
        sensor_table(), unit_lives(sensor_table(), plant=archive(), fleet=FLEET), archive(), FLEET
    )


def training_rows() -> pl.DataFrame:
    """Its training units."""
    return training_set().filter(split="train")


@cache
def windows() -> Windows:
    """The windows that models are trained on."""
    return strided_windows(training_rows(), window_cycles=WINDOW_CYCLES, stride=2)


def train_tiny(rows: pl.DataFrame | None = None, **rul: object) -> TrainedModel:
    """Train on the fleet's training units, or on other rows."""
    plant = archive(**rul)
    names = model_inputs(training_set())
    inputs = [channel for channel in candidate_inputs(plant, FLEET) if channel.name in names]
    return train(training_rows() if rows is None else rows, plant.rul_settings(FLEET), inputs)


@cache
def trained() -> TrainedModel:
    """Trees, a BiLSTM of two epochs and their ensemble in three folds, the same for all tests."""
    return train_tiny()


def trained_as(contestant: str) -> TrainedModel:
    """The same, as if this contestant had been the best."""
    return replace(trained(), contestant=contestant)


@cache
def graph_bytes(contestant: str) -> bytes:
    """Its graph; that of the BiLSTM has no trees, which TensorRT needs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        write_graph(trained_as(contestant), path)
        return path.read_bytes()


def damaged_inputs(count: int = 40, seed: int = 5) -> dict[str, np.ndarray]:
    """Training windows with holes: short histories, lost rows, lost channels, and one with nothing in it."""
    rng = np.random.default_rng(seed)
    window, age = windows().window[:count].copy(), windows().age_cycles[:count].copy()
    window[rng.random(window.shape) < 0.1] = np.nan
    window[1, :9] = np.nan
    window[2, :, 0] = np.nan
    window[3, :, 1] = np.nan
    window[4] = np.nan
    window[5, -1] = np.nan
    return {"window": window, "age_cycles": age}
