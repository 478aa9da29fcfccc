"""Training, validation and test: parts are never cut, and stay where they are when images are added."""

from __future__ import annotations

import hashlib

import polars as pl

from factory_assets.foundation.products import Product

TRAIN, VALIDATION, TEST = "train", "validation", "test"


def assign(accepted: pl.DataFrame, product: Product) -> pl.DataFrame:
    """Give every image a split.

    Where the manifest names splits they are kept, and validation is cut from its training part if it names none. All
    else is drawn by a hash of the group, label by label: so every label is in every split as far as its groups allow,
    and a group that is there already never moves when others are added (but for labels with few groups, of which one
    is kept for validation and one for test).

    Args:
        accepted: Rows of the table of images, with a `group` for each.
        product: The shares of validation and test.

    Returns:
        The rows with `split` filled in: train, validation or test.
    """
    given = accepted["split"]
    if given.is_null().any():
        drawn = _drawn(accepted, product, test=product.test_fraction, validation=product.validation_fraction)
        return accepted.with_columns(split=drawn)
    if (given == VALIDATION).any():
        return accepted
    rest = accepted.filter(pl.col("split") != TEST)
    cut = rest.with_columns(split=_drawn(rest, product, test=0.0, validation=product.validation_fraction))
    kept = accepted.filter(pl.col("split") == TEST)
    order = accepted.select("image").with_row_index("place")
    return pl.concat([cut, kept]).join(order, on="image").sort("place").drop("place")


def with_groups(accepted: pl.DataFrame, found: pl.Series) -> pl.DataFrame:
    """Rows without a group get one that was found by looking: `like <image>`."""
    like = pl.concat_str(pl.lit("like "), found)
    return accepted.with_columns(group=pl.coalesce("group", like))


def shared_groups(frame: pl.DataFrame) -> list[str]:
    """Groups that are in two splits; there must be none."""
    counts = frame.group_by("group").agg(pl.col("split").n_unique())
    return sorted(counts.filter(pl.col("split") > 1)["group"].to_list())


def summary(frame: pl.DataFrame) -> pl.DataFrame:
    """Images and groups by split and label."""
    counts = frame.group_by("split", "label").agg(images=pl.len(), groups=pl.col("group").n_unique())
    return counts.sort("split", "label")


def _drawn(frame: pl.DataFrame, product: Product, *, test: float, validation: float) -> pl.Series:
    """A split for each row, by group. A group with several labels goes with its rarest one."""
    counts = dict(frame.group_by("label").len().iter_rows())
    of_group: dict[str, str | None] = {}
    for group, label in frame.select("group", "label").iter_rows():
        known = of_group.get(group, label)
        of_group[group] = min(known, label, key=lambda name: (counts[name], str(name)))
    chosen: dict[str, str] = {}
    for label in sorted(set(of_group.values()), key=str):
        groups = sorted((g for g, of in of_group.items() if of == label), key=lambda g: _share(product, g))
        chosen |= _cut(product, groups, test, validation)
    return pl.Series("split", [chosen[group] for group in frame["group"]], dtype=pl.String)


def _cut(product: Product, groups: list[str], test: float, validation: float) -> dict[str, str]:
    """Splits of one label's groups, which come in the order of their hash."""
    shares = [_share(product, group) for group in groups]
    split = [TEST if s < test else VALIDATION if s < test + validation else TRAIN for s in shares]
    # With few groups the hash may leave a split empty: the nearest group of training goes there.
    for wanted, is_asked in ((TEST, test > 0), (VALIDATION, validation > 0)):
        spare = [place for place, name in enumerate(split) if name == TRAIN]
        if is_asked and wanted not in split and len(spare) > 1:
            split[spare[0]] = wanted
    return dict(zip(groups, split, strict=True))


def _share(product: Product, group: str) -> float:
    """A number from 0 to 1 that follows from product and group alone."""
    digest = hashlib.sha256(f"{product.name}/{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
