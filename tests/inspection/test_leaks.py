"""The leak guard: it finds near copies across a split, simulated and real, and leaves whole groups in peace."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from factory_assets.inspection import leaks, loading, splits
from factory_assets.inspection.leaks import found_groups, near_copies, near_pairs, thumbnail
from tests.conftest import data_folder
from tests.image_files import pattern
from tests.inspection.sources import csv, opened, product, written


def again(image: np.ndarray, number: int) -> np.ndarray:
    """The same part photographed once more: other exposure, a little noise."""
    rng = np.random.default_rng(number)
    light = rng.uniform(0.7, 1.1) * image.astype(np.float32) + rng.uniform(0, 20) + rng.normal(0, 3, image.shape)
    return np.clip(light, 0, 255).astype(np.uint8)


def thumbnails(parts: int, photographs: int) -> tuple[np.ndarray, list[str]]:
    images = [again(pattern(seed=part), 100 * part + n) for part in range(parts) for n in range(photographs)]
    return np.stack([thumbnail(image) for image in images]), [
        f"part {p}" for p in range(parts) for _ in range(photographs)
    ]


def test_a_thumbnail_is_a_direction() -> None:
    image = pattern(100, 130)
    one = thumbnail(image)
    assert one.shape == (576,)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert one.sum() == pytest.approx(0, abs=1e-3)
    assert thumbnail((image // 2 + 40).astype(np.uint8)) @ one > 0.999
    assert thumbnail(cv2.merge([image] * 3)) @ one == pytest.approx(1, abs=1e-4)
    assert abs(thumbnail(pattern(100, 130, seed=5)) @ one) < 0.5
    assert (thumbnail(np.full((50, 50), 7, np.uint8)) == 0).all()


def test_pairs_as_a_slow_search_finds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "BLOCK", 7)
    found, parts = thumbnails(6, 4)
    groups = [None if part == "part 2" else f"{part} {n % 2}" for n, part in enumerate(parts)]
    expected = []
    for place in range(len(found)):
        for before in range(place):
            same = groups[place] is not None and groups[place] == groups[before]
            if not same and found[place] @ found[before] >= leaks.NEAR_CORRELATION:
                expected.append((before, place))
                break
    assert list(near_pairs(found, groups)) == expected
    assert len(expected) >= 12


def test_copies_across_a_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "BLOCK", 5)
    found, parts = thumbnails(20, 4)
    by_name = {f"{part} {n}": thumb for n, (part, thumb) in enumerate(zip(parts, found, strict=True))}
    at_random = np.random.default_rng(0).permutation(len(by_name)) < 24
    judged = {name: thumb for (name, thumb), out in zip(by_name.items(), at_random, strict=True) if out}
    learnt = {name: thumb for name, thumb in by_name.items() if name not in judged}
    report = near_copies(judged, learnt)
    assert report.images == 24
    assert report.share > 0.9
    assert len(report.pairs) == 20
    assert all(one.split()[1] == other.split()[1] for one, other, _ in report.pairs)
    assert [pair[2] for pair in report.pairs] == sorted((pair[2] for pair in report.pairs), reverse=True)
    whole = {name: thumb for name, thumb in by_name.items() if int(name.split()[1]) < 5}
    assert near_copies(whole, {n: t for n, t in by_name.items() if n not in whole}).share == 0
    assert near_copies({}, by_name) == leaks.LeakReport(0, 0.0, ())
    assert near_copies(by_name, {}) == leaks.LeakReport(80, 0.0, ())


def test_groups_are_found_by_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "BLOCK", 6)
    found, parts = thumbnails(8, 3)
    order = np.random.default_rng(1).permutation(len(found))
    first = found_groups(found[order])
    assert (first <= np.arange(len(found))).all()
    for place, number in enumerate(order):
        assert parts[order[first[place]]] == parts[number]
    assert len(set(first)) == 8


def leaky(folder: Path, *, has_groups: bool) -> Path:
    """30 parts photographed three times, with a random split named, or with groups named, in the manifest."""
    rng = np.random.default_rng(3)
    rows, files = [], {}
    for part in range(30):
        for n in range(3):
            name = f"{part}_{n}.png"
            files[name] = again(pattern(seed=part), 100 * part + n)
            split = "" if has_groups else str(rng.choice(["train", "validation", "test"], p=[0.6, 0.2, 0.2]))
            rows.append((name, "ok" if part % 3 else "dent", f"part {part}" if has_groups else name, split))
    return written(folder, files | {"manifest.csv": csv(("image", "label", "group", "split"), *rows)})


@pytest.mark.parametrize("has_groups", [True, False])
def test_a_random_split_is_flagged_and_a_grouped_one_is_not(tmp_path: Path, has_groups: bool) -> None:
    plate = product(leaky(tmp_path, has_groups=has_groups))
    with opened(plate) as (store, frame):
        accepted, thumbs = loading.grouped(store, frame.filter(pl.col("status") == "accepted"))
    split = splits.assign(accepted, plate)
    assert splits.shared_groups(split) == []
    shares = [report.share for report in loading.guard(split, thumbs, plate).values()]
    assert shares == [0, 0] if has_groups else min(shares) >= 0.5


def test_real_tiles_random_and_grouped() -> None:
    data = data_folder()
    if data is None or not (data / "magnetic_tile").is_dir():
        pytest.skip("magnetic_tile is not here: set FACTORY_DATA to the folder that holds magnetic_tile/")
    tile = product(data / "magnetic_tile", "segmentation", ok_label="free")
    with opened(tile) as (store, frame):
        accepted, thumbs = loading.grouped(store, frame.filter(pl.col("status") == "accepted"))
    assert accepted.height == 939
    named = splits.assign(accepted, tile)
    drawn = splits.assign(accepted.with_columns(split=pl.lit(None, pl.String)), tile)
    for split in (named, drawn):
        assert splits.shared_groups(split) == []
        reports = loading.guard(split, thumbs, tile)
        assert {name: report.share for name, report in reports.items() if report.share > 0.05} == {}
    alone = accepted.with_columns(group=pl.col("image"), split=pl.lit(None, pl.String))
    assert min(report.share for report in loading.guard(splits.assign(alone, tile), thumbs, tile).values()) > 0.4
    # The usual random split: 70 % for training, 30 % for test.
    is_test = np.random.default_rng(0).random(len(thumbs)) < 0.3
    parts = [
        {name: thumbs[name] for name in alone["image"].filter(pl.Series(chosen))} for chosen in (is_test, ~is_test)
    ]
    assert near_copies(*parts).share >= 0.5


def test_parts_that_all_look_alike_are_not_called_copies_and_a_few_real_copies_are() -> None:
    rng = np.random.default_rng(3)
    fixture = rng.normal(0, 1, (24, 24))
    seen = {f"{place}.png": thumbnail(shown(fixture + 0.02 * rng.normal(0, 1, (24, 24)))) for place in range(60)}
    judged = {"like all.png": thumbnail(shown(fixture))}
    report = near_copies(judged, seen)
    assert (report.share, report.alike_share) == (0.0, 1.0)
    few = {name: seen[name] for name in list(seen)[:2]}
    others = {f"other {place}.png": thumbnail(shown(rng.normal(0, 1, (24, 24)))) for place in range(60)}
    report = near_copies(judged, {**few, **others})
    assert (report.share, report.alike_share) == (1.0, 0.0)


def shown(values: np.ndarray) -> np.ndarray:
    return np.clip(128 + 30 * values, 0, 255).astype(np.uint8)
