"""Two schedules compared, by hand."""

from __future__ import annotations

from dataclasses import replace

from factory_assets.planning.what_if.difference import (
    Difference,
    LoadDifference,
    OrderDifference,
    TaskDifference,
    difference,
)
from tests.planning.shop_made import changed, schedule, shop


def test_equal_schedules_are_not_different() -> None:
    assert difference(shop(), schedule(), shop(), schedule()) == Difference((), (), 6, (), (), ())


def test_orders_tasks_and_loads_that_move_are_named() -> None:
    after = changed("A20", start_min=110, setup_start_min=110, end_min=990)
    found = difference(shop(), schedule(), shop(), after)
    assert [one.name for one in found.moved] == ["A20"]
    assert (found.moved_count, found.share_moved) == (1, 1 / 6)
    assert found.orders == ()
    assert found.loads == (), "it works as long as before"


def test_an_order_that_ends_later_costs_more() -> None:
    after = changed("A30", start_min=1440, setup_start_min=1440, end_min=1500)
    found = difference(shop(), schedule(), shop(), after)
    assert found.orders == (OrderDifference("A", 1460, 1500, 1400, 60, 100, 30.0, 50.0),)


def test_a_due_date_that_moves_is_a_difference_though_no_end_moves() -> None:
    problem = replace(shop(), orders=(replace(shop().orders[0], due_min=1460), shop().orders[1]))
    found = difference(shop(), schedule(), problem, schedule())
    assert found.orders == (OrderDifference("A", 1460, 1460, 1460, 60, 0, 30.0, 0.0),)


def test_maintenance_is_moved_or_left_out() -> None:
    moved = difference(shop(), schedule(), shop(), changed("M1", start_min=600, end_min=720))
    assert [(one.before.start_min, one.after.start_min) for one in moved.maintenance if one.before and one.after] == [
        (480, 600)
    ]
    good = schedule()
    without = replace(good, tasks=tuple(task for task in good.tasks if task.name != "M1"))
    left_out = difference(shop(), good, shop(), without)
    assert left_out.maintenance == (TaskDifference("M1", good.task["M1"], None),)
    assert left_out.moved_count == 1


def test_new_and_called_off_orders_are_told() -> None:
    only_a = replace(shop(), orders=shop().orders[:1])
    good = schedule()
    without = replace(good, tasks=tuple(task for task in good.tasks if not task.name.startswith("B")))
    gone = difference(shop(), good, only_a, without)
    assert gone.orders == (OrderDifference("B", 1460, None, None, 10, 0, 10.0, 0.0),)
    assert gone.movable == 4, "what is no longer asked for cannot be moved"
    new = difference(only_a, without, shop(), good)
    assert new.orders == (OrderDifference("B", None, 1460, 1450, 0, 10, 0.0, 10.0),)
    assert new.moved == ()
    called_off = difference(shop(), good, shop(), good, called_off={"B"})
    assert called_off.orders[0].end_after_min is None


def test_pinned_tasks_could_not_be_moved() -> None:
    problem = replace(shop(), pinned=schedule().tasks[:2])
    assert difference(shop(), schedule(), problem, schedule()).movable == 4


def test_a_task_that_stays_but_ends_later_is_told() -> None:
    assert difference(shop(), schedule(), shop(), changed("A20", end_min=1000)).longer == ("A20",)


def test_loads_are_of_the_same_span() -> None:
    closed = replace(shop().machine["mill"], shifts=((0, 480), (1000, 1440)))
    problem = replace(shop(), machines=tuple(closed if one.name == "mill" else one for one in shop().machines))
    found = difference(shop(), schedule(), problem, changed("A20", end_min=1020))
    assert found.loads == (LoadDifference("mill", 400, 400, 960, 920),)
    assert found.loads[0].load_before == 400 / 960
    assert found.loads[0].load_after == 400 / 920
