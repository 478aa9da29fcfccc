"""What scored images say of a model: every figure, or why there is none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from factory_assets.foundation.products import Costs
from factory_assets.inspection.evaluation import (
    NO_DEFECTIVE_PARTS,
    NO_IMAGES,
    NO_SOUND_PARTS,
    NO_THRESHOLD,
    evaluate,
)
from tests.inspection.scores import drawn, scored

COSTS = Costs(false_reject=2, escape=50, defect_rate=0.1)
FIGURES = {"accuracy", "auroc", "recall_at_5_false_reject", "false_reject_rate", "escape_rate", "cost_per_part"}


def test_ok_or_not() -> None:
    images = scored([0.1, 0.2, 0.6, 0.3, 0.9, 0.4, 0.7], [False] * 4 + [True] * 3)
    found = evaluate(images, COSTS)
    assert found.images == 7
    assert found.accuracy is not None
    assert found.accuracy.value == pytest.approx(5 / 7)
    assert found.false_reject_rate is not None
    assert found.false_reject_rate.value == 0.25
    assert found.escape_rate is not None
    assert found.escape_rate.value == pytest.approx(1 / 3)
    assert found.cost_per_part == pytest.approx(0.9 * 0.25 * 2 + 0.1 / 3 * 50)
    assert found.confusion == {"dent": {"nok": 2, "ok": 1}, "ok": {"nok": 1, "ok": 3}}
    assert found.per_class == {
        "dent": {"images": 3, "rejected": pytest.approx(2 / 3)},
        "ok": {"images": 4, "rejected": 0.25},
    }
    assert found.undefined == {}
    assert found.per_image[2] == {
        "image": "2.png",
        "label": "ok",
        "verdict": "nok",
        "predicted": None,
        "score": 0.6,
    }


def test_a_classifier_with_an_ok_label() -> None:
    images = scored(
        [0.1, 0.2, 0.9, 0.8],
        [False, False, True, True],
        labels=("ok", "ok", "dent", "crack"),
        predicted=("ok", "dent", "dent", "dent"),
        probabilities=np.eye(4)[:, :3],
    )
    found = evaluate(images, COSTS)
    assert found.accuracy is not None
    assert found.accuracy.value == 0.5
    assert found.auroc is not None
    assert found.auroc.value == 1
    assert found.per_class["dent"]["recall"] == 1
    assert found.per_class["dent"]["precision"] == pytest.approx(1 / 3)
    assert found.per_class["crack"]["recall"] == 0
    assert found.per_class["crack"]["precision"] is None
    assert found.per_class["ok"]["rejected"] == 0
    assert found.per_image[1]["predicted"] == "dent"


def test_where_only_kinds_are_asked_for() -> None:
    images = scored([0] * 3, [True] * 3, threshold=None, labels=("a", "a", "b"), predicted=("a", "b", "b"))
    found = evaluate(images, COSTS)
    assert found.accuracy is not None
    assert found.undefined == {
        "auroc": NO_SOUND_PARTS,
        "recall_at_5_false_reject": NO_SOUND_PARTS,
        "false_reject_rate": NO_THRESHOLD,
        "escape_rate": NO_THRESHOLD,
        "cost_per_part": NO_THRESHOLD,
    }
    assert [entry["verdict"] for entry in found.per_image] == ["classified"] * 3


@pytest.mark.parametrize(
    ("bad", "undefined"),
    [
        ([True] * 3, {"false_reject_rate": NO_SOUND_PARTS, "cost_per_part": NO_SOUND_PARTS}),
        ([False] * 3, {"escape_rate": NO_DEFECTIVE_PARTS, "cost_per_part": NO_DEFECTIVE_PARTS}),
    ],
)
def test_one_kind_of_part_only(bad: list[bool], undefined: dict[str, str]) -> None:
    found = evaluate(scored([0.1, 0.6, 0.7], bad), COSTS)
    curves = dict.fromkeys(("auroc", "recall_at_5_false_reject"), next(iter(undefined.values())))
    assert found.undefined == undefined | curves
    assert found.accuracy is not None


def test_no_image_at_all() -> None:
    found = evaluate(scored([], []), COSTS)
    assert found.images == 0
    assert set(found.undefined) == FIGURES
    assert set(found.undefined.values()) == {NO_IMAGES}
    assert set(found.headline().values()) == {None}


@pytest.mark.parametrize("seed", range(3))
def test_plain_values_are_json_and_none_exactly_where_told(seed: int) -> None:
    kinds = [drawn(seed), scored([0.2, 0.3], [False, False]), scored([0], [True], threshold=None, predicted=("dent",))]
    plain = json.loads(json.dumps(evaluate(kinds[seed], COSTS).as_json(), allow_nan=False))
    assert {name for name in FIGURES if plain[name] is None} == set(plain["undefined"])
    for name, (low, high) in plain["intervals"].items():
        assert low <= plain[name] + 1e-9
        assert plain[name] <= high + 1e-9
    assert len(plain["per_image"]) == plain["images"]
