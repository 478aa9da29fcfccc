"""Parts are never cut, splits that are named are kept, and what is there already stays where it is."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory_assets.inspection.splits import SplitError, assign, shared_groups, summary, with_groups
from tests.inspection.sources import product

PLATE = product(Path("images"))
BOARD = product(Path("images"), "golden_image")


def rows(*entries: tuple[str, str | None, str | None]) -> pl.DataFrame:
    """(group, label, split) of each image."""
    return pl.DataFrame(
        {
            "image": [f"{number:04}.png" for number in range(len(entries))],
            "label": [label for _, label, _ in entries],
            "group": [group for group, _, _ in entries],
            "split": [split for _, _, split in entries],
            "reference": ["golden.png"] * len(entries),
        },
        schema=dict.fromkeys(["image", "label", "group", "split", "reference"], pl.String),
    )


def many(label: str, groups: int, each: int = 2, split: str | None = None) -> list[tuple[str, str, str | None]]:
    return [(f"{label} {number}", label, split) for number in range(groups) for _ in range(each)]


def of_groups(frame: pl.DataFrame) -> dict[str, str]:
    return dict(frame.select("group", "split").unique().iter_rows())


ENTRIES = st.tuples(
    st.sampled_from([f"g{number}" for number in range(12)]),
    st.sampled_from(["ok", "dent", "crack"]),
    st.sampled_from([None, None, None, "train", "validation", "test"]),
)


@settings(max_examples=200, deadline=None)
@given(entries=st.lists(ENTRIES, min_size=1, max_size=40), method=st.sampled_from([PLATE, BOARD]))
def test_rows_stay_and_named_splits_are_kept(entries: list[tuple[str, str, str | None]], method: object) -> None:
    frame = rows(*entries)
    try:
        found = assign(frame, method)  # type: ignore[arg-type]
    except SplitError:
        return
    assert found["image"].to_list() == frame["image"].to_list()
    assert set(found["split"]) <= {"train", "validation", "test"}
    assert {"train", "validation"} <= set(found["split"])
    order = ("test", "validation", "train")
    of_group: dict[str, set[str]] = {}
    for group, _, split in entries:
        of_group.setdefault(group, set()).update([split] if split else [])
    # A group that is named twice goes where it is farthest from training.
    named = {min(splits, key=order.index) for splits in of_group.values() if splits}
    for (group, _, split), now in zip(entries, found["split"], strict=True):
        if split in ("validation", "test"):
            assert now == split
        elif split == "train" and {"validation", "test"} <= named:
            assert now == "train", group
    # Only a manifest that puts a group into two splits leaves one there.
    conflicts = {
        group
        for group, _, split in entries
        for other, _, there in entries
        if group == other and None is not split != there
    }
    assert set(shared_groups(found)) <= conflicts


def test_every_label_is_in_every_split() -> None:
    found = assign(rows(*many("ok", 40), *many("dent", 10), *many("crack", 3)), PLATE)
    assert shared_groups(found) == []
    counts = summary(found)
    assert counts.filter(label="crack")["groups"].to_list() == [1, 1, 1]
    assert counts.filter(label="dent").height == 3
    of_ok = dict(counts.filter(label="ok").select("split", "groups").iter_rows())
    assert of_ok["train"] >= 18
    assert min(of_ok.values()) >= 4


def test_groups_stay_where_they_are_when_others_are_added() -> None:
    before = of_groups(assign(rows(*many("ok", 30)), PLATE))
    after = of_groups(assign(rows(*many("ok", 60)), PLATE))
    assert {group: after[group] for group in before} == before


def test_another_product_draws_otherwise() -> None:
    frame = rows(*many("ok", 30))
    other = PLATE.model_copy(update={"name": "bolt"})
    assert of_groups(assign(frame, PLATE)) != of_groups(assign(frame, other))


def test_validation_and_test_are_cut_from_training_where_they_are_not_named() -> None:
    frame = rows(*many("ok", 30, split="train"), *[("t", "ok", "test")])
    found = assign(frame, PLATE)
    assert found.filter(group="t")["split"].to_list() == ["test"]
    assert set(found.filter(pl.col("group") != "t")["split"]) == {"train", "validation"}
    assert set(assign(rows(*many("ok", 30, split="train")), PLATE)["split"]) == {"train", "validation", "test"}
    without_test = PLATE.model_copy(update={"test_fraction": 0.0})
    assert set(assign(rows(*many("ok", 30, split="train")), without_test)["split"]) == {"train", "validation"}


def test_where_some_images_have_a_named_split_their_groups_follow() -> None:
    frame = rows(("a", "ok", "test"), ("a", "ok", None), ("b", "ok", "train"), ("b", "ok", None), *many("ok", 20))
    found = assign(frame, PLATE)
    assert found["split"].to_list()[:4] == ["test", "test", "train", "train"]
    assert set(found["split"].to_list()[4:]) == {"train", "validation", "test"}


def test_a_part_in_two_named_splits_stays_to_be_seen() -> None:
    frame = rows(("a", "ok", "test"), ("a", "ok", "train"), *many("ok", 5, split="train"), ("v", "ok", "validation"))
    found = assign(frame, PLATE)
    assert found["split"].to_list()[:2] == ["test", "train"]
    assert shared_groups(found) == ["a"]


def test_one_group_cannot_be_cut() -> None:
    with pytest.raises(SplitError, match=r"product plate: the accepted images belong to 1 group\(s\)"):
        assign(rows(*many("ok", 1, each=30)), PLATE)
    with pytest.raises(SplitError, match="an image has no group"):
        assign(rows((None, "ok", None)), PLATE)  # type: ignore[arg-type]


def test_two_boards_of_which_only_one_is_tuned_on() -> None:
    frame = rows(*[("one", "defect", "train")] * 21, *[("other", "defect", "train")] * 27)
    found = assign(frame, BOARD)
    assert set(found.filter(pl.col("split") == "train")["group"]) == {"other"}
    assert found.filter(pl.col("split") != "train")["group"].str.starts_with("one/").all()
    assert set(found["split"]) == {"train", "validation", "test"}
    assert shared_groups(found) == []


def test_one_board_is_cut_by_its_images() -> None:
    found = assign(rows(*[("board", "defect", None)] * 30), BOARD)
    assert set(found["split"]) == {"train", "validation", "test"}
    assert found["group"].n_unique() == 30


def test_found_groups_take_the_name_that_a_like_image_has() -> None:
    frame = rows((None, "ok", None), ("a", "ok", None), (None, "ok", None), (None, "ok", None))  # type: ignore[arg-type]
    like = pl.Series(["0000.png", "0000.png", "0002.png", "0002.png"])
    assert with_groups(frame, like)["group"].to_list() == ["a", "a", "like 0002.png", "like 0002.png"]
