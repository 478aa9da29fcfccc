"""Pictures of what a model says of images, as PNG."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from edge_runtime.inspection.fitting import fitted, fitted_mask
from factory_assets.foundation.products import Costs
from factory_assets.inspection.figures import FALSE_REJECT_RATE, InspectionFigures, ScoredImages
from factory_assets.inspection.labelled import LabelledImages
from factory_assets.inspection.thresholds import cost_per_part

DPI = 90
OK_COLOUR, DEFECT_COLOUR, LINE_COLOUR = "#4c72b0", "#c44e52", "#333333"
SHOWN, TILE_PX, TILE_INCHES, LONGEST_NAME = 12, 160, 1.75, 26


def learning_curve(history: pl.DataFrame) -> bytes:
    """What was lost on training images, epoch by epoch."""
    figure, axes = _axes(6, 3.2)
    losses = [name for name in history.columns if "loss" in name]
    for name in losses:
        axes.plot(history["epoch"], history[name], label=name.replace("_", " "))
    # Some losses (hinges, log-likelihoods) reach 0 or below.
    is_positive = all((history[name].drop_nulls() > 0).all() for name in losses)
    axes.set(xlabel="epoch", ylabel="loss", yscale="log" if is_positive else "linear")
    axes.legend(frameon=False)
    return _png(figure)


def confusion_matrix(figures: InspectionFigures) -> bytes:
    """Counts of images: true labels downwards, what was said across."""
    true = list(figures.confusion)
    said = list(next(iter(figures.confusion.values()), {}))
    counts = np.array([[figures.confusion[t][s] for s in said] for t in true], dtype=float)
    figure, axes = _axes(1.9 + 0.75 * len(said), 1.6 + 0.55 * len(true))
    axes.imshow(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        share = count / max(counts[row].sum(), 1)
        axes.text(column, row, f"{count:.0f}", ha="center", va="center", color="white" if share > 0.5 else LINE_COLOUR)
    axes.set_xticks(range(len(said)), [name.replace("_", " ") for name in said], rotation=30, ha="right")
    axes.set_yticks(range(len(true)), [name.replace("_", " ") for name in true])
    axes.set(xlabel="said", ylabel="true")
    return _png(figure)


def roc(scored: ScoredImages, figures: InspectionFigures) -> bytes:
    """Defects found over sound parts rejected, with the 5 % point and the operating point."""
    from sklearn.metrics import roc_curve

    figure, axes = _axes(4.6, 4.2)
    rejected, found, _ = roc_curve(scored.is_defect, scored.scores)
    axes.plot(rejected, found, color=DEFECT_COLOUR)
    axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1, linestyle=":")
    recall = figures.recall_at_5_false_reject
    if recall is not None:
        axes.errorbar(
            [FALSE_REJECT_RATE],
            [recall.value],
            yerr=[[recall.value - recall.low], [recall.high - recall.value]],
            color=LINE_COLOUR,
            marker="o",
            capsize=3,
            label=f"at 5 % false reject: {recall.value:.2f} ({recall.low:.2f} to {recall.high:.2f})",
        )
    if figures.false_reject_rate is not None and figures.escape_rate is not None:
        point = figures.false_reject_rate.value, 1 - figures.escape_rate.value
        axes.plot(*point, marker="s", color=OK_COLOUR, linestyle="", label="operating point")
    title = "" if figures.auroc is None else f"AUROC {figures.auroc.value:.3f} ({figures.auroc.low:.3f} to "
    title += "" if figures.auroc is None else f"{figures.auroc.high:.3f})"
    axes.set(xlabel="sound parts rejected", ylabel="defective parts found", title=title)
    axes.legend(frameon=False, loc="lower right")
    return _png(figure)


def scores(scored: ScoredImages) -> bytes:
    """Scores of sound and of defective parts, and the threshold between them."""
    figure, axes = _axes(6, 3.2)
    low, high = float(scored.scores.min()), float(scored.scores.max())
    bins = np.linspace(low, max(high, low + 1e-6 * max(1.0, abs(low))), 40)
    bad = scored.is_defect.astype(bool)
    for chosen, colour, name in ((~bad, OK_COLOUR, "sound"), (bad, DEFECT_COLOUR, "defective")):
        axes.hist(scored.scores[chosen], bins=bins, color=colour, alpha=0.65, label=f"{name} ({chosen.sum()})")
    if scored.threshold is not None:
        axes.axvline(scored.threshold, color=LINE_COLOUR, linewidth=1, linestyle="--", label="threshold")
    axes.set(xlabel="score (larger is worse)", ylabel="images")
    axes.set_yscale("symlog", linthresh=10)
    axes.set_yticks([tick for tick in (0, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000) if tick <= axes.get_ylim()[1]])
    axes.yaxis.set_major_formatter("{x:.0f}")
    axes.minorticks_off()
    axes.legend(frameon=False)
    return _png(figure)


def expected_cost(scored: ScoredImages, costs: Costs) -> bytes:
    """What wrong verdicts cost a part at every threshold."""
    figure, axes = _axes(6, 3.2)
    bad = scored.is_defect.astype(bool)
    bounds = np.unique(scored.scores)
    bounds = bounds[np.unique(np.linspace(0, len(bounds) - 1, 300).round().astype(int))]
    cost = [
        cost_per_part(float((scored.scores[~bad] >= b).mean()), float((scored.scores[bad] < b).mean()), costs)
        for b in bounds
    ]
    axes.plot(bounds, cost, color=DEFECT_COLOUR)
    if scored.threshold is not None:
        axes.axvline(scored.threshold, color=LINE_COLOUR, linewidth=1, linestyle="--", label="threshold")
    axes.axhline(cost_per_part(0, 1, costs), color=OK_COLOUR, linewidth=1, linestyle=":", label="without inspection")
    axes.set(xlabel="threshold", ylabel=f"{costs.currency} a part")
    axes.legend(frameon=False)
    return _png(figure)


def worst_mistakes(images: LabelledImages, scored: ScoredImages, outputs: Mapping[str, np.ndarray]) -> bytes | None:
    """The images that were judged wrong, the surest mistakes first; None if there is none."""
    wrong = np.flatnonzero(~scored.is_right)
    if not len(wrong):
        return None
    sure = _sureness(scored)
    return _tiles(images, scored, outputs.get("heat_map"), wrong[np.argsort(-sure[wrong], kind="stable")][:SHOWN])


def heat_maps(images: LabelledImages, scored: ScoredImages, outputs: Mapping[str, np.ndarray]) -> bytes | None:
    """Heat maps over the most suspicious parts, true masks outlined; None where a method has none."""
    if "heat_map" not in outputs or not len(images):
        return None
    order = np.argsort(-scored.scores, kind="stable")
    chosen = order[np.unique(np.linspace(0, max(0, min(len(order), 3 * SHOWN) - 1), SHOWN).round().astype(int))]
    return _tiles(images, scored, outputs["heat_map"], chosen)


def _sureness(scored: ScoredImages) -> np.ndarray:
    if scored.probabilities is not None:
        surest: np.ndarray = scored.probabilities.max(axis=1)
        return surest
    distance: np.ndarray = np.abs(scored.scores - (scored.threshold or 0.0))
    return distance


def _tiles(images: LabelledImages, scored: ScoredImages, maps: np.ndarray | None, chosen: np.ndarray) -> bytes:
    columns = min(6, len(chosen))
    rows = -(-len(chosen) // columns)
    height, width = _tile_px(images)
    figure, axes = _axes(
        TILE_INCHES * columns, (TILE_INCHES * height / width + 0.55) * rows, rows=rows, columns=columns
    )
    grid = np.atleast_1d(axes).ravel()
    for place in grid:
        place.axis("off")
    for place, number in zip(grid, chosen, strict=False):
        place.imshow(_overlaid(images, number, maps))
        place.set_title(_told(scored, number), fontsize=7)
    return _png(figure)


def _told(scored: ScoredImages, number: int) -> str:
    """An image's name (its end, if it is long), what it is, and what was said of it."""
    name = scored.image_ids[number].rsplit("/", 1)[-1]
    name = name if len(name) <= LONGEST_NAME else f"...{name[-LONGEST_NAME + 3 :]}"
    said = "rejected" if scored.is_rejected[number] else "passed"
    value = scored.scores[number]
    if scored.predicted is not None:
        said = f"said {scored.predicted[number]}"
        value = _sureness(scored)[number] if scored.probabilities is not None else value
    lines = (name, f"is {scored.labels[number] or 'not labelled'}", f"{said}, {value:.2f}")
    return "\n".join((lines[0], *(line.replace("_", " ") for line in lines[1:])))


def _tile_px(images: LabelledImages) -> tuple[int, int]:
    """Height and width of a picture of a part: its own aspect."""
    height, width = images.pixels.shape[1:3]
    scale = TILE_PX / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _overlaid(images: LabelledImages, number: int, maps: np.ndarray | None) -> np.ndarray:
    """A part with its heat map in red and its true mask outlined in green, uint8 (height, width, 3)."""
    import cv2

    height, width = _tile_px(images)
    pixels = fitted(images.pixels[number], height_px=height, width_px=width, channels=3)
    picture = pixels[..., ::-1].astype(np.float32)
    if maps is not None:
        heat = cv2.resize(maps[number, ..., 0], (width, height), interpolation=cv2.INTER_LINEAR)[..., None] * 0.6
        picture = picture * (1 - heat) + np.array([255.0, 40.0, 30.0]) * heat
    shown = np.ascontiguousarray(np.clip(picture, 0, 255).astype(np.uint8))
    if images.masks is not None and images.masks[number].any():
        mask = fitted_mask(images.masks[number], height_px=height, width_px=width)
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        cv2.drawContours(shown, outlines, -1, (60, 200, 90), 1)
    return shown


def _axes(width: float, height: float, *, rows: int = 1, columns: int = 1) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns)
    if rows == columns == 1:
        axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()
