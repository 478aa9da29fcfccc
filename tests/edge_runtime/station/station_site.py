"""A publisher and a station in one folder: releases that score a part's mean brightness, and settings for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge_runtime.bundle import (
    GoldenDraft,
    GraphDraft,
    InputSpec,
    Lineage,
    ManifestDraft,
    OutputSpec,
    Tolerance,
    write_bundle,
    write_golden,
)
from edge_runtime.bundle.inspection_spec import InspectionSpec
from edge_runtime.bundle.pull import pull
from edge_runtime.station.config import StationConfig
from edge_runtime.station.loop import Station
from edge_runtime.station.parts import Options, make_parts
from edge_runtime.station.records import Trigger, VerdictRecord
from tests.tiny_bundle import Site

HEIGHT, WIDTH = 24, 32
SOUND, DEFECTIVE = np.full((HEIGHT, WIDTH), 60, np.uint8), np.full((HEIGHT, WIDTH), 200, np.uint8)


def graph(gain: float = 1.0) -> bytes:
    """score = gain * mean brightness, 0 to 1; (1, H, W, 1) uint8 -> (1, 1)."""
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "axis"], ["column"]),
        helper.make_node("Mul", ["column", "gain"], ["score"]),
    ]
    found = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", HEIGHT, WIDTH, 1])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n", 1])],
        [
            numpy_helper.from_array(np.array([1], np.int64), "axis"),
            numpy_helper.from_array(np.array(gain / 255, np.float32), "gain"),
        ],
    )
    model = helper.make_model(found, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def make_inspecting_bundle(folder: Path, gain: float = 1.0, code_version: str = "1") -> None:
    """Write a bundle that rejects bright parts."""
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(graph(gain))
    images = np.stack([SOUND, DEFECTIVE])[..., None]
    expected = (gain * images.mean(axis=(1, 2, 3)) / 255).astype(np.float32)[:, None]
    write_golden(folder / "golden.npz", {"image": images}, {"score": expected})
    draft = ManifestDraft(
        bundle="inspection-plate",
        task="inspection",
        plant="mill",
        product="plate",
        lineage=Lineage(data_sha256="0" * 64, code_version=code_version),
        inputs=(InputSpec(name="image", dtype="uint8", shape=("n", HEIGHT, WIDTH, 1)),),
        outputs=(OutputSpec(name="score", dtype="float32", shape=("n", 1), unit="1", minimum=0, maximum=1),),
        inspection=InspectionSpec(method="segmentation", ok_label="ok", threshold=0.5),
        graphs=(GraphDraft(path="model.onnx", opset=17, targets=("cpu",)),),
        golden=GoldenDraft(tolerance={"cpu": {"fp32": Tolerance(atol=1e-4, rtol=0)}}),
    )
    write_bundle(folder, draft)


@dataclass
class StationSite:
    """A publisher, and a station that pulls from it."""

    publisher: Site
    answers: list[VerdictRecord] = field(default_factory=list)

    @property
    def state(self) -> Path:
        return self.publisher.state

    def publish(self, gain: float = 1.0, code_version: str = "1", **options: Any) -> int:
        """Release a bundle; its number."""
        self.publisher.made += 1
        folder = self.publisher.root / "bundles" / str(self.publisher.made)
        make_inspecting_bundle(folder, gain, code_version)
        return int(self.publisher.publish(folder, **options).number)

    def pull(self) -> None:
        """Pull by hand."""
        pull(self.publisher.releases, self.state)

    def config(self, **changes: Any) -> StationConfig:
        """Settings of a station that is triggered by its tests, and has time on a busy machine."""
        values: dict[str, Any] = {
            "station": "press-3",
            "state": self.state,
            "camera": {"kind": "folder", "folder": self.publisher.root / "parts"},
            "trigger": {"kind": "software"},
            "deadline_ms": 2000,
            "page": None,
        }
        return StationConfig.model_validate({**values, **changes})

    def station(self, options: Options | None = None, **changes: Any) -> Station:
        """A station in this process, not started."""
        return Station(make_parts(self.config(**changes), options or Options(has_camera=False)))


def trigger(name: str) -> Trigger:
    """A trigger whose part has the same name."""
    return Trigger(trigger_id=name, part_id=name, source="software", at_utc="2026-01-01T00:00:00.000000+00:00")
