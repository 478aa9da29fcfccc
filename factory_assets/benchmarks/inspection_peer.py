"""The whole call that an application makes, beside anomalib's own inferencer: the same graph, and anomalib's models."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.engine.base import Runtime
from factory_assets.benchmarks import anomalib_worker, made_graphs
from factory_assets.benchmarks.call_timing import Call, middle, quantile, timed
from factory_assets.benchmarks.made_graphs import CLASSIFIER, DEFECT_NETWORK
from factory_assets.benchmarks.one_core import alone
from factory_assets.benchmarks.report import Details, Figure, Goal, Options, Report
from factory_assets.foundation.errors import FactoryError

NAME = "inspection_peer"
RUNTIMES: tuple[Runtime, ...] = ("onnxruntime", "openvino")
TITLE = "A frame in, a verdict out, on one CPU core: beside anomalib's own OpenVINO inferencer."
PEER = "FACTORY_PEER_ANOMALIB"
NOT_MEASURED = f"Not measured: set {PEER} to the path of a Python that has anomalib (with its OpenVINO extra)."
SIDE_PX, LARGER_PX = 224, 256
# EfficientAd's autoencoder is made for 256 pixels and takes no 224.
MODELS = {"Padim": SIDE_PX, "EfficientAd": LARGER_PX}
OURS_IN_PEER = "our defect network"
ROUNDS, QUICK_ROUNDS, CALLS, QUICK_CALLS = 8, 2, 20, 3
PATIENCE_S = 1800
FASTER = Goal(least=1)
NOTES = (
    "Ours: Inspector.inspect of the edge runtime, on a bundle's graph. Theirs: OpenVINOInferencer.predict.",
    "Both take the same frame as a numpy array. CPU time a call, median of rounds; ours before and after theirs.",
    "Held equal: the core, batch 1, one thread, OpenVINO's hints (f32, latency) and the side of the image.",
    "Not equal: anomalib's models take three channels and give maps of the frame's size; ours one, and coarse maps.",
    "Not equal: anomalib's models resize and apply their thresholds in the graph; ours do it around the graph.",
    "Accuracy is not compared: PaDiM and EfficientAd stand on ImageNet features, which our networks do without.",
    "PaDiM (resnet18) and EfficientAd-S have random weights.",
    made_graphs.RANDOM_WEIGHTS,
)


class PeerFailedError(FactoryError, RuntimeError):
    """The peer's interpreter gave no answer."""


@dataclass(frozen=True)
class Times:
    """Calls in milliseconds, CPU time once a round and wall time of every call; and the score that was given."""

    cpu_ms: Sequence[float]
    wall_ms: Sequence[float]
    score: float | None

    @property
    def cpu(self) -> float:
        """The median CPU time of a call."""
        return middle(list(self.cpu_ms))


def run(options: Options) -> Report:
    """Time our calls, the peer's, and ours again."""
    python = os.environ.get(PEER)
    if not python:
        return Report(NAME, TITLE, figures=[], notes=[NOT_MEASURED])
    rounds = options.size("rounds", full=ROUNDS, quick=QUICK_ROUNDS)
    count = options.size("calls", full=CALLS, quick=QUICK_CALLS)
    alone(make_graphs, options.folder)
    before = alone(our_times, options.folder, count, rounds)
    try:
        answer = ask_peer(python, options.folder, count, rounds)
    except PeerFailedError as error:
        return Report(NAME, TITLE, figures=[], notes=[f"not measured: {error}"])
    after = alone(our_times, options.folder, count, rounds)
    ours = {
        key: Times([*one.cpu_ms, *after[key].cpu_ms], [*one.wall_ms, *after[key].wall_ms], one.score)
        for key, one in before.items()
    }
    return report(ours, answer)


def make_graphs(folder: Path) -> None:
    """Frames, bundles of our networks, and one of their graphs with the names and the input that anomalib knows."""
    for side in (SIDE_PX, LARGER_PX):
        np.save(frame_file(folder, side), made_graphs.made_frames(1, side)[0])
    for name, side in ((CLASSIFIER, SIDE_PX), (DEFECT_NETWORK, SIDE_PX), (DEFECT_NETWORK, LARGER_PX)):
        made_graphs.bundle_of(made_graphs.export(name, side, folder), bundle_folder(folder, name, side))
    for_anomalib(bundle_folder(folder, DEFECT_NETWORK, SIDE_PX) / "model.onnx", folder / "for-anomalib.onnx", SIDE_PX)


def frame_file(folder: Path, side_px: int) -> Path:
    """Where a frame is."""
    return folder / f"frame-{side_px}.npy"


def bundle_folder(folder: Path, name: str, side_px: int) -> Path:
    """Where a network's bundle is."""
    return folder / f"bundle-{name.replace(' ', '-')}-{side_px}"


def for_anomalib(path: Path, out: Path, side_px: int) -> None:
    """Write a graph of ours so that anomalib's inferencer takes it.

    It divides pixels by 255 before it calls a graph, so they are multiplied again; and outputs get the names it knows.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path)
    graph = model.graph
    (image,) = graph.input
    scaled = [
        helper.make_node("Mul", ["pixels", "white"], ["multiplied"]),
        helper.make_node("Round", ["multiplied"], ["rounded"]),
        helper.make_node("Cast", ["rounded"], [image.name], to=TensorProto.UINT8),
    ]
    # Renamed, not copied: of a tensor with two names OpenVINO gives either.
    names = {"score": "pred_score", "heat_map": "anomaly_map"}
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    nodes = [*scaled, *graph.node]
    cells = next(value for value in graph.output if value.name == "heat_map").type.tensor_type.shape.dim[1].dim_value
    outputs = [
        helper.make_tensor_value_info("pred_score", TensorProto.FLOAT, [1, 1]),
        helper.make_tensor_value_info("anomaly_map", TensorProto.FLOAT, [1, cells, cells, 1]),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, side_px, side_px, 1])
    white = numpy_helper.from_array(np.array(255, np.float32), "white")
    made = helper.make_graph(nodes, "model", [pixels], outputs, [*graph.initializer, white])
    adapted = helper.make_model(made, opset_imports=model.opset_import, ir_version=model.ir_version)
    onnx.checker.check_model(adapted, full_check=True)
    onnx.save(adapted, out)


def our_times(folder: Path, count: int, rounds: int) -> dict[tuple[str, int, str], Times]:
    """Time `Inspector.inspect`, by network, side and runtime."""
    from edge_runtime.bundle import load_manifest
    from edge_runtime.engine import open_engine
    from edge_runtime.inspection.inspector import Inspector

    inspectors: dict[tuple[str, int, str], Inspector] = {}
    for name, side in ((CLASSIFIER, SIDE_PX), (DEFECT_NETWORK, SIDE_PX), (DEFECT_NETWORK, LARGER_PX)):
        bundle = bundle_folder(folder, name, side)
        manifest = load_manifest(bundle / "manifest.json")
        for runtime in RUNTIMES:
            engine = open_engine(bundle, manifest, "cpu", runtime=runtime)
            inspectors[name, side, runtime] = Inspector(bundle, manifest, engine)
    frames = {side: np.load(frame_file(folder, side)) for side in (SIDE_PX, LARGER_PX)}
    calls = {key: _inspecting(inspector, frames[key[1]]) for key, inspector in inspectors.items()}
    scores = {key: call().score for key, call in calls.items()}
    keys = {f"{name} {side} {runtime}": (name, side, runtime) for name, side, runtime in calls}
    times = timed({name: calls[key] for name, key in keys.items()}, count=count, rounds=rounds)
    return {key: Times(times[name]["cpu_ms"], times[name]["wall_ms"], scores[key]) for name, key in keys.items()}


def _inspecting(inspector: Any, frame: np.ndarray) -> Call:
    return lambda: inspector.inspect(frame)


def ask_peer(python: str, folder: Path, count: int, rounds: int) -> dict[str, Any]:
    """Let the peer's interpreter time its models, and our graph.

    Raises:
        PeerFailedError: It could not be started, or gave no answer.
    """
    request = {
        "models": MODELS,
        "graphs": {OURS_IN_PEER: [SIDE_PX, str(folder / "for-anomalib.onnx")]},
        "frames": {side: str(frame_file(folder, side)) for side in (SIDE_PX, LARGER_PX)},
        "count": count,
        "rounds": rounds,
    }
    place = folder / "peer"
    place.mkdir(exist_ok=True)
    # Isolated, so that nothing of this project or of the environment is found by accident.
    command = [python, "-I", anomalib_worker.__file__]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
    try:
        done = subprocess.run(
            command, input=json.dumps(request), capture_output=True, text=True, timeout=PATIENCE_S, cwd=place,
            env=environment, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        msg = f"{python} cannot be asked ({error}): mend {PEER}"
        raise PeerFailedError(msg) from error
    last = done.stdout.strip().rpartition("\n")[2]
    if done.returncode != 0 or not last.startswith("{"):
        msg = f"{python} gave no answer: {done.stderr.strip()[-2000:]}; {PEER} must be a Python that has anomalib"
        raise PeerFailedError(msg)
    answer: dict[str, Any] = json.loads(last)
    return answer


def report(ours: Mapping[tuple[str, int, str], Times], answer: Mapping[str, Any]) -> Report:
    """Compare both sides."""
    theirs = {name: Times(**found, score=answer["scores"][name]) for name, found in answer["timed"].items()}
    same_graph = ours[DEFECT_NETWORK, SIDE_PX, "openvino"]
    figures = [
        _beside(
            "the same graph: our defect network, Inspector (OpenVINO) beside its inferencer", same_graph,
            theirs[OURS_IN_PEER], "graph, weights, frame, runtime and its hints; the score is compared below",
        ),
        Figure(
            "largest difference of that score", abs((same_graph.score or 0.0) - (theirs[OURS_IN_PEER].score or 0.0)),
            held_equal="graph, weights, frame, runtime and its hints",
        ),
    ]  # fmt: skip
    for name, side in MODELS.items():
        if name in theirs:
            figures += [
                _beside(
                    f"{side} px: our defect network in {runtime} beside anomalib's {name}",
                    ours[DEFECT_NETWORK, side, runtime],
                    theirs[name],
                    "frame, side of the image, core, threads, precision; each side's own network",
                )
                for runtime in ("openvino", "onnxruntime")
            ]
    versions = ", ".join(f"{name} {version}" for name, version in answer["versions"].items())
    failures = [f"{name} could not be measured: {reason}" for name, reason in answer["failures"].items()]
    return Report(
        NAME, TITLE, figures, details=[_all(ours, theirs)], notes=[*NOTES, f"The peer: {versions}.", *failures]
    )


def _beside(name: str, ours: Times, theirs: Times, same: str) -> Figure:
    return Figure(f"{name}, CPU ms a call", ours.cpu, theirs.cpu, theirs.cpu / ours.cpu, FASTER, same)


def _all(ours: Mapping[tuple[str, int, str], Times], theirs: Mapping[str, Times]) -> Details:
    sides = {**MODELS, OURS_IN_PEER: SIDE_PX}
    rows = [["Inspector.inspect", name, str(side), runtime, *_shown(t)] for (name, side, runtime), t in ours.items()]
    rows += [
        ["OpenVINOInferencer.predict", name, str(sides[name]), "openvino", *_shown(t)] for name, t in theirs.items()
    ]
    return Details("Calls", ["call", "network", "side px", "runtime", "CPU ms", "wall p50 ms", "wall p99 ms"], rows)


def _shown(times: Times) -> list[str]:
    walls = list(times.wall_ms)
    return [f"{value:.2f}" for value in (times.cpu, middle(walls), quantile(walls, 0.99))]
