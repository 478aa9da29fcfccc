"""The page holds everything, asks nothing of a network, and works in a real browser; the picture is one."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from factory_assets.planning.problem import Cost, Machine, Mode, Operation, Order, Problem, Schedule, Task
from factory_assets.planning.showing.gantt import gantt_page, gantt_picture
from factory_assets.planning.showing.gantt_data import chart_data
from tests.chromium import headless, needs_browser
from tests.planning.shop_made import START, schedule, shop

NOW = START + dt.timedelta(minutes=200)


def data() -> dict[str, Any]:
    return chart_data(shop(), schedule(), time_zone="Europe/Berlin", now_utc=NOW)


def page() -> str:
    return gantt_page(shop(), schedule(), title="Plan <of> Monday", time_zone="Europe/Berlin", now_utc=NOW)


def test_the_data_holds_all_that_is_shown() -> None:
    shown = data()
    assert [(one["name"], one["late_min"]) for one in shown["orders"]] == [("A", 60), ("B", 10)]
    assert shown["orders"][0]["why"].startswith("9 h 20 of work")
    assert (shown["low"], shown["high"], shown["now_min"]) == (0, 1489, 200)
    tasks = {task["name"]: task for task in shown["tasks"]}
    assert tasks["A20"]["parts"] == [(100, 480), (960, 980)]
    assert tasks["B10"]["setup_parts"] == [(150, 180)]
    assert (tasks["M1"]["order"], tasks["A30"]["batch"]) == (None, "heat")
    assert shown["machines"][0]["closed"] == [(480, 960), (1440, 1489)]
    assert [day["long"] for day in shown["days"]] == ["Mon 5 Oct", "Tue 6 Oct"]
    assert shown["days"][0]["at"] == -360  # Monday's midnight in Berlin is at 22 o'clock UTC
    assert ("Late orders", "2, 1 h 10", "late") in shown["figures"]


def test_days_with_a_change_of_clocks_are_not_24_hours() -> None:
    autumn = replace(shop(), start_utc=dt.datetime(2026, 10, 24, 22, tzinfo=dt.UTC))
    days = chart_data(autumn, schedule(), time_zone="Europe/Berlin", now_utc=None)["days"]
    assert [day["at"] for day in days] == [0]
    longer = replace(schedule(), tasks=(*schedule().tasks, Task("x", "press", 1500, 1500, 1600)))
    more = replace(autumn, orders=(*autumn.orders, order_x()))
    days = chart_data(more, longer, time_zone="Europe/Berlin", now_utc=None)["days"]
    assert [day["at"] for day in days] == [0, 1500]


def order_x() -> Order:
    return Order("X", (Operation("x", (Mode("press", 100),)),))


def test_what_is_proven_is_said_and_nothing_more() -> None:
    def proven(made: Schedule) -> str:
        figures = chart_data(shop(), made, time_zone="UTC", now_utc=None)["figures"]
        return next(value for name, value, _ in figures if name == "Proven")

    assert proven(replace(schedule(), lower_bound=None)) == "nothing"
    assert proven(schedule()) == "gap at most 27.8%"
    assert proven(replace(schedule(), lower_bound=schedule().cost.total)) == "best"


def test_the_page_asks_nothing_of_a_network_and_names_cannot_break_out() -> None:
    nasty = "</script><script>alert(1)</script>"
    order = Order(nasty, (Operation(f"{nasty}/10", (Mode("m", 10),)),))
    problem = Problem(START, (Machine("m"),), (order,))
    text = gantt_page(problem, Schedule((Task(f"{nasty}/10", "m", 0, 0, 10),), Cost(), 10), title=nasty)
    assert text.count("<script") == text.count("</script>") == 2
    assert "&lt;/script&gt;" in text
    assert "default-src 'none'" in text
    addresses = set(re.findall(r"https?://[^\"' )]+", text))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a namespace, which nobody fetches
    held = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert held is not None
    assert json.loads(held.group(1))["orders"][0]["name"] == nasty


def test_the_picture_is_a_png() -> None:
    assert gantt_picture(shop(), schedule(), title="Plan", time_zone="Europe/Berlin").startswith(b"\x89PNG")


def test_an_empty_schedule_can_be_shown() -> None:
    empty = Schedule((), Cost(), 0)
    problem = Problem(START, (Machine("m"),), ())
    assert "<svg" in gantt_page(problem, empty, title="Nothing")
    assert gantt_picture(problem, empty, title="Nothing").startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("gantt")
    (folder / "plan.html").write_text(page(), encoding="utf-8")
    driver = headless(folder / "profile", "window-size=1400,800", log="browser")
    driver.get((folder / "plan.html").as_uri())
    yield driver
    driver.quit()


def find(browser: Any, selector: str) -> list[Any]:
    return list(browser.find_elements("css selector", selector))


def settled(browser: Any) -> None:
    """Wait until what was asked for is drawn."""
    browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(() => arguments[0]()));")


@needs_browser
def test_all_tasks_are_drawn_where_they_are(browser: Any) -> None:
    settled(browser)
    names = {task.get_attribute("data-task") for task in find(browser, ".task")}
    assert names == {task.name for task in schedule().tasks}
    rows = {name: find(browser, f'[data-task="{name}"] .edge')[0].rect for name in ("A10", "B10", "A20")}
    assert rows["A10"]["y"] == rows["B10"]["y"] < rows["A20"]["y"]
    assert rows["A10"]["x"] < rows["B10"]["x"]
    assert abs(rows["A10"]["width"] - rows["B10"]["width"]) < 1
    assert len(find(browser, ".task.upkeep")) == 1
    assert len(find(browser, ".task.late")) == 5
    assert len(find(browser, "#chart .now")) == 1
    assert browser.get_log("browser") == []


@needs_browser
def test_an_order_can_be_picked_and_the_rest_steps_back(browser: Any) -> None:
    find(browser, '#side button[data-order="A"]')[0].click()
    settled(browser)
    assert {one.get_attribute("data-task") for one in find(browser, ".task.picked")} == {"A10", "A20", "A30"}
    assert len(find(browser, ".task.dim")) == 3
    text = find(browser, "#side")[0].text
    assert "Order A" in text
    assert "9 h 20 of work" in text
    assert [mark.text for mark in find(browser, "#axis .due-text")][-1:] == ["due"]
    find(browser, "#side p button")[0].click()
    settled(browser)
    assert find(browser, ".task.dim") == []


@needs_browser
def test_it_zooms_moves_and_filters(browser: Any) -> None:
    def width() -> float:
        settled(browser)
        return float(find(browser, '[data-task="A10"] .edge')[0].rect["width"])

    before = width()
    find(browser, "#in")[0].click()
    find(browser, "#scroller")[0].send_keys("\ue012" * 8)  # to the left end
    assert width() > before * 1.5
    find(browser, "#fit")[0].click()
    assert abs(width() - before) < 1
    field = find(browser, "#filter")[0]
    field.send_keys("B")
    settled(browser)
    assert {one.get_attribute("data-task") for one in find(browser, ".task.picked")} == {"B10", "B30"}
    field.clear()
    field.send_keys("x")
    settled(browser)
    assert find(browser, ".task.picked") == []


@needs_browser
def test_hovering_and_the_keyboard_tell_the_details(browser: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).move_to_element(find(browser, '[data-task="B10"] .edge')[0]).perform()
    tip = find(browser, "#tip")[0].text
    assert "press, panel" in tip
    assert "Mon 5 Oct, 09:00" in tip
    assert "set-up from Mon 5 Oct, 08:30 (30 min)" in tip
    task = find(browser, '[data-task="M1"]')[0]
    assert task.get_attribute("aria-label").startswith("Maintenance M1 on press, Mon 5 Oct, 14:00")
