"""What-ifs of the small shop, from question to answer."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from factory_assets.planning.checking.checker import violations
from factory_assets.planning.costs import risk_at
from factory_assets.planning.what_if import trial_document, trial_shown
from factory_assets.planning.what_if.base import ScheduleOverError, minute_asked
from factory_assets.planning.what_if.changes import (
    Change,
    ExtraDelivery,
    ExtraShift,
    LateDelivery,
    MaintenanceAt,
    NewDue,
    NoMaintenance,
    RushOrder,
    Stop,
    WithoutOrder,
)
from factory_assets.planning.what_if.trial import Trial, try_out
from tests.planning.what_if.bases import CLOCK, SETTINGS, base, two_presses

BASE = base()


def ask(*changes: Change, now: int = 0, anew: bool = False) -> Trial:
    return try_out(BASE, changes, SETTINGS, now_min=now, anew=anew, seconds=0.3)


def text(trial: Trial) -> str:
    """All that a terminal shows."""
    from rich.console import Console

    console = Console(width=300, highlight=False, markup=False)
    with console.capture() as shown:
        console.print(trial_shown.asked(trial))
        for table in trial_shown.tables(trial, "EUR"):
            console.print(table)
        console.print(trial_shown.answer(trial, "EUR"))
    return shown.get()


@pytest.mark.parametrize("anew", [False, True])
@pytest.mark.parametrize(
    "changes",
    [
        (),
        (Stop("press", 0, 60),),
        (Stop("tom", 100, 400),),
        (ExtraShift("press", 480, 600), ExtraShift("ann", 480, 600)),
        (RushOrder("B", 0.5, 900), ExtraDelivery("steel", 5, 30)),
        (WithoutOrder("A"),),
        (NewDue("A", 900),),
        (LateDelivery("steel", 120),),
        (MaintenanceAt("press", 470),),
        (NoMaintenance("press"),),
        (Stop("oven", 1300, 1500), NewDue("B", 1000)),
    ],
)
def test_every_answer_keeps_to_everything(changes: tuple[Change, ...], anew: bool) -> None:
    trial = ask(*changes, anew=anew)
    assert trial.after is not None
    assert trial.difference is not None
    assert violations(trial.problem, trial.after, objective="cost") == []
    assert "Nothing was changed" in text(trial)
    assert trial_document.document(trial, "EUR")["feasible"] is True


def test_the_difference_is_that_of_the_costs() -> None:
    trial = ask(NewDue("A", 900))
    assert trial.after is not None
    late = trial_document.document(trial, "EUR")["difference"]["cost"]["lateness"]
    assert late == pytest.approx(trial.after.cost.lateness - trial.before.cost.lateness)
    assert late > 0
    assert "late now" in text(trial) or "in time" not in text(trial)


def test_a_rush_order_is_told_with_its_end() -> None:
    trial = ask(RushOrder("B", 0.5, 900), ExtraDelivery("steel", 5, 30))
    assert trial.after is not None
    end = max(task.end_min for task in trial.after.tasks if task.name.startswith("rush-1"))
    assert f"rush-1 ends {CLOCK.words(end)}, " in text(trial)
    assert "new" in text(trial)


def test_what_comes_of_placing_anew_is_not_blamed_on_the_change() -> None:
    assert "--anew alone shows how much" in text(ask(NewDue("A", 900), anew=True))
    assert "--anew alone" not in text(ask(NewDue("A", 900)))


def test_nothing_asked_moves_nothing() -> None:
    trial = ask()
    assert trial.difference is not None
    assert trial.difference.moved_count == 0
    assert "It costs the same. No order ends at another time." in text(trial)


def test_what_has_begun_stays_when_something_stops_later() -> None:
    begun = {task.name for task in BASE.schedule.tasks if task.setup_start_min < 300}
    trial = ask(Stop("mill", 400, 500), now=300)
    assert trial.difference is not None
    assert not begun & {one.name for one in trial.difference.moved}


def test_maintenance_that_is_left_out_is_paid_for() -> None:
    optional = base(maintenance=(replace(BASE.problem.maintenance[0], latest_min=None),))
    trial = try_out(optional, [NoMaintenance("press")], SETTINGS, now_min=0, seconds=0.3)
    assert trial.after is not None
    assert "M1" not in trial.after.task
    assert trial.after.cost.risk == risk_at(BASE.problem.maintenance[0], None)


def test_bounds_are_of_what_is_shown() -> None:
    trial = ask(NewDue("A", 900), anew=True)
    assert trial.after is not None
    for one in (trial.before, trial.after):
        assert one.lower_bound is not None
        assert one.lower_bound <= one.cost.total + 1e-6
    assert "proven: no schedule costs less than" in text(trial)


def test_what_does_not_fit_in_the_horizon_is_told_with_the_weeks_after_it() -> None:
    trial = ask(Stop("mill", 300, 1440))
    assert trial.after is not None
    assert any("no schedule was found that ends by Wed 7 Oct 06:00" in note for note in trial.notes)
    assert violations(trial.problem, trial.after, objective="cost") == []


def test_what_cannot_be_is_explained() -> None:
    trial = ask(RushOrder("A", 50, 900))
    assert trial.after is None
    shown = text(trial)
    assert "It cannot be" in shown
    assert "steel" in shown
    document = trial_document.document(trial, "EUR")
    assert (document["feasible"], document["after"], document["difference"]) == (False, None, None)
    assert document["clashes"]


def test_work_goes_elsewhere_when_a_machine_stops() -> None:
    there = base(**{name: getattr(two_presses(), name) for name in ("machines", "orders")})
    used = there.schedule.task["B10"]
    stop = Stop(used.machine, used.setup_start_min, 480)
    trial = try_out(there, [stop], SETTINGS, now_min=0, seconds=0.3)
    assert trial.difference is not None
    assert "B10" in {one.name for one in trial.difference.moved}
    assert f"{used.machine} -> " in text(trial) or "later" in text(trial)


def test_now_is_within_the_schedule() -> None:
    def at(minute: int) -> dt.datetime:
        return CLOCK.moment(minute)

    assert minute_asked(BASE, None, at(90)) == 90
    assert minute_asked(BASE, None, at(-90)) == 0, "a schedule that is to begin changes from its beginning on"
    assert minute_asked(BASE, "2026-10-05T07:00", at(90)) == 60
    with pytest.raises(ScheduleOverError, match="ask of a time within it"):
        minute_asked(BASE, "2026-10-05T05:00", at(90))
    with pytest.raises(ScheduleOverError, match="materialise daily_schedule"):
        minute_asked(BASE, None, at(10000))
