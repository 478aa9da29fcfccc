"""Training, validation and test: parts are never cut, and stay where they are when images are added."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import polars as pl

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.products import Product

TRAIN, VALIDATION, TEST = "train", "validation", "test"


class SplitError(FactoryError, ValueError):
    """Images of which no training and validation images can be made."""


def assign(accepted: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Give every image a split.

    Splits that the manifest names are kept, and a group goes where the manifest puts one of its images. All else is
    drawn by a hash of the group, label by label: so every label is in every split as far as its groups allow, and a
    group that is there already never moves when others are added (but for labels with few groups, of which one is kept
    for test and one for validation). Where a manifest names splits, but not validation or test, these are cut from its
    training part.

    Comparison with golden images learns nothing but how tolerant to be. Where there are fewer than three groups of such
    images, the largest is for training, and the others' images are parts of their own.

    Args:
        accepted: Rows of the table of images, with a `group` for each.
        product: The shares of validation and test.

    Returns:
        The rows with `split` filled in: train, validation or test.

    Raises:
        SplitError: An image has no group, or there are too few groups for training and validation.
    """
    if accepted["group"].is_null().any():
        msg = f"product {product.name}: an image has no group"
        raise SplitError(msg)
    rows = _with_few_boards_cut(accepted, product) if product.method == "golden_image" else accepted
    groups = _groups(rows)
    chosen = {group: split for group, (_, split) in groups.items() if split is not None}
    is_named = bool(chosen)
    undecided = {group: label for group, (label, split) in groups.items() if split is None}
    chosen |= _drawn(undecided, product, test=product.test_fraction, validation=product.validation_fraction)
    if is_named:
        training = {group: label for group, (label, _) in groups.items() if chosen[group] == TRAIN}
        test, validation = (
            0.0 if split in chosen.values() else share
            for split, share in ((TEST, product.test_fraction), (VALIDATION, product.validation_fraction))
        )
        chosen |= _drawn(training, product, test=test, validation=validation)
    _check(chosen, product)
    moved = [group for group, (_, split) in groups.items() if split == TRAIN != chosen[group]]
    drawn = pl.Series("drawn", [chosen[group] for group in rows["group"]], dtype=pl.String)
    # Where a manifest puts one part into two splits, that stays to be seen, and the leak guard refuses it.
    is_kept = rows["split"].is_not_null() & ~rows["group"].is_in(moved)
    return rows.with_columns(split=pl.when(is_kept).then(pl.col("split")).otherwise(drawn))


def with_groups(accepted: pl.DataFrame, found: pl.Series) -> pl.DataFrame:
    """Rows without a group get one that was found by looking: that of a like image which has one, or `like <image>`.

    Args:
        accepted: Rows of the table of images.
        found: The first image that each is like (itself, if it is like none before it).
    """
    of_like = pl.col("group").drop_nulls().first().over(found)
    return accepted.with_columns(group=pl.coalesce("group", of_like, pl.concat_str(pl.lit("like "), found)))


def shared_groups(frame: pl.DataFrame) -> list[str]:
    """Groups that are in two splits; there must be none."""
    counts = frame.group_by("group").agg(pl.col("split").n_unique())
    return sorted(counts.filter(pl.col("split") > 1)["group"].to_list())


def summary(frame: pl.DataFrame) -> pl.DataFrame:
    """Images and groups by split and label."""
    counts = frame.group_by("split", "label").agg(images=pl.len(), groups=pl.col("group").n_unique())
    return counts.sort("split", "label")


def _with_few_boards_cut(rows: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Rows as they are where there are groups enough or splits are named; else with groups and splits: see `assign`."""
    boards = rows.group_by("group").len().sort("len", "group", descending=[True, False])["group"].to_list()
    if len(boards) > 2 or rows["split"].is_in([VALIDATION, TEST]).any():
        return rows
    is_whole = pl.col("group") == (boards[0] if len(boards) == 2 else "")
    alone = pl.concat_str("group", "image", separator="/")
    cut = rows.with_columns(
        group=pl.when(is_whole).then("group").otherwise(alone),
        split=pl.when(is_whole).then(pl.lit(TRAIN)),
    )
    others = dict(cut.filter(pl.col("split").is_null()).select("group", "label").iter_rows())
    if len(boards) == 1:
        return cut
    asked = product.test_fraction + product.validation_fraction
    chosen = _drawn(others, product, test=product.test_fraction / asked, validation=product.validation_fraction / asked)
    return cut.with_columns(split=pl.col("group").replace_strict(chosen, default=TRAIN, return_dtype=pl.String))


def _check(chosen: dict[str, str], product: Product) -> None:
    for split in (TRAIN, VALIDATION):
        if split not in chosen.values():
            msg = (
                f"product {product.name}: the accepted images belong to {len(set(chosen))} group(s) (photographs of "
                f"one part, or near copies), of which none can be had for {split}: add images of other parts, or give "
                "a column `group` that tells parts apart"
            )
            raise SplitError(msg)


def _groups(frame: pl.DataFrame) -> dict[str, tuple[str | None, str | None]]:
    """The label and the named split of each group: its rarest label, and the split farthest from training."""
    counts = dict(frame.group_by("label").len().iter_rows())
    order = (TEST, VALIDATION, TRAIN, None)
    found: dict[str, tuple[str | None, str | None]] = {}
    for group, label, split in frame.select("group", "label", "split").iter_rows():
        known, where = found.get(group, (label, split))
        rarest = min(known, label, key=lambda name: (counts[name], str(name)))
        found[group] = (rarest, min(where, split, key=order.index))
    return found


def _drawn(labels: dict[str, str | None], product: Product, *, test: float, validation: float) -> dict[str, str]:
    """A split for each group. `labels`: the label of each."""
    chosen: dict[str, str] = {}
    for label in sorted(set(labels.values()), key=str):
        of_label = (group for group, known in labels.items() if known == label)
        chosen |= _cut(product, of_label, test, validation)
    return chosen


def _cut(product: Product, groups: Iterable[str], test: float, validation: float) -> dict[str, str]:
    """Splits of one label's groups."""
    shares = sorted((_share(product, group), group) for group in groups)
    split = [TEST if s < test else VALIDATION if s < test + validation else TRAIN for s, _ in shares]
    # With few groups the hash may leave a split empty: the nearest group of training goes there.
    for wanted, is_asked in ((TEST, test > 0), (VALIDATION, validation > 0)):
        spare = [place for place, name in enumerate(split) if name == TRAIN]
        if is_asked and wanted not in split and len(spare) > 1:
            split[spare[0]] = wanted
    return dict(zip((group for _, group in shares), split, strict=True))


def _share(product: Product, group: str) -> float:
    """A number from 0 to 1 that follows from product and group alone."""
    digest = hashlib.sha256(f"{product.name}/{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
