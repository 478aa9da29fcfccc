"""Bundles: what is released of a model, put together whole in one folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
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
    window_cycles: int,
    cap_cycles: int,
    regimes: Regimes | None,
    levels: Sequence[float],
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
        window_cycles: The length of its window.
        cap_cycles: What it predicts at most.
        regimes: The operating regimes that it was trained in.
        levels: Of its quantiles.
        lineage: Run, data and code that it comes from.
        compiled: Graphs in all precisions, and engines.
        opset: The graphs' ONNX operator set.
        golden: Golden samples.
        targets: Tolerances.
    """
    draft = ManifestDraft(
        bundle=bundle_name(fleet),
        task="rul",
        plant=plant.plant,
        fleet=fleet,
        lineage=lineage,
        inputs=_inputs(channels, window_cycles),
        outputs=(
            OutputSpec(
                name="rul_cycles",
                dtype="float32",
                shape=("batch", 1),
                unit="cycles",
                minimum=0,
                maximum=cap_cycles,
            ),
            OutputSpec(
                name="rul_quantiles_cycles",
                dtype="float32",
                shape=("batch", len(levels)),
                unit="cycles",
                minimum=0,
                maximum=cap_cycles,
                levels=tuple(levels),
            ),
        ),
        regimes=regimes,
        graphs=graph_drafts(compiled, opset),
        engines=engine_drafts(compiled),
        golden=GoldenDraft(path=GOLDEN, tolerance=tolerances(targets)),
    )
    return write_whole(folder, draft, compiled, golden)


def graph_drafts(compiled: Compiled, opset: int) -> tuple[GraphDraft, ...]:
    """What the manifest says of graphs."""
    return tuple(
        GraphDraft(path=_graph_path(g), opset=opset, targets=g.targets, precision=g.precision) for g in compiled.graphs
    )


def engine_drafts(compiled: Compiled) -> tuple[EngineDraft, ...]:
    """What the manifest says of engines."""
    return tuple(
        EngineDraft(path=_engine_path(e), target=e.target, precision=e.precision, compiler=e.compiler)
        for e in compiled.engines
    )


def write_whole(
    folder: Path,
    draft: ManifestDraft,
    compiled: Compiled,
    golden: GoldenSamples,
    *,
    texts: Mapping[str, str] | None = None,
    copied: Mapping[str, Path] | None = None,
) -> Manifest:
    """Write a bundle beside its place, then put it there as a whole.

    Args:
        folder: The bundle's folder.
        draft: What is known of it.
        compiled: Graphs and engines, to be copied.
        golden: Golden samples.
        texts: Other files by their path in the bundle.
        copied: The same, from files.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    try:
        for graph in compiled.graphs:
            shutil.copyfile(graph.path, building / _graph_path(graph))
        for engine in compiled.engines:
            (building / "engines").mkdir(exist_ok=True)
            shutil.copyfile(engine.path, building / _engine_path(engine))
        for path, source in (copied or {}).items():
            (building / path).parent.mkdir(exist_ok=True)
            shutil.copyfile(source, building / path)
        for path, text in (texts or {}).items():
            (building / path).write_text(text, encoding="utf-8")
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


def tolerances(targets: Targets) -> dict[str, dict[str, Tolerance]]:
    """How far each target and precision may be from the golden samples."""
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
