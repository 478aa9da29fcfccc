"""Planning in a process of its own gives what planning gives."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace
from multiprocessing import active_children

import pytest

from factory_assets.foundation.planning_settings import PlanningSettings
from factory_assets.planning.apart import PlanningDiedError, plan_apart
from factory_assets.planning.checking.checker import violations
from factory_assets.planning.incumbent import Progress
from factory_assets.planning.planner import CannotBePlannedError
from tests.planning.random_shops import random_problem
from tests.planning.shop_made import shop

SETTINGS = PlanningSettings(seconds=1, workers=1)


def test_the_plan_comes_back_and_progress_before_it() -> None:
    told: list[Progress] = []
    made = plan_apart(shop(), (), (), SETTINGS, kind="morning", on_progress=told.append)
    assert violations(made.problem, made.schedule) == []
    assert told


def test_what_clashes_is_raised_here() -> None:
    with pytest.raises(CannotBePlannedError, match="steel"):
        plan_apart(replace(shop(), supplies=()), (), (), SETTINGS, kind="morning")


def test_a_process_that_dies_is_told() -> None:
    def kill() -> None:
        while not (children := [one for one in active_children() if one.pid]):
            time.sleep(0.01)
        os.kill(children[0].pid or 0, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(PlanningDiedError, match="-9"):
        plan_apart(random_problem(1), (), (), SETTINGS.model_copy(update={"seconds": 60}), kind="morning")
    thread.join()
