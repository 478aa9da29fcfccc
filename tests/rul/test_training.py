"""Training: what it refuses, that it repeats, that it learns, and that nothing is judged on what it was learnt from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from factory_assets.rul import training
from factory_assets.rul.evaluation import phm08_score, rmse
from factory_assets.rul.graph import write_graph
from factory_assets.rul.training import TrainingError
from tests.tiny_model import CAP_CYCLES, FLEET, archive, graph_bytes, train_tiny, trained, training_rows, training_set

SETTINGS = archive().rul_settings(FLEET)
TREES = {"contestants": ("trees",)}


def error(found: pl.DataFrame, name: str) -> float:
    """Of lives whose truth is known, against the capped truth."""
    known = found.filter(~pl.col("is_censored"))
    return rmse(known["rul_cycles"].clip(upper_bound=CAP_CYCLES).to_numpy(), known[name].to_numpy())


def test_test_rows_are_refused() -> None:
    with pytest.raises(TrainingError, match="test rows"):
        training.train(training_set(), SETTINGS, trained().inputs)


def test_training_rows_are_needed() -> None:
    with pytest.raises(TrainingError, match="got none: wait for failures"):
        training.train(training_set().clear(), SETTINGS, trained().inputs)


def test_other_channels_than_the_set_holds_are_refused() -> None:
    with pytest.raises(TrainingError, match="channels in order"):
        training.train(training_rows(), SETTINGS, trained().inputs[::-1])


def test_a_window_longer_than_every_history_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"longest life has 62 cycles.*window of 63.*lower rul\.window_cycles"):
        train_tiny(window_cycles=63, **TREES)


def test_lives_without_one_failure_teach_nothing() -> None:
    with pytest.raises(TrainingError, match="all lives of the training set are censored"):
        train_tiny(training_rows().with_columns(is_censored=True), **TREES)


def test_a_constant_target_teaches_nothing() -> None:
    with pytest.raises(TrainingError, match="remaining life is 30 cycles in all windows"):
        train_tiny(training_rows().filter(pl.col("rul_cycles") > CAP_CYCLES), **TREES)


def test_the_same_data_and_seed_give_the_same_model(tmp_path: Path) -> None:
    again = train_tiny()
    assert again.out_of_fold.equals(trained().out_of_fold)
    write_graph(again, tmp_path / "again.onnx")
    assert again.contestant == trained().contestant
    assert (tmp_path / "again.onnx").read_bytes() == graph_bytes(trained().contestant)


def test_every_contestant_learns_more_than_the_mean() -> None:
    for name, figures in trained().figures.items():
        assert figures["rmse_capped"] < 0.8 * figures["rmse_of_mean_capped"], name
    assert trained().skill == 1 - (
        trained().figures[trained().contestant]["rmse_capped"]
        / trained().figures[trained().contestant]["rmse_of_mean_capped"]
    )
    assert train_tiny(trees=200, **TREES).skill > 0.7


def test_figures_are_those_of_the_predictions_out_of_fold() -> None:
    found = trained().out_of_fold
    truth = found["rul_cycles"].clip(upper_bound=CAP_CYCLES).to_numpy()
    for name, figures in trained().figures.items():
        assert figures["rmse_capped"] == pytest.approx(error(found, name))
        expected = phm08_score(truth, found[name].to_numpy()) / found.height
        assert figures["phm08_per_window"] == pytest.approx(expected)
        assert found[name].is_between(0, CAP_CYCLES).all()


def test_the_best_contestant_out_of_fold_is_the_challenger() -> None:
    errors = {name: of["rmse_capped"] for name, of in trained().figures.items()}
    assert errors[trained().contestant] == min(errors.values())
    shares = trained().shares["ensemble"]
    assert sum(shares.values()) == pytest.approx(1)
    found = trained().out_of_fold
    for share in np.linspace(0, 1, 21):
        other = found.with_columns(mixed=share * pl.col("bilstm") + (1 - share) * pl.col("trees"))
        assert errors["ensemble"] <= error(other, "mixed") + 0.01


def test_folds_share_no_unit() -> None:
    assert trained().out_of_fold.group_by("unit_id").agg(pl.col("fold").n_unique())["fold"].to_list() == [1] * 16
    assert trained().out_of_fold["fold"].n_unique() == 3
    assert [len(members) for members in trained().members.values()] == [3, 3]


def test_a_unit_is_foretold_by_the_member_that_has_not_seen_it() -> None:
    # Were its own label to reach the member that foretells it, so would this lie.
    lie = pl.when(pl.col("unit_id") == "run-04").then(CAP_CYCLES - pl.col("rul_cycles")).otherwise("rul_cycles")
    honest, lied = (
        train_tiny(rows, **TREES).out_of_fold
        for rows in (training_rows(), training_rows().with_columns(rul_cycles=lie.clip(0)))
    )
    fold = honest.filter(unit_id="run-04").item(0, "fold")
    same = honest.filter(fold=fold)["trees"].equals(lied.filter(fold=fold)["trees"])
    others = pl.col("fold") != fold
    assert same
    assert not honest.filter(others)["trees"].equals(lied.filter(others)["trees"])


def cut(rows: pl.DataFrame, unit: str, cycles: int) -> pl.DataFrame:
    """The rows as if one unit's last cycles had not come yet."""
    is_it = pl.col("unit_id") == unit
    early = rows.filter(~is_it | (pl.col("rul_cycles") >= cycles))
    return early.with_columns(
        rul_cycles=pl.when(is_it).then(pl.col("rul_cycles") - cycles).otherwise("rul_cycles"), is_censored=is_it
    )


def test_a_censored_unit_is_learnt_from_and_never_scored() -> None:
    rows = cut(training_rows(), "run-16", 25)
    model = train_tiny(rows, **TREES)
    found = model.out_of_fold
    censored = found.filter("is_censored")
    assert set(censored["unit_id"]) == {"run-16"}
    assert censored["trees"].is_finite().all()
    assert model.figures["trees"]["rmse_capped"] == pytest.approx(error(found, "trees"))
    # Its bounds are far below the truth: scored as a truth they would cost.
    assert rmse(found["rul_cycles"].clip(upper_bound=CAP_CYCLES), found["trees"]) > error(found, "trees") + 0.1
    assert model.coverage["90"].units == 15
    assert max(model.calibration.units) <= 15
    without = train_tiny(rows.filter(pl.col("unit_id") != "run-16"), **TREES).out_of_fold
    others = found.filter(~pl.col("is_censored"))
    assert not others["trees"].equals(without["trees"])


def test_a_bound_taken_for_the_truth_would_shorten_predictions() -> None:
    rows = cut(training_rows(), "run-16", 25)
    bound, truth = (
        train_tiny(of, trees=100, **TREES).out_of_fold.filter(pl.col("unit_id") != "run-16")["trees"].mean()
        for of in (rows, rows.with_columns(is_censored=False))
    )
    assert bound > truth + 0.2


def test_what_is_asked_for_is_trained_and_told() -> None:
    told: list[str] = []
    plant = archive(contestants=["trees"], folds=2)
    rows = training_rows().with_columns(fold=pl.col("fold") % 2)
    model = training.train(rows, plant.rul_settings(FLEET), trained().inputs, on_progress=told.append)
    assert told == ["trees: 1 of 2 folds", "trees: 2 of 2 folds"]
    assert (model.contestant, model.weights, model.curves) == ("trees", {"trees": 1.0}, {})
    assert "bilstm" not in model.out_of_fold.columns
    assert len(trained().curves["bilstm_loss"]) == 2


def test_samples_are_spread_over_all_units_and_are_what_the_model_says() -> None:
    inputs, outputs = trained().samples
    assert len(inputs["window"]) == len(trained().windows.life_ids) == 376
    for name, array in trained().run(inputs).items():
        assert np.array_equal(outputs[name], array)
