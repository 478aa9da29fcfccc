"""Asset checks of the inspection room; each is evaluated in the run that writes the asset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg
import polars as pl

from factory_assets.foundation.metadata import table
from factory_assets.foundation.settling import failed_partitions
from factory_assets.inspection.leaks import LeakReport

IMAGES = "inspection_image"
TRAINING_SET = "inspection_training_set"
MODEL = "inspection_model"
LARGEST_ALIKE_SHARE = 0.5

# Check name -> (reasons in the table of images, what it says).
OF_REASONS: dict[str, tuple[tuple[str, ...], str]] = {
    "images_are_readable": (
        ("missing", "unreadable", "truncated", "too_large"),
        "Every image that the manifest names is there and can be decoded whole.",
    ),
    "images_are_not_blank": (("blank",), "Every image shows something."),
    "sizes_agree": (("wrong_size", "mask_wrong_size"), "Masks and golden images are as large as their images."),
    "labels_are_whole": (
        ("unlabelled", "mask_missing", "mask_contradicts_label", "boxes_unreadable", "no_reference", "label_too_rare"),
        "Every image has a label, what its method needs beside it, and its label has other images too.",
    ),
    "images_are_unique": (
        ("duplicate", "contradicting_duplicate"),
        "No image is there twice, least of all under two labels.",
    ),
}

IMAGE_CHECKS = [
    *(dg.AssetCheckSpec(name, asset=IMAGES, description=text) for name, (_, text) in OF_REASONS.items()),
    dg.AssetCheckSpec("no_near_duplicates", asset=IMAGES, description="No two images are almost the same picture."),
    dg.AssetCheckSpec(
        "enough_is_accepted",
        asset=IMAGES,
        blocking=True,
        description="Most images were accepted, and every row of the manifest is accounted for.",
    ),
]
TRAINING_SET_CHECKS = [
    dg.AssetCheckSpec(
        "no_leak",
        asset=TRAINING_SET,
        blocking=True,
        description="Test and validation images have no near copy among training images, and no part is in two splits.",
    ),
    dg.AssetCheckSpec(
        "copies_can_be_told",
        asset=TRAINING_SET,
        description=(
            "Parts do not all look alike, so that the leak guard can tell photographs of one part. Where they do, the "
            "column `group` must be right: nothing else keeps copies apart."
        ),
    ),
]
MODEL_CHECKS = [
    dg.AssetCheckSpec(
        "beats_chance",
        asset=MODEL,
        blocking=True,
        description="On validation images the model is better than always saying the commonest thing.",
    )
]


def of_reasons(images: Mapping[str, pl.DataFrame]) -> list[dg.AssetCheckResult]:
    """One result a kind of bad image: warnings, for such images are set aside. `images`: judged rows, by product."""
    found = []
    for name, (reasons, _) in OF_REASONS.items():
        bad = _together(images, pl.col("reason").cast(pl.String).is_in(reasons))
        found.append(_warning(name, bad.select("product", "image", "reason", "detail")))
    near = _together(images, pl.col("near_duplicate_of").is_not_null())
    found.append(_warning("no_near_duplicates", near.select("product", "image", "near_duplicate_of")))
    return found


def _together(images: Mapping[str, pl.DataFrame], where: pl.Expr) -> pl.DataFrame:
    return pl.concat([frame.filter(where).with_columns(product=pl.lit(name)) for name, frame in images.items()])


def _warning(name: str, bad: pl.DataFrame) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=IMAGES,
        check_name=name,
        passed=bad.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"images": bad.height, "which": table(bad) if bad.height else dg.MetadataValue.text("none")},
    )


def enough_is_accepted(
    images: Mapping[str, pl.DataFrame], rows: Mapping[str, int], largest_share: float
) -> dg.AssetCheckResult:
    """Whether a model may be trained on what is left. `rows`: rows of each product's manifest."""
    failed = {}
    for name, frame in images.items():
        share = (frame["status"] == "quarantined").mean() if frame.height else 1.0
        if frame.height != rows[name]:
            failed[name] = f"the manifest has {rows[name]} rows, {frame.height} are accounted for"
        elif not float(str(share)) <= largest_share:
            failed[name] = (
                f"{float(str(share)):.0%} of the images were set aside, {largest_share:.0%} may be "
                "(configs/thresholds.yaml); the other checks say which and why"
            )
    return dg.AssetCheckResult(
        asset_key=IMAGES,
        check_name="enough_is_accepted",
        passed=not failed,
        metadata={
            "quarantined": {name: int((frame["status"] == "quarantined").sum()) for name, frame in images.items()},
            **failed_partitions(failed),
        },
    )


def no_leak(
    reports: Mapping[str, Mapping[str, LeakReport]], shared: Mapping[str, Sequence[str]], bound: float
) -> dg.AssetCheckResult:
    """The leak guard.

    Args:
        reports: By product and by split that is judged (validation, test): its near copies in training.
        shared: Groups that are in two splits, by product.
        bound: Share of a split's images that may have a near copy in training.
    """
    failed: dict[str, str] = {}
    for name, of_product in reports.items():
        told = [f"groups in two splits: {', '.join(shared[name][:5])}"] if shared.get(name) else []
        told += [
            f"{report.share:.0%} of {split} images have a near copy among training images, {bound:.0%} may: give a "
            "column `group` that joins photographs of one part"
            for split, report in of_product.items()
            if report.share > bound
        ]
        if told:
            failed[name] = "; ".join(told)
    shares = {name: {split: r.share for split, r in of_product.items()} for name, of_product in reports.items()}
    return dg.AssetCheckResult(
        asset_key=TRAINING_SET,
        check_name="no_leak",
        passed=not failed,
        metadata={"near_copies_share": dg.MetadataValue.json(shares), "bound": bound, **failed_partitions(failed)},
    )


def copies_can_be_told(reports: Mapping[str, Mapping[str, LeakReport]]) -> dg.AssetCheckResult:
    """Whether the leak guard could judge most images: a warning. `reports`: by product and by split that is judged."""
    shares = {
        name: {split: report.alike_share for split, report in of_product.items()}
        for name, of_product in reports.items()
    }
    return dg.AssetCheckResult(
        asset_key=TRAINING_SET,
        check_name="copies_can_be_told",
        passed=all(share <= LARGEST_ALIKE_SHARE for of_product in shares.values() for share in of_product.values()),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"look_alike_share": dg.MetadataValue.json(shares), "bound": LARGEST_ALIKE_SHARE},
    )


def beats_chance(figures: Mapping[str, tuple[str, float, float]]) -> dg.AssetCheckResult:
    """Whether every model has learnt something. `figures`: (what, found, chance) on validation images, by product."""
    failed = {
        name: f"{what} {found:.3f} on validation images, {chance:.3f} is chance"
        for name, (what, found, chance) in figures.items()
        if not found > chance
    }
    return dg.AssetCheckResult(
        asset_key=MODEL,
        check_name="beats_chance",
        passed=not failed,
        metadata={
            "validation": dg.MetadataValue.json({name: list(value) for name, value in figures.items()}),
            **failed_partitions(failed),
        },
    )
