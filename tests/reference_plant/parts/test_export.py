from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from edge_runtime.inspection.decoding import decode
from factory_assets.foundation.plant import RenderedParts
from factory_assets.foundation.products import ImageSource, Method, Product
from factory_assets.inspection import manifest, quality, splits
from factory_assets.inspection.image_store import open_store
from factory_assets.reference_plant.parts import mess
from factory_assets.reference_plant.parts.export import MANIFEST, TRUTH_SCHEMA, Exported, contact_sheet, write_parts
from factory_assets.reference_plant.parts.rendering import OK, SCENES

METHODS: dict[str, Method] = {
    "casting": "segmentation",
    "panel": "classification",
    "board": "golden_image",
    "cover": "anomaly",
}
SETTINGS = RenderedParts(count=24)


@pytest.fixture(scope="module", params=list(SCENES))
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp(request.param)
    return write_parts(request.param, folder / "images", folder / "truth", SETTINGS, 3)


def product_of(exported: Exported) -> Product:
    name = exported.truth["product"][0]
    return Product(name=name, images=ImageSource(folder=str(exported.folder)), method=METHODS[name])


def judged(exported: Exported) -> pl.DataFrame:
    product = product_of(exported)
    with open_store(exported.folder) as store:
        return quality.judge(store, manifest.read_manifest(store, product.images), product)


def test_the_platform_sets_aside_what_is_no_good_and_nothing_else(exported: Exported) -> None:
    frame = judged(exported)
    assert frame["image"].to_list() == exported.truth["image"].to_list()
    found = frame["reason"].cast(pl.String).to_list()
    expected = exported.truth["expected_reason"].to_list()
    # With two dozen parts a kind may come on one image only, which is set aside as well.
    rare = [reason == "label_too_rare" for reason in found]
    assert [r for r, is_rare in zip(found, rare, strict=True) if not is_rare] == [
        r for r, is_rare in zip(expected, rare, strict=True) if not is_rare
    ]
    reasons = ["truncated", "truncated", "unreadable", "blank", "unlabelled", "missing", "duplicate", "mask_wrong_size"]
    assert sorted(r for r in expected if r) == sorted(reasons)
    assert sum(1 for made in exported.truth["mess"] if made) == len(mess.MESS)


def test_parts_are_whole_in_a_split_and_no_image_is_like_another_parts(exported: Exported) -> None:
    frame = judged(exported)
    assert frame["near_duplicate_of"].is_null().all()
    accepted = frame.filter(pl.col("status") == "accepted")
    assert accepted["group"].is_not_null().all()
    assert splits.shared_groups(splits.assign(accepted, product_of(exported))) == []
    assert accepted.group_by("group").len()["len"].max() > 1


def test_masks_and_boxes_are_the_truth(exported: Exported) -> None:
    frame = judged(exported).filter(pl.col("status") == "accepted")
    areas = dict(exported.truth.select("image", "defect_area_px").iter_rows())
    for row in frame.iter_rows(named=True):
        assert (row["mask"] is not None) == (row["label"] != OK)
        if row["mask"] is None:
            continue
        mask = decode((exported.folder / row["mask"]).read_bytes())
        assert set(np.unique(mask)) == {0, 255}
        assert int((mask > 0).sum()) == areas[row["image"]]
        if METHODS[exported.truth["product"][0]] == "golden_image":
            boxed = np.zeros_like(mask)
            for box in row["boxes"]:
                assert box["kind"] == row["label"]
                boxed[box["y1_px"] : box["y2_px"], box["x1_px"] : box["x2_px"]] = 255
            assert not (mask & ~boxed).any()


def test_only_boards_name_golden_images(exported: Exported) -> None:
    frame = judged(exported)
    is_board = exported.truth["product"][0] == "board"
    assert frame["reference"].is_not_null().all() == is_board
    assert frame["reference"].is_null().all() != is_board
    assert (exported.folder / "golden").is_dir() == is_board


def test_sixteen_bits_show_the_same_picture(exported: Exported) -> None:
    name = exported.truth.filter(pl.col("mess") == "sixteen_bits")["image"][0]
    data = (exported.folder / name).read_bytes()
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED).dtype == np.uint16
    assert decode(data).std() > 5


def test_what_a_plant_writes_says_nothing_of_the_truth(exported: Exported) -> None:
    header = (exported.folder / MANIFEST).read_text(encoding="utf-8").splitlines()[0].split(",")
    assert (
        {"image", "label", "mask", "group"} <= set(header) <= {"image", "label", "mask", "boxes", "reference", "group"}
    )
    kept = pl.read_parquet(exported.folder.parent / "truth" / "parts" / f"{exported.truth['product'][0]}.parquet")
    assert kept.equals(exported.truth)
    assert dict(kept.schema) == TRUTH_SCHEMA
    parameters = json.loads(kept["parameters"][0])
    assert {"defects", "light"} == set(parameters)


def test_a_second_run_touches_nothing_and_mends_what_was_changed(exported: Exported) -> None:
    def state() -> dict[Path, tuple[int, int]]:
        files = (path for path in exported.folder.parent.rglob("*") if path.is_file())
        return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in files}

    before = state()
    spoilt = exported.folder / exported.truth["image"][0]
    content = spoilt.read_bytes()
    spoilt.write_bytes(content[:100])
    name = exported.truth["product"][0]
    again = write_parts(name, exported.folder, exported.folder.parent / "truth", SETTINGS, 3)
    assert spoilt.read_bytes() == content
    assert again.sha256 == exported.sha256
    assert {path: s for path, s in state().items() if path != spoilt} == {
        path: s for path, s in before.items() if path != spoilt
    }


def test_the_contact_sheet_is_a_small_picture(exported: Exported) -> None:
    png = contact_sheet(exported)
    assert len(png) < 400_000
    lines = len({p.label for p in exported.photographs})
    assert decode(png).shape[0] % lines == 0


def test_settings_say_how_many_and_what(tmp_path: Path) -> None:
    asked = RenderedParts(count=10, defect_share=1.0, kinds={"scratch": 0, "dent": 0, "stain": 0})
    written = write_parts("panel", tmp_path / "images", tmp_path / "truth", asked, 3)
    assert {p.label for p in written.photographs} == {"pitting"}
    assert len({p.part for p in written.photographs}) == 10
    assert written.counts()["images"].sum() == written.truth.height
