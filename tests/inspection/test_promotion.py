"""A challenger must earn its place on the same images: what is worse, or no better, is refused."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pytest

from factory_assets.foundation.products import Costs
from factory_assets.inspection.figures import ScoredImages
from factory_assets.inspection.promotion import Decision, NotComparableError, decide
from tests.inspection.scores import drawn, scored

COSTS = Costs(false_reject=1, escape=20, defect_rate=0.02)
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def decision(champion: ScoredImages | None, challenger: ScoredImages, costs: Costs = COSTS) -> Decision:
    return decide(champion, challenger, costs, decided_by="someone", decided_utc=NOW)


def judged(rejected: list[int], *, sound: int = 50, bad: int = 20, **given: Any) -> ScoredImages:
    """Images of which those at some places are rejected; the defective ones come last."""
    scores = np.zeros(sound + bad)
    scores[rejected] = 1
    return scored(scores, np.arange(sound + bad) >= sound, **given)


ALL_BAD = list(range(50, 70))


def test_the_first_model_becomes_champion() -> None:
    found = decision(None, judged(ALL_BAD[1:]))
    assert found.promote
    assert found.reason == "there is no champion yet"
    assert found.figures == {"challenger_cost": pytest.approx(0.02 * 20 / 20)}
    assert (found.images, found.decided_by) == (70, "someone")


def test_an_equal_challenger_is_refused() -> None:
    found = decision(judged(ALL_BAD), judged(ALL_BAD))
    assert not found.promote
    assert found.reason.startswith("both judge every image alike")
    # Other scores with the same verdicts change nothing at the line.
    images = drawn(1)
    other = scored(np.where(images.is_rejected, 0.9, 0.1), images.is_defect)
    assert not decision(images, other).promote


def test_a_clearly_worse_challenger_is_refused() -> None:
    found = decision(judged(ALL_BAD), judged(ALL_BAD[10:]))
    assert not found.promote
    assert found.reason.startswith("the challenger is worse")
    assert found.figures["difference_low"] > 0
    assert found.figures["challenger_cost"] - found.figures["champion_cost"] == pytest.approx(0.02 * 20 * 0.5)


def test_a_clearly_better_challenger_is_promoted() -> None:
    found = decision(judged(ALL_BAD[10:]), judged(ALL_BAD))
    assert found.promote
    assert found.figures["difference_high"] < 0


def test_better_within_the_noise_is_promoted_and_worse_within_it_is_not() -> None:
    one, other = judged([0, *ALL_BAD[1:]]), judged([0, 1, *ALL_BAD])
    found = decision(one, other)
    assert found.figures["challenger_cost"] < found.figures["champion_cost"]
    assert found.figures["difference_low"] < 0 < found.figures["difference_high"]
    assert found.promote
    back = decision(other, one)
    assert not back.promote
    assert back.reason.startswith("the challenger is no better")


def test_what_is_better_depends_on_costs() -> None:
    careful, lax = judged([*range(10), *ALL_BAD]), judged(ALL_BAD[4:])
    assert decision(lax, careful, Costs(escape=1000)).promote
    assert not decision(lax, careful, Costs(escape=1)).promote
    assert decision(careful, lax, Costs(escape=1)).promote


def test_parts_that_err_together_count_once() -> None:
    groups = tuple("one part" if number >= 50 else f"part {number}" for number in range(70))
    alone = decision(judged(ALL_BAD), judged(ALL_BAD[10:]))
    together = decision(judged(ALL_BAD, groups=groups), judged(ALL_BAD[10:], groups=groups))
    width = [found.figures["difference_high"] - found.figures["difference_low"] for found in (alone, together)]
    assert width[1] > 1.5 * width[0]


def test_where_only_kinds_are_asked_for_wrong_labels_count() -> None:
    def kinds(right: int) -> ScoredImages:
        said = tuple("dent" if number < right else "crack" for number in range(40))
        return scored(np.zeros(40), np.ones(40), threshold=None, labels=("dent",) * 40, predicted=said)

    assert decision(kinds(20), kinds(38)).promote
    assert not decision(kinds(38), kinds(20)).promote
    assert decision(kinds(38), kinds(38)).reason.startswith("both judge every image alike")


def test_other_images_cannot_be_compared() -> None:
    with pytest.raises(NotComparableError, match="the champion was scored on 70 images, the challenger on 70 others"):
        decision(judged(ALL_BAD, image_ids=tuple(f"other {n}" for n in range(70))), judged(ALL_BAD))
    with pytest.raises(NotComparableError, match="there is no image to compare models on"):
        decision(None, scored([], []))


@pytest.mark.parametrize("bad", [True, False])
def test_one_kind_of_part_is_enough_to_compare(bad: bool) -> None:
    good, worse = scored([float(bad)] * 20, [bad] * 20), scored([float(not bad)] * 20, [bad] * 20)
    assert decision(worse, good).promote
    assert not decision(good, worse).promote


def test_a_decision_is_json_and_repeats() -> None:
    plain = decision(drawn(1), drawn(2)).as_json()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["decided_utc"] == "2026-01-01T00:00:00+00:00"
    assert decision(drawn(1), drawn(2)).as_json() == plain
