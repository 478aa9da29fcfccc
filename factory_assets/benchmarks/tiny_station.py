"""A station in this process with a tiny signed release, which rejects bright parts; its caller puts frames into it."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

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
from edge_runtime.station.clock import utc_now
from edge_runtime.station.config import StationConfig
from edge_runtime.station.loop import Station
from edge_runtime.station.parts import Options, make_parts
from edge_runtime.station.records import Trigger, VerdictRecord
from factory_assets.benchmarks.tiny_release import TinySite
from factory_assets.engines.keys import create_keys

HEIGHT_PX, WIDTH_PX = 24, 32
SOUND = np.full((HEIGHT_PX, WIDTH_PX), 60, np.uint8)
DEFECTIVE = np.full((HEIGHT_PX, WIDTH_PX), 200, np.uint8)
PATIENCE_S = 60.0


def brightness_graph(gain: float = 1.0) -> bytes:
    """The score is the mean brightness times a gain, 0 to 1; (1, H, W, 1) uint8 -> (1, 1)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "axis"], ["column"]),
        helper.make_node("Mul", ["column", "scale"], ["score"]),
    ]
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", HEIGHT_PX, WIDTH_PX, 1])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n", 1])],
        [
            numpy_helper.from_array(np.array([1], np.int64), "axis"),
            numpy_helper.from_array(np.array(gain / 255, np.float32), "scale"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def make_brightness_bundle(folder: Path, gain: float = 1.0, code_version: str = "1") -> None:
    """Write a bundle that rejects bright parts, with one sound and one defective golden part."""
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(brightness_graph(gain))
    images = np.stack([SOUND, DEFECTIVE])[..., None]
    expected = (gain * images.mean(axis=(1, 2, 3)) / 255).astype(np.float32)[:, None]
    write_golden(folder / "golden.npz", {"image": images}, {"score": expected})
    draft = ManifestDraft(
        bundle="inspection-plate",
        task="inspection",
        plant="mill",
        product="plate",
        lineage=Lineage(data_sha256="0" * 64, code_version=code_version),
        inputs=(InputSpec(name="image", dtype="uint8", shape=("n", HEIGHT_PX, WIDTH_PX, 1)),),
        outputs=(OutputSpec(name="score", dtype="float32", shape=("n", 1), unit="1", minimum=0, maximum=1),),
        inspection=InspectionSpec(method="segmentation", ok_label="ok", threshold=0.5),
        graphs=(GraphDraft(path="model.onnx", opset=17, targets=("cpu",)),),
        golden=GoldenDraft(tolerance={"cpu": {"fp32": Tolerance(atol=1e-4, rtol=0)}}),
    )
    write_bundle(folder, draft)


class TinyStation:
    """A station that is ready to be triggered.

    Args:
        folder: Of the publisher and of the station's state.
        make_bundle: Writes the bundle that is released into a folder; by default one that rejects bright parts.
        options: What the station is made of; by default it has no camera.
        settings: Of the station, instead of those here.

    Attributes:
        told_ns: When the newest verdict was told, by `time.perf_counter_ns`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        make_bundle: Callable[[Path], None] = make_brightness_bundle,
        options: Options | None = None,
        **settings: Any,
    ) -> None:
        site = TinySite(folder, create_keys(folder / "keys"))
        make_bundle(folder / "bundle")
        site.publish(folder / "bundle", now=dt.datetime.now(dt.UTC))
        site.pull()
        values: dict[str, Any] = {
            "station": "bench", "state": site.state, "camera": {"kind": "folder", "folder": folder / "parts"},
            "trigger": {"kind": "software"}, "deadline_ms": 2000, "page": None,
        }  # fmt: skip
        config = StationConfig.model_validate({**values, **settings})
        self.station = Station(make_parts(config, options or Options(has_camera=False)))
        self._answer: VerdictRecord | None = None
        self.told_ns = 0

    def start(self) -> None:
        """Start the station, and wait until it is ready."""
        self.station.start()
        end_s = time.monotonic() + PATIENCE_S
        while self.station.states.state != "Ready":
            self._run_until(end_s, "the station is not ready")

    def inspect(self, pixels: np.ndarray, name: str) -> VerdictRecord:
        """Trigger with a (H, W) frame, and wait for the verdict."""
        self._answer = None
        frame = self.station.parts.ring.put(pixels, None, time.monotonic_ns())
        request = Trigger(trigger_id=name, part_id=name, source="software", at_utc=utc_now())
        self.station.submit(request, self._take, frame)
        end_s = time.monotonic() + PATIENCE_S
        while self._answer is None:
            self._run_until(end_s, f"no verdict for {name}")
        return self._answer

    def close(self) -> None:
        """Stop the station and its processes."""
        self.station.close()

    def _take(self, record: VerdictRecord) -> None:
        self.told_ns = time.perf_counter_ns()
        self._answer = record

    def _run_until(self, end_s: float, what: str) -> None:
        if time.monotonic() > end_s:
            msg = f"{what} within {PATIENCE_S:g} s"
            raise TimeoutError(msg)
        self.station.run_once(0.1)
