"""Predictions against the known truth, and which bundle predicts which rows."""

from __future__ import annotations

import numpy as np
import pytest

from edge_runtime.bundle import OutputSpec, Regimes, load_manifest
from edge_runtime.engine import open_engine
from edge_runtime.errors import InputError, RefusedError
from edge_runtime.rul.predict import BATCH_UNITS, channel_names, predict, route
from edge_runtime.rul.readings import Readings, Row, Table


def readings_of(units: int) -> Readings:
    rng = np.random.default_rng(units)
    unit_ids = tuple(f"u{index}" for index in range(units) for _ in range(3))
    return Readings(
        unit_ids=unit_ids,
        cycles=np.tile(np.array([1, 2, 5]), units),
        values=rng.normal(10, 3, (3 * units, 3)).astype(np.float32),
    )


@pytest.mark.parametrize("units", [1, BATCH_UNITS, BATCH_UNITS + 1])
def test_every_unit_gets_the_truth_of_its_last_cycle(tmp_path, bundle_maker, truth, units):
    manifest = bundle_maker(tmp_path)
    readings = readings_of(units)
    found = predict(open_engine(tmp_path, manifest, "cpu"), manifest, readings)
    expected = truth(readings.values[2::3][:, None, :], np.full((units, 1), 5, np.float32))
    assert [entry["unit_id"] for entry in found] == [f"u{index}" for index in range(units)]
    assert {entry["cycle"] for entry in found} == {5}
    np.testing.assert_allclose([entry["rul_cycles"] for entry in found], expected[:, 0], rtol=1e-5, atol=1e-4)


def test_a_prediction_that_is_no_number_is_refused(tmp_path, bundle_maker):
    class Broken:
        target, precision = "cpu", "fp32"

        def run(self, inputs):
            return {"rul_cycles": np.full((len(inputs["window"]), 1), np.nan, np.float32)}

    with pytest.raises(RefusedError, match="u0"):
        predict(Broken(), bundle_maker(tmp_path), readings_of(2))


LEVELS = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)


class WithQuantiles:
    """An engine whose prediction is the age, and whose quantiles lie around it as told."""

    target, precision = "cpu", "fp32"

    def __init__(self, *offsets):
        self.offsets = np.array(offsets, np.float32)

    def run(self, inputs):
        age = inputs["age_cycles"]
        return {"rul_cycles": age, "rul_quantiles_cycles": age + self.offsets}


def with_quantiles(manifest, levels=LEVELS):
    output = OutputSpec(
        name="rul_quantiles_cycles", dtype="float32", shape=("batch", len(levels)), unit="cycles", levels=levels
    )
    return manifest.model_copy(update={"outputs": (*manifest.outputs, output)})


@pytest.mark.parametrize("units", [1, BATCH_UNITS + 1])
def test_the_interval_is_read_from_the_quantiles(tmp_path, bundle_maker, units):
    manifest = with_quantiles(bundle_maker(tmp_path))
    found = predict(WithQuantiles(-4, -3, -2, 0, 2, 3, 4), manifest, readings_of(units))
    assert len(found) == units
    for entry in found:
        bounds = [entry[f"rul_{end}_{share}_cycles"] for share in (90, 80) for end in ("low", "high")]
        assert (entry["rul_cycles"], bounds) == (5, [1, 9, 2, 8])


def test_levels_that_the_bundle_does_not_give_are_null(tmp_path, bundle_maker):
    manifest = with_quantiles(bundle_maker(tmp_path), (0.10, 0.5, 0.90))
    (found,) = predict(WithQuantiles(-3, 0, 3), manifest, readings_of(1))
    assert (found["rul_low_80_cycles"], found["rul_high_80_cycles"]) == (2, 8)
    assert (found["rul_low_90_cycles"], found["rul_high_90_cycles"]) == (None, None)


def test_a_bundle_without_quantiles_gives_no_interval(tmp_path, bundle_maker):
    manifest = bundle_maker(tmp_path)
    (found,) = predict(open_engine(tmp_path, manifest, "cpu"), manifest, readings_of(1))
    assert found["rul_cycles"] is not None
    assert {found[name] for name in found if "_low_" in name or "_high_" in name} == {None}


def test_a_refused_unit_has_no_interval_either(tmp_path, bundle_maker):
    manifest = with_quantiles(bundle_maker(tmp_path))
    setting = channel_names(manifest)[0]
    regimes = Regimes(channels=(setting,), scale=(1.0,), centres=((4000.0,),), reach=(1.0,))
    (found,) = predict(WithQuantiles(*range(7)), manifest.model_copy(update={"regimes": regimes}), readings_of(1))
    assert found["refused"] is not None
    assert {value for name, value in found.items() if name.startswith("rul_")} == {None}


def test_a_bound_that_is_no_number_is_refused(tmp_path, bundle_maker):
    manifest = with_quantiles(bundle_maker(tmp_path))
    with pytest.raises(RefusedError, match=r"predicts 5\.0, .*nan.* for unit u0"):
        predict(WithQuantiles(np.nan, 0, 0, 0, 0, 0, 0), manifest, readings_of(1))


@pytest.fixture
def bundles(tmp_path, bundle_maker):
    made = {"F1": ("a", "b"), "F2": ("a", "b"), "F3": ("a", "c")}
    for fleet, channels in made.items():
        bundle_maker(tmp_path / fleet, fleet=fleet, channels=channels)
    return {f"rul-{fleet}": load_manifest(tmp_path / fleet / "manifest.json") for fleet in made}


def table(header: str, *rows: str) -> Table:
    return Table("in.csv", tuple(header.split(",")), tuple(Row(i, tuple(r.split(","))) for i, r in enumerate(rows, 2)))


def test_named_bundle_wins(bundles):
    rows = table("unit_id,cycle,a,b,fleet", "u,1,1,1,F1")
    assert route(rows, bundles, "rul-F2") == {"rul-F2": rows}
    with pytest.raises(InputError, match="rul-F1, rul-F2, rul-F3"):
        route(rows, bundles, "rul-F9")


def test_fleet_column_splits_the_rows(bundles):
    parts = route(table("unit_id,cycle,a,b,c,fleet", "u,1,1,1,1,F3", "v,1,1,1,1,F1", "u,2,1,1,1,F3"), bundles)
    assert {name: [row.line for row in part.rows] for name, part in parts.items()} == {"rul-F3": [2, 4], "rul-F1": [3]}


def test_only_bundle_whose_channels_are_there(bundles):
    rows = table("unit_id,cycle,c,a", "u,1,1,1")
    assert route(rows, bundles) == {"rul-F3": rows}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (table("unit_id,cycle,a,b", "u,1,1,1"), "rul-F1, rul-F2 / choose one with --bundle"),
        (table("unit_id,cycle,a", "u,1,1"), "rul-F1 needs b.*rul-F3 needs c"),
        (table("unit_id,cycle,a,b,fleet", "u,1,1,1,F9"), "line 2: column 'fleet'.*F9.*F1, F2, F3"),
        (table("unit_id,cycle,a,b,fleet", "u,1,1,1,F1", "u,2,1,1,F2"), "line 3: column 'fleet': unit u"),
    ],
)
def test_what_cannot_be_decided_is_said(bundles, rows, message):
    with pytest.raises(InputError, match=message):
        route(rows, bundles)


def test_two_bundles_for_one_fleet_need_a_choice(bundles):
    with pytest.raises(InputError, match="--bundle"):
        route(table("unit_id,cycle,a,b,fleet", "u,1,1,1,F1"), {**bundles, "zz": bundles["rul-F1"]})


def test_a_unit_in_a_regime_that_was_never_trained_is_refused_alone(tmp_path, bundle_maker):
    manifest = bundle_maker(tmp_path)
    setting = channel_names(manifest)[0]
    regimes = Regimes(channels=(setting,), scale=(1.0,), centres=((10.0,),), reach=(9.0,))
    manifest = manifest.model_copy(update={"regimes": regimes})
    readings = readings_of(2)
    readings.values[3:, 0] = 400.0
    usual, odd = predict(open_engine(tmp_path, manifest, "cpu"), manifest, readings)
    assert (usual["refused"], odd["rul_cycles"]) == (None, None)
    assert odd["refused"].startswith(f"unseen_regime: {setting} = 400")
    assert usual["rul_cycles"] is not None
