"""Benchmarks of inspection on small drawn sets: the whole way is gone, and figures are what they say."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from factory_assets.benchmarks import (
    image_sets,
    inspection_anomaly,
    inspection_classification,
    inspection_golden_image,
    inspection_runs,
    inspection_segmentation,
)
from factory_assets.benchmarks.report import Options, Report
from factory_assets.inspection import evaluation, segmentation
from factory_assets.inspection import figures as inspection_figures
from factory_assets.inspection.defect_training import Schedule
from factory_assets.inspection.figures import auroc
from factory_assets.inspection.training import scored_images
from tests import drawn_sets

SIZES = {"pixels": 32}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    drawn_sets.steel(folder / "neu_steel")
    drawn_sets.tiles(folder / "magnetic_tile")
    drawn_sets.boards(folder / "deeppcb_pairs")
    return folder


@pytest.fixture
def quick(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    monkeypatch.setenv("FACTORY_DATA", str(data))
    monkeypatch.setattr(inspection_figures, "RESAMPLES", 50)
    monkeypatch.setattr(segmentation, "Schedule", partial(Schedule, steps_an_epoch=3))
    return Options(tmp_path, is_quick=True, sizes=SIZES)


def by_name(report: Report) -> dict[str, float]:
    json.dumps(report.as_json())
    return {figure.name: figure.ours for figure in report.figures}


def test_classification(quick: Options) -> None:
    report = inspection_classification.run(quick)
    figures = by_name(report)
    assert 0 <= figures["test accuracy, lowest seed"] <= figures["test accuracy, mean of 1 seeds"] <= 1
    assert figures["training, CPU minutes, dearest seed"] > 0
    assert figures["FP32 decision flips, all seeds and runtimes"] == 0
    assert figures["FP32 largest difference of an output"] < 1e-4
    assert figures["faults of exported graphs"] == len([note for note in report.notes if note.startswith("Fault")])


def test_segmentation_and_the_leak_guard(quick: Options) -> None:
    report = inspection_segmentation.run(quick)
    figures = by_name(report)
    assert 0 <= figures["test AUROC, mean of 1 seeds"] <= 1
    assert figures["FP32 decision flips, all seeds and runtimes"] == 0
    assert figures["random split: share of leaks, least of three"] > 0.2
    assert figures["grouped split: share of leaks"] == 0
    assert {table.title for table in report.details} >= {"By seed", "Parity on test images"}


def test_golden_images_are_judged_on_the_other_board(quick: Options) -> None:
    report = inspection_golden_image.run(quick)
    figures = by_name(report)
    assert figures["recall of true boxes"] == 1
    assert figures["false blobs an image"] == 0
    assert figures["CPU ms a part, golden image ready"] > 0
    (table,) = report.details
    assert [row[:2] for row in table.rows] == [["other", "one"], ["one", "other"]]


def made_run(seed: int, images: image_sets.ImageSet) -> inspection_runs.SeedRun:
    """A run whose scores were drawn, higher for defective parts."""
    test = images.test
    scores = np.random.default_rng(seed).normal(size=len(test)) + test.is_defect
    figures = evaluation.evaluate(scored_images(test, {"score": scores[:, None]}, 0.5), images.product.costs)
    return inspection_runs.SeedRun(seed, 1, 1, 0.1, figures, figures, scores)


def test_anomaly_detection_beside_local_contrast(quick: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[image_sets.ImageSet] = []

    def trained(seed: int, images: image_sets.ImageSet, folder: Path, *, with_parity: bool) -> inspection_runs.SeedRun:
        assert not with_parity
        seen.append(images)
        return made_run(seed, images)

    monkeypatch.setattr(inspection_anomaly, "trained_with", trained)
    report = inspection_anomaly.run(replace(quick, sizes={**SIZES, "seeds": 2}))
    assert len(seen) == 2
    assert not any(part.is_defect.any() for images in seen for part in (images.training, images.validation))
    figures = {figure.name: figure for figure in report.figures}
    beside = figures["test AUROC beside local contrast"]
    expected = np.mean([auroc(made_run(seed, seen[0]).scores, seen[0].test.is_defect) for seed in (1, 2)])
    assert beside.ours == pytest.approx(expected)
    assert beside.baseline is not None
    assert 0 <= beside.baseline <= 1
    assert beside.ratio == pytest.approx(beside.ours / beside.baseline)
    json.dumps(report.as_json())


def test_defective_parts_are_kept_from_anomaly_detection(quick: Options) -> None:
    whole = image_sets.prepared("magnetic_tile", quick, method="anomaly")
    assert whole is not None
    assert whole.training.is_defect.any()
    sound = inspection_anomaly.sound_only(whole)
    assert not sound.training.is_defect.any()
    assert not sound.validation.is_defect.any()
    assert sound.training.masks is None
    assert sound.test.is_defect.any()
    assert len(sound.training) == int((~whole.training.is_defect).sum())


def test_sets_are_looked_for_where_they_may_be(quick: Options, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FACTORY_DATA", str(tmp_path))
    monkeypatch.setattr(image_sets, "PROJECT_ROOT", tmp_path / "checkout")
    for benchmark in (inspection_classification, inspection_segmentation, inspection_anomaly, inspection_golden_image):
        report = benchmark.run(quick)
        assert not report.figures
        assert "Not measured" in report.notes[0]
        assert report.name == benchmark.NAME


def test_a_quick_run_takes_few_images_and_a_full_one_all(quick: Options) -> None:
    few = image_sets.prepared("neu_steel", replace(quick, sizes={**SIZES, "images": 4}))
    whole = image_sets.prepared("neu_steel", replace(quick, is_quick=False, sizes={}))
    assert few is not None
    assert whole is not None
    assert (few.frame.height, whole.frame.height) == (16, 24)
    assert (few.product.input.width_px, whole.product.input.width_px) == (32, 128)
    assert (few.product.epochs, whole.product.epochs) == (1, None)
    assert "8 test images at 128 x 128 x 1" in whole.about()


def test_the_mean_over_seeds_has_an_interval_over_groups(quick: Options) -> None:
    images = image_sets.prepared("magnetic_tile", quick)
    assert images is not None
    test, made = images.test, [made_run(seed, images) for seed in (1, 2)]
    span = inspection_runs.over_seeds("auroc", made, test)
    assert span is not None
    assert span.value == pytest.approx(np.mean([auroc(run.scores, test.is_defect) for run in made]))
    assert span.low <= span.value <= span.high
    better = inspection_anomaly.advantage(made, -made[1].scores, test)
    assert float(better.split()[0]) == pytest.approx(span.value - auroc(-made[1].scores, test.is_defect), abs=1e-4)
