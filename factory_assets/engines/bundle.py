"""Bundles: what is released of a model, put together whole in one folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edge_runtime.bundle import (
    Channel,
    EngineDraft,
    GoldenDraft,
    GraphDraft,
    InputSpec,
    Lineage,
    Manifest,
    ManifestDraft,
    OutputSpec,
    Regimes,
    Tolerance,
    write_bundle,
    write_golden,
)
from factory_assets.engines.compilation import Compiled, TypedGraph
from factory_assets.engines.golden import GoldenSamples
from factory_assets.engines.targets import CompiledEngine, Targets
from factory_assets.foundation import plant as plant_file
from factory_assets.foundation.plant import Plant

GOLDEN = "golden.npz"


def bundle_name(fleet: str) -> str:
    """The name under which a fleet's RUL model is released."""
    return f"rul-{fleet}"


def make_rul_bundle(
    folder: Path,
    *,
    plant: Plant,
    fleet: str,
    channels: Sequence[plant_file.Channel],
    regimes: Regimes | None,
    lineage: Lineage,
    compiled: Compiled,
    opset: int,
    golden: GoldenSamples,
    targets: Targets,
) -> Manifest:
    """Put a bundle together; the folder is replaced as a whole.

    Args:
        folder: The bundle's folder.
        plant: The plant file.
        fleet: Whose model it is.
        channels: The model's input channels, in order.
        regimes: The operating regimes that it was trained in.
        lineage: Run, data and code that it comes from.
        compiled: Graphs in all precisions, and engines.
        opset: The graphs' ONNX operator set.
        golden: Golden samples.
        targets: Tolerances.
    """
    settings = plant.rul_settings(fleet)
    draft = ManifestDraft(
        bundle=bundle_name(fleet),
        task="rul",
        plant=plant.plant,
        fleet=fleet,
        lineage=lineage,
        inputs=_inputs(channels, settings.window_cycles),
        outputs=(
            OutputSpec(
                name="rul_cycles",
                dtype="float32",
                shape=("batch", 1),
                unit="cycles",
                minimum=0,
                maximum=settings.cap_cycles,
            ),
        ),
        regimes=regimes,
        graphs=tuple(
            GraphDraft(path=_graph_path(g), opset=opset, targets=g.targets, precision=g.precision)
            for g in compiled.graphs
        ),
        engines=tuple(
            EngineDraft(path=_engine_path(e), target=e.target, precision=e.precision, compiler=e.compiler)
            for e in compiled.engines
        ),
        golden=GoldenDraft(path=GOLDEN, tolerance=_tolerances(targets)),
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    try:
        for graph in compiled.graphs:
            shutil.copyfile(graph.path, building / _graph_path(graph))
        for engine in compiled.engines:
            (building / "engines").mkdir(exist_ok=True)
            shutil.copyfile(engine.path, building / _engine_path(engine))
        write_golden(building / GOLDEN, golden.inputs, golden.outputs)
        manifest = write_bundle(building, draft)
        _replace(folder, building)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return manifest


def _inputs(channels: Sequence[plant_file.Channel], window_cycles: int) -> tuple[InputSpec, ...]:
    columns = tuple(Channel(name=channel.name, unit=channel.unit) for channel in channels)
    window = InputSpec(name="window", dtype="float32", shape=("batch", window_cycles, len(columns)), channels=columns)
    return window, InputSpec(name="age_cycles", dtype="float32", shape=("batch", 1), unit="cycles")


def _graph_path(graph: TypedGraph) -> str:
    return "model.onnx" if graph.precision == "fp32" else f"model-{graph.precision}.onnx"


def _engine_path(engine: CompiledEngine) -> str:
    return f"engines/{engine.target}-{engine.precision}.engine"


def _tolerances(targets: Targets) -> dict[str, dict[str, Tolerance]]:
    return {
        name: {precision: Tolerance(atol=t.atol, rtol=t.rtol) for precision, t in target.precisions.items()}
        for name, target in targets.targets.items()
    }


def _replace(folder: Path, building: Path) -> None:
    """Put a folder in another one's place; between the two renames there is none, so a reader fails, never mixes."""
    old = folder.with_name(f".old-{folder.name}")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    building.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
