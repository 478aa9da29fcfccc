"""The parity certificate: proof that what is released decides as the trainer did, in every runtime and precision.

Scores that differ in the last digit harm nobody; decisions do. So decisions are counted, on validation images, and
those that lie on the threshold itself are told apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from factory_assets.engines.compilation import Compiled
from factory_assets.engines.openvino_engine import OpenVinoEngine
from factory_assets.engines.targets import CompiledEngine, Precision
from factory_assets.foundation import parity
from factory_assets.inspection.schema import HEAT_MAP, PROBABILITIES, SCORE

# Dividing by local contrast lets rounding grow: ONNX Runtime came to 1.3e-4 on magnetic tiles, without a flip.
FP32_FLIPS, FP32_DIFFERENCE, FP16_DIFFERENCE, INT8_POINTS_LOST = 0, 1e-3, 1e-2, 0.5
ON_THE_THRESHOLD = 1e-6
# As TensorRT names types, and as OpenVINO does.
COMPUTES_IN: dict[str, str] = {"fp32": "FLOAT", "fp16": "HALF", "int8": "INT8"}
EXECUTES_IN: dict[str, tuple[str, ...]] = {"fp32": ("f32", "FP32"), "int8": ("i8", "I8", "u8", "U8")}
BATCH = 16


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RuntimeParity(_Value):
    """One runtime in one precision, against the trainer.

    Attributes:
        runtime: Its name and version.
        precision: What the graph states.
        executed: How many convolutions and products ran in which precision, as the runtime tells; empty where it does
            not tell.
        images: How many were judged.
        decision_flips: Images judged otherwise than by the trainer.
        on_the_threshold: Images within 1e-6 of the threshold, not counted as flips.
        largest_difference: Of scores and probabilities.
        points_lost: Right decisions lost, in percentage points of all images; negative if some were gained.
    """

    runtime: str
    precision: Precision
    executed: dict[str, int]
    images: int
    decision_flips: int
    on_the_threshold: int
    largest_difference: float
    points_lost: float


class EngineFacts(_Value):
    """An engine that was compiled ahead of time: not run here, but its types are read back."""

    target: str
    precision: Precision
    compiler: str
    tensor_types: dict[str, int]
    is_as_claimed: bool


class Certificate(_Value):
    """What was compared, what was found, and what it was held to.

    `left_out`: precisions that a target asked for and that are not released, each with why. `reasons`: why the bundle
    must not be released; empty where it may.
    """

    images: int
    trainer: str
    runtimes: tuple[RuntimeParity, ...]
    engines: tuple[EngineFacts, ...]
    left_out: tuple[str, ...]
    bounds: dict[str, float]
    passed: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Judged:
    """Validation images as the trainer judged them.

    Attributes:
        inputs: `image`, uint8 (images, height, width, channels).
        expected: The trainer's outputs by name.
        truth: (images,), the true class as its place among probabilities, or 0 and 1 for OK and not.
        threshold: Scores at or above it are rejected; None where labels alone are given.
    """

    inputs: Mapping[str, np.ndarray]
    expected: Mapping[str, np.ndarray]
    truth: np.ndarray
    threshold: float | None


def certify(compiled: Compiled, judged: Judged) -> tuple[Certificate, Compiled]:
    """Judge validation images with every graph in every runtime, and compare with the trainer.

    A graph in a lower precision that misses its bounds is left out, with its engines; the FP32 graph may not miss them.

    Returns:
        The certificate, and what may be released.
    """
    runtimes = [found for graph in compiled.graphs for found in _both_runtimes(graph.path, graph.precision, judged)]
    faults: dict[Precision, list[str]] = {}
    for found in runtimes:
        faults.setdefault(found.precision, []).extend(faults_of(found))
    missed = [precision for precision, told in faults.items() if told and precision != "fp32"]
    left_out = (*compiled.left_out, *(f"{p}: {'; '.join(faults[p])}" for p in missed))
    kept = replace(
        compiled,
        graphs=tuple(graph for graph in compiled.graphs if graph.precision not in missed),
        engines=tuple(engine for engine in compiled.engines if engine.precision not in missed),
        on_device=tuple(pair for pair in compiled.on_device if pair[1] not in missed),
        left_out=left_out,
    )
    engines = tuple(_engine_facts(engine) for engine in kept.engines)
    reasons = faults.get("fp32", []) + [
        f"{engine.target} {engine.precision}: its tensors are {engine.tensor_types}"
        for engine in engines
        if not engine.is_as_claimed
    ]
    certificate = Certificate(
        images=len(judged.truth),
        trainer=_trainer(),
        runtimes=tuple(runtimes),
        engines=engines,
        left_out=left_out,
        bounds={
            "fp32_decision_flips": FP32_FLIPS,
            "fp32_largest_difference": FP32_DIFFERENCE,
            "fp16_largest_difference": FP16_DIFFERENCE,
            "int8_points_lost": INT8_POINTS_LOST,
        },
        passed=not reasons,
        reasons=tuple(reasons),
    )
    return certificate, kept


def _engine_facts(engine: CompiledEngine) -> EngineFacts:
    return EngineFacts(
        target=engine.target,
        precision=engine.precision,
        compiler=engine.compiler,
        tensor_types=engine.tensor_types,
        is_as_claimed=COMPUTES_IN[engine.precision] in engine.tensor_types,
    )


def _both_runtimes(path: Path, precision: Precision, judged: Judged) -> list[RuntimeParity]:
    import onnxruntime

    openvino = OpenVinoEngine(path)
    found = {
        f"onnxruntime {onnxruntime.__version__}": (parity.run_onnx(path, judged.inputs, batch=BATCH), {}),
        f"openvino {openvino.version}": (openvino.run_batches(judged.inputs, BATCH), openvino.executed_precisions()),
    }
    return [
        compared(outputs, judged, runtime=name, precision=precision, executed=executed)
        for name, (outputs, executed) in found.items()
    ]


def compared(
    outputs: Mapping[str, np.ndarray], judged: Judged, *, runtime: str, precision: Precision, executed: dict[str, int]
) -> RuntimeParity:
    """Compare a runtime's outputs with the trainer's.

    Args:
        outputs: The runtime's, by name.
        judged: The trainer's, and the truth.
        runtime: Its name and version.
        precision: What the graph states.
        executed: Operations by the precision that they ran in.
    """
    expected, threshold = judged.expected, judged.threshold
    decided, wanted = _decisions(outputs, threshold), _decisions(expected, threshold)
    on_it = np.zeros(len(wanted), bool)
    if threshold is not None and PROBABILITIES not in expected:
        on_it = np.abs(expected[SCORE][:, 0] - threshold) <= ON_THE_THRESHOLD
    names = [name for name in expected if name != HEAT_MAP]
    differences = [np.abs(outputs[name].astype(np.float64) - expected[name]).max(initial=0.0) for name in names]
    return RuntimeParity(
        runtime=runtime,
        precision=precision,
        executed=executed,
        images=len(wanted),
        decision_flips=int(((decided != wanted) & ~on_it).sum()),
        on_the_threshold=int(on_it.sum()),
        # Not max(): it would pass over NaN.
        largest_difference=float(np.max(differences)),
        points_lost=100 * float((wanted == judged.truth).mean() - (decided == judged.truth).mean()),
    )


def _decisions(outputs: Mapping[str, np.ndarray], threshold: float | None) -> np.ndarray:
    """The most probable class, else whether each is rejected."""
    if PROBABILITIES in outputs:
        classes: np.ndarray = outputs[PROBABILITIES].argmax(axis=1)
        return classes
    rejected: np.ndarray = (outputs[SCORE][:, 0] >= (threshold if threshold is not None else np.inf)).astype(np.int64)
    return rejected


def faults_of(found: RuntimeParity) -> list[str]:
    """Why a runtime misses the bounds of its precision; empty if it does not. NaN counts as missing them."""
    where = f"{found.runtime} {found.precision}"
    told = []
    if found.precision == "fp32" and found.decision_flips > FP32_FLIPS:
        told.append(f"{where}: {found.decision_flips} of {found.images} images are judged otherwise than in training")
    bound = {"fp32": FP32_DIFFERENCE, "fp16": FP16_DIFFERENCE}.get(found.precision, math.inf)
    if not found.largest_difference <= bound:
        told.append(f"{where}: outputs differ by {found.largest_difference:.3g}, {bound:g} is allowed")
    if found.precision == "int8" and not found.points_lost <= INT8_POINTS_LOST:
        told.append(f"{where}: {found.points_lost:.2f} points of right decisions are lost, {INT8_POINTS_LOST} may be")
    claimed = EXECUTES_IN.get(found.precision, ())
    others = {name for name in found.executed if name not in claimed}
    if found.precision == "fp32" and others:
        told.append(f"{where}: it computed in {found.executed}")
    if found.precision == "int8" and found.executed and not set(found.executed) & set(claimed):
        told.append(f"{where}: it computed in {found.executed}, nothing of it in INT8")
    return told


def _trainer() -> str:
    import keras
    import tensorflow as tf

    return f"keras {keras.__version__}, tensorflow {tf.__version__}"
