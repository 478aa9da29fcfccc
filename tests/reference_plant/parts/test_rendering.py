from __future__ import annotations

from collections import Counter
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory_assets.reference_plant.parts.rendering import (
    CHANGED_LEVELS,
    LEAST_AREA_PX,
    OK,
    SCENES,
    Photograph,
    RenderingError,
    golden_images,
    render_parts,
)

PRODUCTS = tuple(SCENES)
KINDS = [(product, kind) for product in PRODUCTS for kind in SCENES[product].kinds]


@lru_cache(maxsize=8)
def rendered(product: str) -> tuple[Photograph, ...]:
    return tuple(render_parts(product, 24, 3))


def labels(product: str, **asked: object) -> Counter[str]:
    by_part = {p.part: p.label for p in render_parts(product, 40, 3, **asked)}  # type: ignore[arg-type]
    return Counter(by_part.values())


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_same_seed_gives_the_same_pictures_and_another_does_not(product: str) -> None:
    again = list(render_parts(product, 6, 3))
    for one, other in zip(rendered(product), again, strict=False):
        assert (one.name, one.label, one.defects, one.light) == (other.name, other.label, other.defects, other.light)
        assert np.array_equal(one.pixels, other.pixels)
        assert np.array_equal(one.mask, other.mask)
    elsewhere = next(render_parts(product, 1, 4))
    assert not np.array_equal(elsewhere.pixels, rendered(product)[0].pixels)


@pytest.mark.parametrize("product", PRODUCTS)
def test_masks_are_where_the_sound_part_would_look_otherwise(product: str) -> None:
    sound = {p.name: p for p in render_parts(product, 24, 3, defect_share=0)}
    assert set(sound) == {p.name for p in rendered(product)}
    for photograph in rendered(product):
        without = sound[photograph.name]
        assert (without.label, int(without.mask.sum())) == (OK, 0)
        changed = photograph.pixels != without.pixels
        assert np.array_equal(photograph.mask.astype(bool), changed)
        if photograph.label != OK:
            difference = np.abs(photograph.pixels.astype(int) - without.pixels.astype(int))
            assert difference[changed].min() >= CHANGED_LEVELS


@pytest.mark.parametrize(("product", "kind"), KINDS)
def test_every_kind_can_be_drawn_and_seen(product: str, kind: str) -> None:
    others = dict.fromkeys(set(SCENES[product].kinds) - {kind}, 0.0)
    found = list(render_parts(product, 6, 5, defect_share=1, kinds=others))
    assert {p.label for p in found} == {kind}
    for photograph in found:
        assert LEAST_AREA_PX <= photograph.mask.sum() < 0.45 * photograph.mask.size
        assert photograph.defects


@pytest.mark.parametrize("product", PRODUCTS)
def test_photographs_of_a_part_share_it_and_differ(product: str) -> None:
    scene = SCENES[product]
    found = rendered(product)
    assert len({p.name for p in found}) == len(found)
    by_part: dict[str, list[Photograph]] = {}
    for photograph in found:
        by_part.setdefault(photograph.part, []).append(photograph)
        assert photograph.pixels.shape == photograph.mask.shape == (scene.height_px, scene.width_px)
        assert photograph.pixels.dtype == photograph.mask.dtype == np.uint8
        assert photograph.pixels.std() > 5
        assert (photograph.pixels == 255).mean() < 0.1
    assert len(by_part) == 24
    assert {len(photographs) for photographs in by_part.values()} == {1, 2, 3}
    for photographs in by_part.values():
        assert len({(p.label, p.golden, str(p.defects)) for p in photographs}) == 1
        assert len({p.light for p in photographs}) == len(photographs)


@pytest.mark.parametrize("product", PRODUCTS)
def test_more_parts_leave_the_earlier_ones_as_they_are(product: str) -> None:
    later = list(render_parts(product, 2, 3, first=5))
    known = {p.name: p for p in rendered(product)}
    for photograph in later:
        assert np.array_equal(photograph.pixels, known[photograph.name].pixels)
        assert photograph.label == known[photograph.name].label


def test_kinds_come_as_often_as_they_should() -> None:
    usual = labels("casting")
    assert usual[OK] == pytest.approx(24, abs=2)
    assert all(usual[kind] == pytest.approx(4, abs=2) for kind in SCENES["casting"].kinds)


def test_rare_kinds_are_oversampled() -> None:
    often = labels("casting", defect_share=0.5, kinds={"crack": 7})
    assert often[OK] == pytest.approx(20, abs=2)
    assert often["crack"] == pytest.approx(14, abs=2)
    assert "pore" not in labels("casting", kinds={"pore": 0})
    assert set(labels("panel", defect_share=0)) == {OK}


def test_other_shares_leave_sound_parts_sound() -> None:
    few = {p.name: p for p in render_parts("panel", 20, 3, defect_share=0.2)}
    many = {p.name: p for p in render_parts("panel", 20, 3, defect_share=0.6)}
    both = [name for name in few if few[name].label == many[name].label == OK]
    assert both
    assert all(np.array_equal(few[name].pixels, many[name].pixels) for name in both)


def test_boards_have_golden_images_and_are_like_them() -> None:
    golden = golden_images("board")
    assert {p.golden for p in rendered("board")} <= set(golden)
    for photograph in rendered("board"):
        reference = golden[str(photograph.golden)]
        inner = photograph.pixels[20:-20, 20:-20].astype(float)
        best = max(
            np.corrcoef(inner.ravel(), reference[20 + r : 140 + r, 20 + c : 140 + c].ravel())[0, 1]
            for r in range(-3, 4)
            for c in range(-3, 4)
        )
        assert best > 0.85
    assert all(golden_images(product) == {} for product in PRODUCTS if product != "board")
    assert {p.golden for p in rendered("casting")} == {None}


@pytest.mark.parametrize(
    ("product", "asked", "says"),
    [
        ("gearbox", {}, "makes no 'gearbox'; it makes casting"),
        ("casting", {"kinds": {"rust": 2}}, "casting has no defect rust; it has pore"),
        ("casting", {"defect_share": 1.5}, "defect_share 1.5 must lie from 0 to 1"),
        ("casting", {"kinds": {"pore": -1}}, "weights"),
    ],
)
def test_what_cannot_be_rendered_is_refused(product: str, asked: dict[str, object], says: str) -> None:
    with pytest.raises(RenderingError, match=says):
        list(render_parts(product, 1, 0, **asked))  # type: ignore[arg-type]


@settings(max_examples=12, deadline=None)
@given(product=st.sampled_from(PRODUCTS), seed=st.integers(0, 2**31), number=st.integers(1, 5000))
def test_any_part_of_any_seed_is_a_picture_with_its_mask(product: str, seed: int, number: int) -> None:
    for photograph in render_parts(product, 1, seed, first=number):
        assert set(np.unique(photograph.mask)) <= {0, 1}
        assert bool(photograph.mask.any()) == (photograph.label != OK)
        assert photograph.pixels.std() > 5
