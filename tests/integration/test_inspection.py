"""Parts of the reference plant, from rendered images to verdicts at the edge, and bundles scored by command."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.settings import Settings, load_site
from factory_assets.foundation.tracking import Tracking
from tests.integration.commands import edge, factory
from tests.integration.conftest import SmallPlant

PRODUCTS = ("casting", "panel", "board", "cover")
TRAINED = ("casting", "panel", "cover")


@pytest.mark.parametrize("product", PRODUCTS)
def test_bad_images_are_set_aside_with_the_reason_and_none_is_lost(small_plant: SmallPlant, product: str) -> None:
    truth = pl.read_parquet(small_plant.home / "truth" / "parts" / f"{product}.parquet")
    judged = Lake(small_plant.home / "lake").read("inspection_image", Partition(product))
    with (small_plant.home / "plant" / "parts" / product / "manifest.csv").open() as manifest:
        assert judged.height == sum(1 for _ in csv.DictReader(manifest))
    assert judged["status"].is_not_null().all()
    assert judged.filter(pl.col("status") == "quarantined")["reason"].is_not_null().all()
    reasons = set(judged["reason"].drop_nulls().cast(pl.String))
    assert reasons >= {"truncated", "missing", "blank", "unlabelled", "duplicate"}
    assert truth.height


@pytest.mark.parametrize("product", PRODUCTS)
def test_no_part_is_in_two_splits(small_plant: SmallPlant, product: str) -> None:
    frame = Lake(small_plant.home / "lake").read("inspection_training_set", Partition(product))
    assert set(frame["split"]) == {"train", "validation", "test"}
    assert (frame.group_by("group").agg(pl.col("split").n_unique())["split"] == 1).all()


@pytest.mark.parametrize("product", TRAINED)
def test_the_bundle_holds_a_passed_certificate_and_every_engine_says_its_types(
    small_plant: SmallPlant, product: str
) -> None:
    folder = small_plant.home / "bundles" / product
    certificate = json.loads((folder / "certificate.json").read_text())
    assert certificate["passed"]
    fp32 = [runtime for runtime in certificate["runtimes"] if runtime["precision"] == "fp32"]
    assert [runtime["decision_flips"] for runtime in fp32] == [0, 0]
    manifest = json.loads((folder / "manifest.json").read_text())
    released = {graph.get("precision", "fp32") for graph in manifest["graphs"]}
    assert released >= {"fp32"}
    assert {engine["precision"] for engine in manifest["engines"]} == released
    assert all(engine["is_as_claimed"] for engine in certificate["engines"])


def test_golden_images_travel_with_their_bundle(small_plant: SmallPlant) -> None:
    manifest = json.loads((small_plant.home / "bundles" / "board" / "manifest.json").read_text())
    assert manifest["references"]
    assert manifest["graphs"] == []
    assert manifest["inspection"]["golden_image"]


def test_every_product_has_a_champion_in_mlflow_and_the_decision_is_on_record(small_plant: SmallPlant) -> None:
    site = load_site(Settings(plant=small_plant.file, home=small_plant.folder))
    client = Tracking(uri=site.home.mlflow_uri, artifacts=site.home.mlflow_artifacts)._client()
    for product in PRODUCTS:
        assert client.get_registered_model(f"inspection-{product}").aliases["champion"]
        lines = (small_plant.home / "decisions" / f"inspection-{product}.jsonl").read_text().splitlines()
        first = json.loads(lines[0])
        assert first["promote"]
        assert first["reason"] == "there is no champion yet"


def test_a_bundle_is_scored_on_other_images_by_command(small_plant: SmallPlant, tmp_path: Path) -> None:
    source = small_plant.home / "plant" / "parts" / "casting"
    report = tmp_path / "out.json"
    bundle = small_plant.home / "bundles" / "casting"
    arguments = ("--bundle", bundle, "--manifest", source / "manifest.csv", "--json", report)
    done = factory("evaluate", "inspection", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    figures = json.loads(report.read_text())
    assert {"images", "accuracy", "auroc", "recall_at_5_false_reject", "per_class", "per_image"} <= set(figures)
    assert figures["images"] == len(figures["per_image"])
    assert {entry["reason"] for entry in figures["not_scored"]} >= {"truncated", "missing"}
    assert 0 <= figures["intervals"]["auroc"][0] <= figures["auroc"] <= figures["intervals"]["auroc"][1] <= 1


def test_a_bundle_with_a_changed_byte_is_not_scored(small_plant: SmallPlant, tmp_path: Path) -> None:
    copy = shutil.copytree(small_plant.home / "bundles" / "casting", tmp_path / "casting")
    graph = next((copy / "graphs").glob("*.onnx"), None) or next(copy.rglob("*.onnx"))
    data = bytearray(graph.read_bytes())
    data[len(data) // 2] ^= 1
    graph.write_bytes(data)
    source = small_plant.home / "plant" / "parts" / "casting" / "manifest.csv"
    done = factory("evaluate", "inspection", "--bundle", copy, "--manifest", source, cwd=tmp_path)
    assert done.returncode == 1
    assert graph.name in done.stderr


def test_the_edge_rejects_what_it_cannot_read(small_plant: SmallPlant, tmp_path: Path) -> None:
    state, parts = tmp_path / "state", tmp_path / "parts"
    parts.mkdir()
    images = sorted((small_plant.home / "plant" / "parts" / "casting" / "images").glob("*.png"))
    shutil.copyfile(images[0], parts / "good.png")
    (parts / "cut.png").write_bytes(images[0].read_bytes()[:-60])
    (parts / "empty.png").touch()
    pulled = edge("pull", "--releases", small_plant.home / "exchange" / "releases", "--state", state, cwd=tmp_path)
    assert pulled.returncode == 0, pulled.stderr
    asked = ("--state", state, "--input", parts, "--product", "casting", "--json", tmp_path / "verdicts.json")
    done = edge("inspect", *asked, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    verdicts = {part["image"]: part for part in json.loads((tmp_path / "verdicts.json").read_text())["parts"]}
    assert verdicts["good.png"]["failure"] is None
    for name in ("cut.png", "empty.png"):
        assert verdicts[name]["verdict"] == "nok"
        assert verdicts[name]["failure"]


def test_evaluate_asks_for_what_it_needs(tmp_path: Path) -> None:
    done = factory("evaluate", "inspection", cwd=tmp_path)
    assert done.returncode == 2
    assert "give --data DIR" in done.stderr


def test_a_folder_without_images_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = factory("evaluate", "inspection", "--data", tmp_path / "empty", "--home", tmp_path / "home", cwd=tmp_path)
    assert done.returncode == 1
    assert "names no image" in done.stderr
