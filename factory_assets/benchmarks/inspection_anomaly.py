"""Defects that were never seen: magnetic tiles judged by a model of sound parts alone, against local contrast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from factory_assets.benchmarks import image_sets
from factory_assets.benchmarks.image_sets import ImageSet
from factory_assets.benchmarks.inspection_runs import SeedRun, mean, over_seeds, shown, trained_with, value
from factory_assets.benchmarks.inspection_segmentation import SET, by_seed, rejected_by_label
from factory_assets.benchmarks.report import Figure, Goal, Options, Report
from factory_assets.inspection.figures import auroc, interval_over_groups
from factory_assets.inspection.labelled import LabelledImages

NAME = "inspection_anomaly"
TITLE = "Defects of magnetic tiles, learnt from images of sound parts alone."
AUROC, ABOVE = Goal(least=0.85), Goal(least=1)
NOTES = (
    "Training and validation hold no image of a defective part, only sound ones and defects that are drawn onto them.",
    "Defective parts are seen in the test alone; the test images are scored once a seed.",
    "Local contrast (the baseline) is fitted to the same sound training images, and learns nothing else.",
)


def run(options: Options) -> Report:
    """Train with each seed on sound parts, and score all test images, also by local contrast."""
    whole = image_sets.prepared(SET, options, method="anomaly")
    if whole is None:
        return image_sets.not_measured(NAME, TITLE, SET)
    images = sound_only(whole)
    runs = [trained_with(seed, images, options.folder, with_parity=False) for seed in image_sets.seeds(options)]
    return _report(runs, images, local_contrast_scores(images))


def sound_only(images: ImageSet) -> ImageSet:
    """The set without defective parts in training and validation, and without masks."""
    sound = [
        replace(part.take(~part.is_defect), masks=None, references=None)
        for part in (images.training, images.validation)
    ]
    return replace(images, training=sound[0], validation=sound[1])


def local_contrast_scores(images: ImageSet) -> np.ndarray:
    """What the baseline says of the test images."""
    from factory_assets.inspection import local_contrast

    return np.asarray(local_contrast.scores(images.training, images.test), np.float64)


def advantage(runs: Sequence[SeedRun], baseline: np.ndarray, test: LabelledImages) -> str:
    """By how much the mean AUROC of seeds lies above the baseline's, with its interval over groups, in words."""
    scores = np.column_stack([*(run.scores for run in runs), baseline])

    def above(columns: np.ndarray, is_defect: np.ndarray) -> float | None:
        found = [auroc(column, is_defect) for column in columns.T]
        return None if None in found else mean(found[:-1]) - float(found[-1])  # type: ignore[arg-type]

    return shown(interval_over_groups(above, scores, test.is_defect, test.groups))


def _report(runs: Sequence[SeedRun], images: ImageSet, baseline: np.ndarray) -> Report:
    test = images.test
    ours, recall = over_seeds("auroc", runs, test), over_seeds("recall_at", runs, test)
    contrast = auroc(baseline, test.is_defect) or float("nan")
    same = f"{images.about()}; {int(test.is_defect.sum())} test images defective, {len(set(test.groups))} groups"
    return Report(
        name=NAME,
        title=TITLE,
        figures=[
            Figure(
                f"test AUROC, mean of {len(runs)} seeds", value(ours), None, None, AUROC,
                f"{same}; 95 % interval {shown(ours)}",
            ),
            Figure(
                "test AUROC beside local contrast", value(ours), contrast, value(ours) / contrast, ABOVE,
                f"the same training and test images; difference {advantage(runs, baseline, test)}",
            ),
            Figure(
                f"recall at 5 % false reject, mean of {len(runs)} seeds", value(recall),
                held_equal=f"{same}; 95 % interval {shown(recall)}",
            ),
            Figure("training, CPU minutes, dearest seed", max(run.cpu_minutes for run in runs)),
        ],
        details=[by_seed(runs), rejected_by_label(runs)],
        notes=NOTES,
    )  # fmt: skip
