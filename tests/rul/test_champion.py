"""Who is champion of a fleet: deciding, approving, rejecting, rolling back, and what a person's no is worth."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from edge_runtime.bundle import write_golden
from factory_assets.foundation.champions import NoPreviousChampionError, Rivals
from factory_assets.rul import champion
from factory_assets.rul.champion import ChallengerChangedError, Decision, NothingWaitsError, Outcome
from factory_assets.rul.contenders import ModelNotWholeError, described, digest
from factory_assets.rul.promotion import Evidence
from factory_assets.rul.schema import CARD_FILE, GRAPH_FILE, OUT_OF_FOLD_FILE, SAMPLES_FILE
from tests.rul.contenders_made import THRESHOLDS, make, out_of_fold

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
FINE = Evidence(0.001)


class Room:
    """A fleet's folders and its record of decisions."""

    def __init__(self, folder: Path) -> None:
        self.rivals = Rivals(folder / "models" / "pumps", folder / "champions" / "pumps")
        self.history: list[dict[str, Any]] = []

    def train(self, sd: float, run_id: str = "run-1", **given: Any) -> None:
        make(self.rivals.challenger, sd, run_id=run_id, **given)

    def decide(self, approval: champion.Approval = "automatic", evidence: Evidence = FINE) -> Decision:
        found = champion.decide(
            self.rivals, fleet="pumps", approval=approval, thresholds=THRESHOLDS, evidence=evidence,
            history=self.history, now=NOW,
        )  # fmt: skip
        if found.outcome is Outcome.PROMOTED:
            champion.crown(self.rivals, found)
        return self.keep(found)

    def keep(self, decision: Decision) -> Decision:
        self.history.append(json.loads(json.dumps(decision.as_json())))
        return decision

    def approve(self, reason: str = "looks good") -> Decision:
        return self.keep(champion.approve(self.rivals, fleet="pumps", reason=reason, history=self.history, now=NOW))

    def reject(self, reason: str = "not now") -> Decision:
        return self.keep(champion.reject(self.rivals, fleet="pumps", reason=reason, history=self.history, now=NOW))

    def roll_back(self, reason: str = "false alarms") -> Decision:
        return self.keep(champion.roll_back(self.rivals, fleet="pumps", reason=reason, now=NOW))

    def runs(self) -> list[str | None]:
        folders = (self.rivals.champion, self.rivals.previous)
        return [(described(folder) or {}).get("run_id") for folder in folders]


@pytest.fixture
def room(tmp_path: Path) -> Room:
    found = Room(tmp_path)
    found.train(3.0)
    return found


def test_the_first_model_becomes_champion_and_everything_is_in_the_record(room: Room) -> None:
    decision = room.decide()
    assert decision.outcome is Outcome.PROMOTED
    assert decision.reason.startswith("there is no champion yet; the challenger: RMSE")
    assert digest(room.rivals.champion) == digest(room.rivals.challenger)
    assert room.runs() == ["run-1", None]
    line = room.history[0]
    assert (line["outcome"], line["fleet"], line["approval"]) == ("promoted", "pumps", "automatic")
    assert line["decided_by"]
    assert line["decided_utc"] == "2026-01-01T00:00:00+00:00"
    assert line["champion"] is None
    assert line["challenger"]["run_id"] == "run-1"
    assert line["challenger"]["data_sha256"] == "ab" * 32
    assert line["challenger"]["code_version"] == "c0de"
    assert line["challenger"]["figures"]["rmse_capped"] == 3.0
    assert line["thresholds"]["promotion"]["resamples"] == 400
    assert all(condition["passed"] for condition in line["conditions"])
    assert [condition["name"] for condition in line["conditions"]] == [
        "beats_the_mean", "not_worse_than_the_baseline", "coverage_80", "coverage_90", "parity", "golden_samples",
    ]  # fmt: skip


def test_the_same_model_again_stays_champion(room: Room) -> None:
    room.decide()
    room.train(3.0, "run-2")
    decision = room.decide()
    assert decision.outcome is Outcome.KEPT
    assert decision.reason.startswith("no better than noise: the challenger is the champion itself")
    assert room.runs() == ["run-1", None]


def test_a_better_one_is_promoted_and_one_within_the_noise_is_not(room: Room) -> None:
    room.decide()
    room.train(3.0, "run-2", name="other seed", frame=out_of_fold(3.0, seed=2))
    within = room.decide()
    assert within.outcome is Outcome.KEPT
    assert within.reason.endswith("no better than noise")
    room.train(1.0, "run-3")
    better = room.decide()
    assert better.outcome is Outcome.PROMOTED
    assert better.figures is not None
    assert better.figures["low"] > 0
    assert better.figures["units"] == 12
    assert better.champion is not None
    assert better.champion["run_id"] == "run-1"
    assert room.runs() == ["run-3", "run-1"]


def test_a_better_one_that_breaks_another_condition_stays_out(room: Room) -> None:
    room.decide()
    room.train(1.0, "run-2", coverage={"80": {"coverage": 0.6, "mean_width_cycles": 1.0}})
    lost = room.decide()
    assert lost.outcome is Outcome.KEPT
    assert "60.0% of windows" in lost.reason
    room.train(1.0, "run-3")
    assert "graph and trainer differ by 0.5 cycles" in room.decide(evidence=Evidence(0.5)).reason
    assert "golden samples fail: cut" in room.decide(evidence=Evidence(0.001, "cut")).reason
    assert room.runs() == ["run-1", None]


def _no_card(folder: Path) -> None:
    (folder / CARD_FILE).unlink()


def _other_version(folder: Path) -> None:
    (folder / CARD_FILE).write_text('{"epochs_trained": 14}')


def _no_graph(folder: Path) -> None:
    (folder / GRAPH_FILE).unlink()


def _damaged_table(folder: Path) -> None:
    (folder / OUT_OF_FOLD_FILE).write_bytes(b"PAR1 but no more")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_no_card, "model.json is not there"),
        (_other_version, "breaks the contract"),
        (_no_graph, "model.onnx is not there"),
        (_damaged_table, "cannot be read"),
        (lambda folder: make(folder, window_cycles=20), "it takes windows of 20 cycles, not 12"),
        (lambda folder: make(folder, cap_cycles=125), "its cap is 125 cycles, not 30"),
        (lambda folder: make(folder, inputs=[{"name": "oil", "unit": "degC"}]), r"other channels or units (oil, vib"),
        (lambda folder: make(folder, frame=out_of_fold(3.0).drop("ensemble")), "lacks the column(s) ensemble"),
    ],
)
def test_a_champion_that_cannot_defend_itself_loses_its_place(
    room: Room, spoil: Callable[[Path], object], told: str
) -> None:
    room.decide()
    spoil(room.rivals.champion)
    room.train(4.0, "run-2")
    decision = room.decide()
    assert decision.outcome is Outcome.PROMOTED, decision.reason
    assert told in (decision.cannot_defend or "")
    assert decision.reason.startswith("the champion cannot defend itself")
    assert room.runs() == ["run-2", "run-1"]


@pytest.mark.parametrize("spoil", [_no_card, _no_graph, _damaged_table])
def test_a_challenger_that_is_not_whole_is_an_error(room: Room, spoil: Callable[[Path], object]) -> None:
    spoil(room.rivals.challenger)
    with pytest.raises(ModelNotWholeError):
        room.decide()


def test_a_person_may_have_to_approve(room: Room) -> None:
    waits = room.decide("person")
    assert waits.outcome is Outcome.WAITS
    assert room.runs() == [None, None]
    done = room.approve("vibration team agrees")
    assert (done.outcome, done.reason) == (Outcome.PROMOTED, "vibration team agrees")
    assert done.conditions == waits.conditions
    assert room.runs() == ["run-1", None]
    with pytest.raises(NothingWaitsError, match="the last decision was: promoted"):
        room.approve()


def test_nothing_can_be_approved_before_anything_was_decided(room: Room) -> None:
    with pytest.raises(NothingWaitsError, match="nothing was decided yet"):
        room.approve()


def test_what_was_trained_after_the_judgement_is_not_approved(room: Room) -> None:
    room.decide("person")
    room.train(2.0, "run-2")
    with pytest.raises(ChallengerChangedError, match=r"run run-1\) is not the one that is there now \(run run-2"):
        room.approve()
    assert room.runs() == [None, None]


def test_a_challenger_is_not_approved_over_another_champion_than_it_was_compared_with(room: Room) -> None:
    room.decide()
    room.train(1.0, "run-2")
    room.decide("person")
    make(room.rivals.champion, 0.5, run_id="run-3")
    with pytest.raises(ChallengerChangedError):
        room.approve()


def test_an_approval_that_a_crash_cut_off_after_crowning_can_be_repeated(room: Room) -> None:
    room.decide()
    room.train(1.0, "run-2")
    waits = room.decide("person")
    champion.crown(room.rivals, waits)
    room.approve()
    assert room.runs() == ["run-2", "run-1"]


def test_a_challenger_that_changes_while_it_is_crowned_is_not(room: Room) -> None:
    decision = room.decide("person")
    room.train(2.0, "run-2")
    with pytest.raises(ChallengerChangedError):
        champion.crown(room.rivals, decision)
    assert room.runs() == [None, None]
    assert not list(room.rivals.champion.parent.iterdir())


def test_a_rejected_model_is_not_proposed_again_but_another_is(room: Room) -> None:
    room.decide("person")
    assert room.reject("sensor was being replaced").outcome is Outcome.REJECTED
    room.train(3.0, "run-2")
    again = room.decide("person")
    assert again.outcome is Outcome.KEPT
    assert "on 2026-01-01: sensor was being replaced" in again.reason
    room.train(2.0, "run-3")
    assert room.decide("person").outcome is Outcome.WAITS


def test_rolling_back_brings_the_previous_champion_back_and_the_other_stays_out(room: Room) -> None:
    room.decide()
    room.train(1.0, "run-2")
    room.decide()
    back = room.roll_back()
    assert (back.outcome, back.reason) == (Outcome.ROLLED_BACK, "false alarms")
    assert (back.challenger["run_id"], (back.champion or {})["run_id"]) == ("run-1", "run-2")
    assert room.runs() == ["run-1", "run-2"]
    again = room.decide()
    assert again.outcome is Outcome.KEPT
    assert "this very model was rolled back" in again.reason
    room.roll_back("it was the sensor after all")
    assert room.runs() == ["run-2", "run-1"]
    # What was taken back and put back is judged like any other model.
    room.train(3.0, "run-1")
    assert "was rolled back" in room.decide().reason
    room.train(0.3, "run-3")
    assert room.decide().outcome is Outcome.PROMOTED


def test_there_may_be_nothing_to_roll_back_to(room: Room) -> None:
    with pytest.raises(NoPreviousChampionError, match="pumps has no previous champion"):
        room.roll_back()
    room.decide()
    with pytest.raises(NoPreviousChampionError):
        room.roll_back()
    room.train(1.0, "run-2")
    room.decide()
    (room.rivals.previous / GRAPH_FILE).unlink()
    with pytest.raises(ModelNotWholeError, match=r"cannot be put back: model.onnx is not there"):
        room.roll_back()
    assert room.runs() == ["run-2", "run-1"]


def test_a_champion_whose_graph_cannot_be_run_cannot_defend_itself(room: Room) -> None:
    room.decide()
    write_golden(
        room.rivals.champion / SAMPLES_FILE, {"window": np.ones((2, 3), np.float32)}, {"rul_cycles": np.ones((2, 1))}
    )
    evidence = champion.measured(room.rivals.champion)
    assert np.isnan(evidence.parity_cycles)
    assert "model.onnx cannot be run on validation.npz" in (evidence.golden_failure or "")
    room.train(4.0, "run-2")
    decision = champion.decide(
        room.rivals, fleet="pumps", approval="automatic", thresholds=THRESHOLDS, evidence=FINE, history=room.history,
        now=NOW, champion_evidence=evidence,
    )  # fmt: skip
    assert decision.outcome is Outcome.PROMOTED
    assert decision.cannot_defend == evidence.golden_failure


def test_a_graph_is_measured_on_its_golden_samples(tmp_path: Path) -> None:
    names = "a", "rul_cycles"
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 1]) for name in names]
    graph = helper.make_graph([helper.make_node("Neg", ["a"], ["rul_cycles"])], "model", made[:1], made[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / GRAPH_FILE).write_bytes(model.SerializeToString())
    inputs = np.ones((3, 1), np.float32)
    write_golden(tmp_path / SAMPLES_FILE, {"a": inputs}, {"rul_cycles": -inputs + np.float32(0.25)})
    assert champion.measured(tmp_path) == Evidence(0.25)


def test_a_champion_must_go_on_keeping_its_promises(room: Room) -> None:
    def kept(evidence: Evidence | None = FINE) -> dict[str, bool]:
        found = champion.promises(room.rivals.champion, THRESHOLDS, evidence)
        return {condition.name: condition.passed for condition in found}

    assert kept() == {"there_is_a_champion": False}
    nothing = digest(room.rivals.champion)
    room.decide()
    assert digest(room.rivals.champion) != nothing
    assert kept() == dict.fromkeys(("coverage_80", "coverage_90", "parity", "golden_samples"), True)
    assert not kept(Evidence(1.0))["parity"]
    _no_card(room.rivals.champion)
    assert kept() == {"is_whole": False}
