"""Where the defect is: magnetic tiles that were not trained on, with masks; and what the leak guard sees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from factory_assets.benchmarks import image_sets
from factory_assets.benchmarks.image_sets import ImageSet
from factory_assets.benchmarks.inspection_runs import (
    SeedRun,
    by_label,
    fault_notes,
    over_seeds,
    parity_details,
    parity_figures,
    shown,
    trained_with,
    value,
)
from factory_assets.benchmarks.report import Details, Figure, Goal, Options, Report
from factory_assets.foundation.settings import load_thresholds
from factory_assets.inspection import loading
from factory_assets.inspection.splits import TEST

NAME = "inspection_segmentation"
TITLE = "Defects of magnetic tiles, trained with masks from random weights; sound and defective parts told apart."
SET = "magnetic_tile"
AUROC, RECALL, FLAGGED = Goal(least=0.93), Goal(least=0.80), Goal(least=0.5)
NOTES = (
    "Photographs of one part share a group, and groups are never cut between training and test.",
    "Intervals are bootstrapped over groups of test images.",
    "Every choice is settled on validation groups; the test images are scored once a seed.",
)


def run(options: Options) -> Report:
    """Train with each seed, score the test images, and let the leak guard look at two splits."""
    images = image_sets.prepared(SET, options)
    if images is None:
        return image_sets.not_measured(NAME, TITLE, SET)
    runs = [trained_with(seed, images, options.folder, with_parity=True) for seed in image_sets.seeds(options)]
    return _report(runs, images)


def _report(runs: Sequence[SeedRun], images: ImageSet) -> Report:
    test = images.test
    auroc, recall = over_seeds("auroc", runs, test), over_seeds("recall_at", runs, test)
    groups = len(set(test.groups))
    same = f"{images.about()}; {int(test.is_defect.sum())} test images defective, {groups} groups"
    return Report(
        name=NAME,
        title=TITLE,
        figures=[
            Figure(
                f"test AUROC, mean of {len(runs)} seeds", value(auroc), None, None, AUROC,
                f"{same}; 95 % interval {shown(auroc)}",
            ),
            Figure(
                f"recall at 5 % false reject, mean of {len(runs)} seeds", value(recall), None, None, RECALL,
                f"{same}; 95 % interval {shown(recall)}",
            ),
            Figure("training, CPU minutes, dearest seed", max(run.cpu_minutes for run in runs)),
            *leak_figures(images),
            *parity_figures(runs, test),
        ],
        details=[by_seed(runs), rejected_by_label(runs), parity_details(runs)],
        notes=[*NOTES, *fault_notes(runs)],
    )  # fmt: skip


def by_seed(runs: Sequence[SeedRun]) -> Details:
    """Every seed's figures on test images, and on validation images where choices were settled."""
    rows = [
        [
            str(run.seed), shown(run.test.auroc), shown(run.test.recall_at_5_false_reject), shown(run.validation.auroc),
            f"{run.cpu_minutes:.1f}",
        ]
        for run in runs
    ]  # fmt: skip
    columns = ["seed", "test AUROC (95 %)", "recall at 5 % false reject (95 %)", "validation AUROC", "CPU minutes"]
    return Details("By seed", columns, rows)


def rejected_by_label(runs: Sequence[SeedRun]) -> Details:
    """What share of each label is rejected at the operating threshold, which costs settled on validation images."""
    return by_label(runs, "rejected", title="Rejected at the operating threshold", told="share, seed by seed")


def leak_figures(images: ImageSet) -> list[Figure]:
    """What the leak guard says of the split in use, and of random ones."""
    bound = load_thresholds().inspection.near_copies_share
    grouped = near_copies(images, images.frame)
    shuffled = [near_copies(images, _shuffled(images.frame, seed)) for seed in range(1, image_sets.SEEDS + 1)]
    how = "near copies of training images among test images, as the leak guard counts them; the same images"
    return [
        Figure("random split: share of leaks, least of three", min(shuffled), grouped, None, FLAGGED, how),
        Figure("grouped split: share of leaks", grouped, None, None, Goal(most=bound), how),
    ]


def near_copies(images: ImageSet, frame: pl.DataFrame) -> float:
    """Share of test images with a near copy among training images."""
    return loading.guard(frame, dict(images.thumbnails), images.product)[TEST].share


def _shuffled(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    order = np.random.default_rng(seed).permutation(frame.height)
    return frame.with_columns(split=frame["split"].gather(order.tolist()))
