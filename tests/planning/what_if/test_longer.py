"""A horizon that goes on."""

from __future__ import annotations

from dataclasses import replace

from factory_assets.planning.what_if.longer import longer
from tests.planning.shop_made import shop

WEEK = 7 * 1440


def test_shifts_go_on_a_week_later() -> None:
    far = longer(shop())
    assert far is not None
    assert far.horizon_min == WEEK + 2880
    assert far.machine["press"].shifts == ((0, 480), (960, 1440), (WEEK, WEEK + 480), (WEEK + 960, WEEK + 1440))
    assert far.machine["oven"].shifts is None
    assert far.orders == shop().orders


def test_shifts_that_meet_at_the_horizon_are_one() -> None:
    problem = replace(shop(), horizon_min=WEEK)
    press = replace(problem.machine["press"], shifts=((-60, 480), (WEEK - 100, WEEK + 300)))
    far = longer(replace(problem, machines=(press,)))
    assert far is not None
    assert far.machine["press"].shifts == ((-60, 480), (WEEK - 100, WEEK + 480), (2 * WEEK - 100, 2 * WEEK))


def test_without_a_horizon_there_is_no_longer_one() -> None:
    assert longer(replace(shop(), horizon_min=None)) is None
