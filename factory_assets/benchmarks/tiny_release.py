"""A publisher, an edge, and a tiny bundle: rul = max(0, bias - 2 * mean of the last row + 0.5 * age)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.bundle import (
    Channel,
    GoldenDraft,
    GraphDraft,
    InputSpec,
    Lineage,
    Manifest,
    ManifestDraft,
    OutputSpec,
    Tolerance,
    write_bundle,
    write_golden,
)
from edge_runtime.bundle.pull import PullReport, pull
from factory_assets.engines.keys import Keys
from factory_assets.engines.release import Lifetimes, Release, publish

WINDOW_CYCLES = 4
CHANNELS = ("egt_degc", "vib_mm_s", "oil_kpa")


def known_rul(window: np.ndarray, age_cycles: np.ndarray, bias: float = 100.0) -> np.ndarray:
    """The truth of the tiny graph, in numpy: (N, W, C), (N, 1) -> (N, 1)."""
    last = window[:, -1, :]
    mean = np.nan_to_num(last).sum(axis=1) / np.maximum((~np.isnan(last)).sum(axis=1), 1)
    rul: np.ndarray = np.clip(bias - 2 * mean[:, None] + 0.5 * age_cycles, 0, None).astype(np.float32)
    return rul


def tiny_graph(channels: int = len(CHANNELS), *, bias: float = 100.0) -> bytes:
    """The same in ONNX, safe for NaN."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    constants = {
        "start": np.array([-1], np.int64),
        "end": np.array([np.iinfo(np.int64).max], np.int64),
        "axis1": np.array([1], np.int64),
        "zero": np.array(0, np.float32),
        "one": np.array(1, np.float32),
        "slope": np.array(-2, np.float32),
        "aging": np.array(0.5, np.float32),
        "bias": np.array(bias, np.float32),
    }
    nodes = [
        helper.make_node("Slice", ["window", "start", "end", "axis1"], ["last3"]),
        helper.make_node("Squeeze", ["last3", "axis1"], ["last"]),
        helper.make_node("IsNaN", ["last"], ["is_missing"]),
        helper.make_node("Where", ["is_missing", "zero", "last"], ["filled"]),
        helper.make_node("Where", ["is_missing", "zero", "one"], ["present"]),
        helper.make_node("ReduceSum", ["filled", "axis1"], ["total"], keepdims=1),
        helper.make_node("ReduceSum", ["present", "axis1"], ["count"], keepdims=1),
        helper.make_node("Max", ["count", "one"], ["divisor"]),
        helper.make_node("Div", ["total", "divisor"], ["mean"]),
        helper.make_node("Mul", ["mean", "slope"], ["worn"]),
        helper.make_node("Mul", ["age_cycles", "aging"], ["aged"]),
        helper.make_node("Sum", ["worn", "aged", "bias"], ["raw"]),
        helper.make_node("Relu", ["raw"], ["rul_cycles"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info("window", TensorProto.FLOAT, ["n", WINDOW_CYCLES, channels]),
            helper.make_tensor_value_info("age_cycles", TensorProto.FLOAT, ["n", 1]),
        ],
        [helper.make_tensor_value_info("rul_cycles", TensorProto.FLOAT, ["n", 1])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def tiny_draft(
    *, fleet: str = "F1", channels: tuple[str, ...] = CHANNELS, run_id: str | None = "run-1", code_version: str = "1"
) -> ManifestDraft:
    """What the platform would say about the tiny bundle."""
    return ManifestDraft(
        bundle=f"rul-{fleet}",
        task="rul",
        plant="mill",
        fleet=fleet,
        lineage=Lineage(mlflow_run_id=run_id, data_sha256="0" * 64, code_version=code_version),
        inputs=(
            InputSpec(
                name="window",
                dtype="float32",
                shape=("batch", WINDOW_CYCLES, len(channels)),
                channels=tuple(Channel(name=name, unit="1") for name in channels),
            ),
            InputSpec(name="age_cycles", dtype="float32", shape=("batch", 1), unit="cycles"),
        ),
        outputs=(
            OutputSpec(name="rul_cycles", dtype="float32", shape=("batch", 1), unit="cycles", minimum=0, maximum=125),
        ),
        graphs=(GraphDraft(path="model.onnx", opset=17, targets=("cpu",)),),
        golden=GoldenDraft(tolerance={"cpu": {"fp32": Tolerance(atol=0.01, rtol=1e-4)}}),
    )


def make_bundle(
    folder: Path,
    *,
    fleet: str = "F1",
    channels: tuple[str, ...] = CHANNELS,
    run_id: str | None = "run-1",
    code_version: str = "1",
    bias: float = 100.0,
    golden_error: float = 0.0,
) -> Manifest:
    """Write a tiny bundle; `golden_error` makes its expected outputs wrong by so much."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(tiny_graph(len(channels), bias=bias))
    rng = np.random.default_rng(7)
    window = rng.normal(10, 3, (5, WINDOW_CYCLES, len(channels))).astype(np.float32)
    window[0, :2] = np.nan
    window[1, -1, 0] = np.nan
    age = np.arange(5, dtype=np.float32).reshape(-1, 1)
    expected = known_rul(window, age, bias) + np.float32(golden_error)
    write_golden(folder / "golden.npz", {"window": window, "age_cycles": age}, {"rul_cycles": expected})
    return write_bundle(folder, tiny_draft(fleet=fleet, channels=channels, run_id=run_id, code_version=code_version))


@dataclass
class TinySite:
    """A publisher and one edge in a temporary folder."""

    root: Path
    keys: Keys
    made: int = field(default=0)

    @property
    def releases(self) -> Path:
        """The publisher's repository."""
        return self.root / "releases"

    @property
    def state(self) -> Path:
        """The edge's own folder."""
        return self.root / "state"

    def bundle(self, **options: Any) -> Path:
        """A new tiny bundle's folder."""
        self.made += 1
        folder = self.root / "bundles" / str(self.made)
        make_bundle(folder, **options)
        return folder

    def publish(self, *bundles: Path, now: dt.datetime | None = None, lifetimes: Lifetimes | None = None) -> Release:
        """Release bundles."""
        return publish(
            self.releases,
            self.keys,
            bundles,
            plant="mill",
            now=now or dt.datetime.now(dt.UTC),
            lifetimes=lifetimes or Lifetimes(),
        )

    def pull(self, **options: Any) -> PullReport:
        """Let the edge pull."""
        return pull(self.releases, self.state, **options)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes, for comparing before and after."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
