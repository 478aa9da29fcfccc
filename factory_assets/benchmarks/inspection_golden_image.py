"""Golden images: circuit boards compared with settings that were tuned on the other board, and what a part costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from edge_runtime.bundle.inspection_spec import GoldenImageSettings
from factory_assets.benchmarks import image_sets
from factory_assets.benchmarks.call_timing import middle, timed
from factory_assets.benchmarks.inspection_runs import shown
from factory_assets.benchmarks.one_core import alone
from factory_assets.benchmarks.report import Details, Figure, Goal, Options, Report
from factory_assets.foundation.products import Product
from factory_assets.inspection import golden_tuning, image_store, loading, manifest, quality
from factory_assets.inspection.box_figures import Box, BoxFigures
from factory_assets.inspection.figures import share
from factory_assets.inspection.image_store import ImageStore
from factory_assets.inspection.labelled import LabelledImages
from factory_assets.inspection.splits import TRAIN

NAME = "inspection_golden_image"
TITLE = "Printed circuit boards against their golden images, on boards that nothing was tuned on."
SET = "deeppcb_pairs"
RECALL, FALSE_BLOBS, CPU_MS = Goal(least=0.97), Goal(most=0.5), Goal(most=8)
REPEATS, QUICK_REPEATS, TIMED_IMAGES = 5, 1, 24


@dataclass(frozen=True)
class Board:
    """Images of one board, each with its golden image and its true boxes."""

    name: str
    images: LabelledImages
    boxes: Sequence[Sequence[Box]]


@dataclass(frozen=True)
class Judged:
    """A board that settings were not tuned on."""

    board: str
    tuned_on: str
    settings: GoldenImageSettings
    figures: BoxFigures


def run(options: Options) -> Report:
    """Tune on each board and judge every other one; then time the comparison."""
    boards = read_boards(options)
    if boards is None:
        return image_sets.not_measured(NAME, TITLE, SET)
    judged = []
    for tuned in boards:
        settings = golden_tuning.tune(tuned.images, tuned.boxes)
        judged += [
            Judged(other.name, tuned.name, settings, golden_tuning.box_figures(other.images, other.boxes, settings))
            for other in boards
            if other is not tuned
        ]
    some = boards[0].images.take(np.arange(min(TIMED_IMAGES, len(boards[0].images))))
    repeats = options.size("repeats", full=REPEATS, quick=QUICK_REPEATS)
    cpu_ms = alone(time_comparison, some.pixels, some.references, judged[0].settings, repeats)
    return _report(judged, cpu_ms, some)


def read_boards(options: Options) -> list[Board] | None:
    """The boards of the set, or None if it is not there."""
    folder = image_sets.folder_of(SET)
    if folder is None:
        return None
    product = image_sets.drafted(folder, options)
    with image_store.open_store(folder) as store:
        judged = quality.judge(store, manifest.read_manifest(store, product.images), product)
        accepted = judged.filter(pl.col("status") == "accepted")
        if options.is_quick:
            few = options.size("images", full=image_sets.QUICK_IMAGES, quick=4)
            accepted = accepted.filter(pl.int_range(pl.len()).over("group") < few)
        return [_board(store, name, accepted, product) for name in sorted(accepted["group"].unique())]


def _board(store: ImageStore, name: str, accepted: pl.DataFrame, product: Product) -> Board:
    rows = accepted.filter(pl.col("group") == name).with_columns(split=pl.lit(TRAIN))
    return Board(name, loading.load(store, rows, product, split=TRAIN), loading.boxes_of(rows, TRAIN))


def time_comparison(
    pixels: np.ndarray, references: np.ndarray, settings: GoldenImageSettings, repeats: int
) -> dict[str, float]:
    """Median CPU milliseconds a part: with golden images that are ready, and with each prepared anew."""
    import cv2

    from edge_runtime.inspection.golden_image import GoldenComparer

    cv2.setNumThreads(1)
    ready = [GoldenComparer(reference, settings) for reference in references]
    found: dict[str, list[float]] = {"ready": [], "prepared anew": []}
    for image, reference, comparer in zip(pixels, references, ready, strict=True):
        calls = {
            "ready": lambda image=image, comparer=comparer: comparer.compare(image),
            "prepared anew": lambda image=image, reference=reference: GoldenComparer(reference, settings).compare(
                image
            ),
        }
        for name, times in timed(calls, count=1, rounds=repeats).items():
            found[name] += times["cpu_ms"]
    return {name: middle(values) for name, values in found.items()}


def _report(judged: Sequence[Judged], cpu_ms: dict[str, float], timed_images: LabelledImages) -> Report:
    boxes = sum(one.figures.boxes for one in judged)
    images = sum(one.figures.images for one in judged)
    found, found_at_iou = (
        share(
            sum(round(part.value * one.figures.boxes) for one in judged if (part := getattr(one.figures, name))), boxes
        )
        for name in ("recall", "recall_at_iou")
    )
    false = sum(one.figures.false_blobs_per_image * one.figures.images for one in judged) / images
    how = f"{len(judged)} boards, each with settings tuned on another one: {images} images, {boxes} true boxes"
    height, width = timed_images.pixels.shape[1:3]
    clock = f"median CPU time of {len(timed_images)} images of {width} x {height}, one thread on one core"
    return Report(
        name=NAME,
        title=TITLE,
        figures=[
            Figure(
                "recall of true boxes", float("nan") if found is None else found.value, None, None, RECALL,
                f"{how}; Wilson 95 % {shown(found)}",
            ),
            Figure("false blobs an image", false, None, None, FALSE_BLOBS, how),
            Figure(
                "recall with IoU above 0.33 (the authors' rule)",
                float("nan") if found_at_iou is None else found_at_iou.value, held_equal=how,
            ),
            Figure("CPU ms a part, golden image ready", cpu_ms["ready"], None, None, CPU_MS, clock),
            Figure("CPU ms a part, golden image prepared anew", cpu_ms["prepared anew"], held_equal=clock),
        ],
        details=[_by_board(judged)],
        notes=[
            "A box is found if a blob's middle is in it, or its own in a blob; a blob is false if it touches no box.",
            "A golden image is prepared once a product at the line; in this set every image has one of its own.",
            "Only the choice among settings is blind: which ones are tried was decided with both boards at hand.",
        ],
    )  # fmt: skip


def _by_board(judged: Sequence[Judged]) -> Details:
    columns = ["board", "tuned on", "images", "boxes", "recall (Wilson, 95 %)", "false blobs an image", "settings"]
    rows = [
        [
            one.board, one.tuned_on, str(one.figures.images), str(one.figures.boxes), shown(one.figures.recall),
            f"{one.figures.false_blobs_per_image:.2f}",
            ", ".join(f"{name} {setting}" for name, setting in one.settings.model_dump().items()),
        ]
        for one in judged
    ]  # fmt: skip
    return Details("By board", columns, rows)
