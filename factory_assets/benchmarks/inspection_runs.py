"""Training with several seeds, scores on test images, and parity of the graphs that are made of each model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_runtime.bundle import read_golden
from factory_assets.benchmarks.image_sets import ImageSet
from factory_assets.benchmarks.report import Details, Figure, Goal
from factory_assets.engines import image_export, precision
from factory_assets.engines.certificate import Judged, RuntimeParity, certify
from factory_assets.engines.compilation import Compiled, TypedGraph
from factory_assets.foundation import onnx_export
from factory_assets.inspection import evaluation, saving, training
from factory_assets.inspection import figures as inspection_figures
from factory_assets.inspection.figures import InspectionFigures, interval_over_groups
from factory_assets.inspection.labelled import LabelledImages
from factory_assets.inspection.schema import CALIBRATION_FILE, IMAGE, PROBABILITIES, SCORE

PARITY_FLIPS, POINTS_LOST, UNCLEAN = Goal(most=0), Goal(most=0.5), Goal(most=0)
Span = inspection_figures.Figure


@dataclass(frozen=True)
class SeedRun:
    """One training, judged on test images that it never saw.

    Attributes:
        seed: Of weights and batches.
        epochs: Trained.
        best_epoch: Whose weights were kept.
        cpu_minutes: Of the training, its choices on validation images included.
        validation: Figures on validation images.
        test: Figures on test images.
        scores: Of the test images.
        parity: Of the graphs that were made of it; empty where they were not asked for.
        faults: What must not be in the exported graph and is.
    """

    seed: int
    epochs: int
    best_epoch: int
    cpu_minutes: float
    validation: InspectionFigures
    test: InspectionFigures
    scores: np.ndarray
    parity: tuple[RuntimeParity, ...] = ()
    faults: tuple[str, ...] = ()


def trained_with(seed: int, images: ImageSet, folder: Path, *, with_parity: bool) -> SeedRun:
    """Train with a seed, and score the test images.

    Args:
        seed: Of weights and batches; the split stays as it is.
        images: The set.
        folder: Graphs are written below it.
        with_parity: Export the model, convert it to INT8 and let both runtimes judge the test images.
    """
    product = images.product.model_copy(update={"seed": seed})
    trained = training.train(product, images.training, images.validation)
    outputs = trained.scorer(images.test)
    scored = training.scored_images(images.test, outputs, trained.threshold)
    parity: tuple[RuntimeParity, ...] = ()
    faults: tuple[str, ...] = ()
    if with_parity:
        truth = images.test.targets if PROBABILITIES in outputs else images.test.is_defect
        judged = Judged({IMAGE: images.test.pixels}, outputs, truth.astype(np.int64), trained.threshold)
        parity, faults = _parity(trained, images, judged, folder / f"seed-{seed}")
    return SeedRun(
        seed=seed,
        epochs=trained.history.height,
        best_epoch=trained.best_epoch,
        cpu_minutes=trained.cpu_s / 60,
        validation=trained.figures,
        test=evaluation.evaluate(scored, product.costs),
        scores=outputs[SCORE][:, 0].astype(np.float64),
        parity=parity,
        faults=faults,
    )


def _parity(
    trained: training.TrainedInspection, images: ImageSet, judged: Judged, folder: Path
) -> tuple[tuple[RuntimeParity, ...], tuple[str, ...]]:
    saving.save_model(
        folder, images.product, trained, images.training, images.validation, data_sha256="", code_version=""
    )
    calibration, _ = read_golden(folder / CALIBRATION_FILE)
    fp32, int8 = folder / "model.onnx", folder / "model-int8.onnx"
    onnx_export.export_onnx(trained.network, fp32)
    precision.convert(fp32, int8, "int8", calibration)
    graphs = (TypedGraph(fp32, "fp32", ("cpu",)), TypedGraph(int8, "int8", ("cpu",)))
    certificate, _ = certify(Compiled(graphs, (), (), ()), judged)
    return certificate.runtimes, tuple(image_export.faults(fp32))


def over_seeds(name: str, runs: Sequence[SeedRun], images: LabelledImages) -> Span | None:
    """`auroc` or `recall_at` of each seed's scores, averaged over seeds; the interval is over groups of test images."""
    of_one = getattr(inspection_figures, name)

    def averaged(scores: np.ndarray, is_defect: np.ndarray) -> float | None:
        found = [of_one(column, is_defect) for column in scores.T]
        return None if None in found else float(np.mean(found))

    scores = np.stack([run.scores for run in runs], axis=1)
    return interval_over_groups(averaged, scores, images.is_defect, images.groups)


def shown(span: Span | None) -> str:
    """A figure with its interval, for tables."""
    return "-" if span is None else f"{span.value:.4f} ({span.low:.4f} to {span.high:.4f})"


def value(span: Span | None) -> float:
    """A figure; NaN where it is not defined, which reaches no goal."""
    return float("nan") if span is None else span.value


def mean(values: Sequence[float]) -> float:
    """The mean; NaN of nothing."""
    return float(np.mean(values)) if len(values) else float("nan")


def parity_figures(runs: Sequence[SeedRun], images: LabelledImages) -> list[Figure]:
    """What the graphs of all seeds keep of their models' decisions, in the runtime that keeps least."""
    same = f"the same {len(images)} test images, model and graphs; ONNX Runtime and OpenVINO, against the trainer"
    found = [parity for run in runs for parity in run.parity]
    fp32 = [parity for parity in found if parity.precision == "fp32"]
    lost = [
        [parity.points_lost for parity in found if parity.precision == "int8" and parity.runtime == runtime]
        for runtime in sorted({parity.runtime for parity in found})
    ]
    return [
        Figure(
            "FP32 decision flips, all seeds and runtimes", sum(p.decision_flips for p in fp32), None, None,
            PARITY_FLIPS, same,
        ),
        Figure("FP32 largest difference of an output", max(p.largest_difference for p in fp32), held_equal=same),
        Figure(
            "INT8 points lost, mean of seeds, worse runtime", max(map(mean, lost)), None, None, POINTS_LOST, same
        ),
        Figure("INT8 points lost, worst seed", max(max(of_runtime) for of_runtime in lost), held_equal=same),
        Figure(
            "faults of exported graphs", sum(len(run.faults) for run in runs), None, None, UNCLEAN,
            "stray Transposes, loops, branches, batch norms of their own, inputs that are not uint8",
        ),
    ]  # fmt: skip


def by_label(runs: Sequence[SeedRun], key: str, *, title: str, told: str) -> Details:
    """A figure of every label, seed by seed; `key` is its name in `per_class`, `told` its column."""
    rows = []
    for name, first in runs[0].test.per_class.items():
        values = [run.test.per_class[name].get(key) for run in runs]
        rows.append([name, str(first["images"]), ", ".join("-" if v is None else f"{v:.3f}" for v in values)])
    return Details(title, ["label", "test images", told], rows)


def fault_notes(runs: Sequence[SeedRun]) -> list[str]:
    """What is wrong with exported graphs, each fault once."""
    return [f"Fault of an exported graph: {fault}." for fault in dict.fromkeys(f for run in runs for f in run.faults)]


def parity_details(runs: Sequence[SeedRun]) -> Details:
    """Every graph in every runtime."""
    columns = [
        "seed",
        "runtime",
        "precision",
        "flips",
        "on the threshold",
        "largest difference",
        "points lost",
        "ran in",
    ]
    return Details(
        "Parity on test images",
        columns,
        [
            [
                str(run.seed), found.runtime, found.precision, str(found.decision_flips), str(found.on_the_threshold),
                f"{found.largest_difference:.2g}", f"{found.points_lost:.2f}",
                ", ".join(f"{name} {count}" for name, count in found.executed.items()) or "not told",
            ]
            for run in runs
            for found in run.parity
        ],
    )  # fmt: skip
