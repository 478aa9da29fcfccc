from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory_assets.reference_plant import physics
from factory_assets.reference_plant.physics import STEP_H, Operation

USED = np.linspace(0, 1, 201)
shares = st.floats(0.01, 0.6)


def operation(is_running, severity=1.0):
    n = len(is_running)
    return Operation(
        is_running=np.asarray(is_running),
        settings={},
        ambient_degc=np.full(n, 22.0),
        severity=np.full(n, severity),
    )


@given(initial=shares, acceleration=st.floats(0.1, 4))
def test_self_accelerating_wear_runs_from_initial_to_one_ever_faster(initial, acceleration):
    wear = physics.self_accelerating(USED, initial, acceleration)
    assert wear[0] == pytest.approx(initial)
    assert wear[-1] == pytest.approx(1)
    assert np.all(np.diff(wear, 2) > -1e-12)
    # The differential equation, not the formula: the growth rate is an affine function of the wear.
    rate = np.gradient(wear, USED)[1:-1]
    slope = np.polyfit(wear[1:-1], rate, 1)
    assert slope[0] == pytest.approx(acceleration, rel=1e-2)


@given(initial=shares)
def test_spall_grows_with_its_size_to_the_power_of_three_halves(initial):
    spall = physics.paris_spall(np.linspace(0, 1, 2001), initial)
    assert spall[0] == pytest.approx(initial)
    assert spall[-1] == pytest.approx(1)
    rate = np.gradient(spall, 1 / 2000)[1:-1]
    exponent = np.polyfit(np.log(spall[1:-1]), np.log(rate), 1)[0]
    assert exponent == pytest.approx(1.5, rel=1e-2)


def test_exposure_counts_operating_time_before_the_step_only():
    used = physics.exposure(np.full(4, 2.0), operation([True, False, True, True], severity=1.5), 10.0)
    hour_share = 2.0 * 1.5 * STEP_H / 10.0
    assert used == pytest.approx([0, hour_share, hour_share, 2 * hour_share])


def test_leakage_goes_with_the_cube_of_the_gap_and_against_viscosity():
    def leak(gap, pressure, viscosity):
        return float(physics.gap_leakage_l_min(np.array(gap), np.array(pressure), np.array(viscosity), 30.0))

    assert leak(1.0, 160.0, 1.0) == pytest.approx(30)
    assert leak(0.5, 160.0, 1.0) == pytest.approx(30 / 8)
    assert leak(1.0, 80.0, 2.0) == pytest.approx(30 / 4)


def test_viscosity_follows_the_grades_two_points():
    ratio = physics.viscosity_ratio(np.array([40.0, 50.0, 100.0]))
    assert ratio[1] == pytest.approx(1)
    assert ratio[0] / ratio[2] == pytest.approx(46 / 6.8, rel=0.02)


def test_a_full_filter_has_sixteen_times_the_clean_pressure_drop():
    flow, viscosity = np.array([120.0, 120.0]), np.ones(2)
    clean, full = physics.filter_dp_bar(0.35, np.array([0.0, 1.0]), flow, viscosity)
    assert clean == pytest.approx(0.35)
    assert full == pytest.approx(16 * 0.35)


def test_kurtosis_peaks_at_a_middling_spall():
    spall = np.linspace(0, 1, 101)
    kurtosis = physics.spall_kurtosis(spall)
    assert spall[np.argmax(kurtosis)] == pytest.approx(0.35)
    assert kurtosis[0] == 0
    assert kurtosis[-1] < kurtosis.max() / 2


def test_lagged_response_reaches_63_percent_after_its_time_constant():
    target = np.where(np.arange(100) < 10, 0.0, 1.0)
    response = physics.lagged(target, 3.0)
    assert response[9] == pytest.approx(0)
    assert response[10 + 8] == pytest.approx(1 - np.exp(-1), abs=0.01)
    assert response[-1] == pytest.approx(1, abs=1e-3)


def test_wander_has_the_scale_that_it_was_given():
    knots = physics.wander(np.random.default_rng(0), 200_000, 2.0)[::144]
    assert knots.std() == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("force_kn", [800.0, 1400.0, 2100.0])
def test_oil_of_a_pump_about_to_fail_settles_where_heat_and_cooling_balance(force_kn):
    n = 300
    asked = {"force_setpoint_kn": np.full(n, force_kn), "stroke_rate_per_min": np.full(n, 8.0)}
    steady = Operation(
        is_running=np.ones(n, dtype=bool), settings=asked, ambient_degc=np.full(n, 22.0), severity=np.ones(n)
    )
    parameters = {"leakage_l_min": 28.0, "clean_filter_bar": 0.35}
    wear = {"pump_wear": np.ones(n), "filter_clogging": np.zeros(n)}
    temp_degc, leak_l_min, dp_bar = physics.settled_oil(parameters, steady, wear, np.full(n, 22.0))

    bar = force_kn / physics.CYLINDER_AREA_M2 / 100

    def surplus(at_degc):
        viscosity = float(physics.viscosity_ratio(np.array(at_degc)))
        leak = 28.0 * bar / 160 / viscosity
        dp = 0.35 * 80 / 120 * viscosity
        heat_kw = (0.25 * bar * 80 + bar * leak + dp * 80) / 600
        return 22 + physics.OIL_OVER_COOLER_K + physics.COOLER_K_PER_KW * heat_kw - at_degc

    low, high = 30.0, 75.0
    assert surplus(low) > 0 > surplus(high)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if surplus(middle) > 0 else (low, middle)
    assert temp_degc[-1] == pytest.approx(low, abs=0.2)
    assert leak_l_min[-1] > 10 * force_kn / 800
    assert dp_bar[-1] < 0.35
