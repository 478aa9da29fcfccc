"""The page in a real browser, with a station that never was."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from edge_runtime.station.records import Health, StationStatus
from tests.chromium import NEEDS_BROWSER, headless
from tests.edge_runtime.web.fake_station import Page, picture, serving, status, verdict

PANELS = ((1024, 600), (800, 480))
FILLED = (
    "return arguments[0].getContext('2d').getImageData(0, 0, arguments[0].width, arguments[0].height).data.some(v => v)"
)

pytestmark = NEEDS_BROWSER


class Station:
    """Says the same status again and again, as a station does, until it is told to be silent."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.told: StationStatus = status()
        self._is_silent = threading.Event()
        self._thread = threading.Thread(target=self._talk, daemon=True)
        self._thread.start()

    def silence(self) -> None:
        self._is_silent.set()
        self._thread.join()

    def _talk(self) -> None:
        while not self._is_silent.wait(0.2):
            self.page.board.show(replace(self.told, now_utc=datetime.now(UTC).isoformat()))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    driver = headless(tmp_path_factory.mktemp("profile"), log="browser")
    yield driver
    driver.quit()


@pytest.fixture
def station() -> Iterator[Station]:
    with serving() as page:
        talking = Station(page)
        yield talking
        talking.silence()


def open_at(browser: Any, url: str, width: int, height: int) -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(url)


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.1)
    pytest.fail(f"{what} did not come in {seconds:.0f} s")


def element(browser: Any, selector: str) -> Any:
    return browser.find_element("css selector", selector)


def show(station: Station, sequence: int, **changes: Any) -> None:
    record = verdict(sequence, **changes)
    station.told = status(record)
    station.page.board.show(picture(record))


@pytest.mark.parametrize("size", PANELS)
@pytest.mark.parametrize(
    ("changes", "word", "kind"),
    [({"score": 0.07}, "OK", "ok"), ({"score": 0.91}, "NOK", "nok"), ({"failure": "camera"}, "NOT JUDGED", "failure")],
)
def test_a_panel_shows_the_verdict_whole(
    station: Station, browser: Any, size: tuple[int, int], changes: dict[str, Any], word: str, kind: str
) -> None:
    show(station, 4212, **changes)
    open_at(browser, station.page.url, *size)
    wait_for(lambda: element(browser, "#verdict strong").text == word, word)
    assert element(browser, "#verdict").get_attribute("class") == kind
    assert element(browser, "#part").text == "casting-04212"
    assert element(browser, "#count-ok").text == "4,103"
    assert element(browser, "#stream li").get_attribute("class") == kind
    assert not element(browser, "#alarm").is_displayed()
    page_size = browser.execute_script("return [document.body.scrollWidth, document.body.scrollHeight]")
    assert tuple(page_size) == size
    for button in browser.find_elements("css selector", "button"):
        assert min(button.rect["width"], button.rect["height"]) >= 44
    sign = element(browser, "#verdict strong").rect
    assert sign["x"] + sign["width"] <= size[0]


def test_the_overlay_is_drawn_and_can_be_taken_away(station: Station, browser: Any) -> None:
    show(station, 4212, score=0.91)
    open_at(browser, station.page.url, *PANELS[0])
    wait_for(lambda: browser.execute_script(FILLED, element(browser, "#picture")), "the picture")
    assert browser.execute_script(FILLED, element(browser, "#overlay"))
    button = element(browser, "#overlay-button")
    button.click()
    assert not browser.execute_script(FILLED, element(browser, "#overlay"))
    assert browser.execute_script(FILLED, element(browser, "#picture"))
    button.click()
    assert browser.execute_script(FILLED, element(browser, "#overlay"))


def test_when_the_station_falls_silent_nothing_stays_green(station: Station, browser: Any) -> None:
    show(station, 4212, score=0.07)
    open_at(browser, station.page.url, *PANELS[1])
    wait_for(lambda: element(browser, "#verdict strong").text == "OK", "the verdict")
    station.silence()
    wait_for(lambda: element(browser, "#alarm-title").text == "STALE", "the warning")
    assert element(browser, "#verdict strong").text == "NO DATA"
    assert element(browser, "#verdict").get_attribute("class") == "none"
    assert element(browser, "body").get_attribute("data-link") == "stale"


def test_when_the_page_s_process_is_gone_it_says_so_and_comes_back_by_itself(browser: Any) -> None:
    with serving() as page:
        talking = Station(page)
        show(talking, 1, score=0.07)
        open_at(browser, page.url, *PANELS[0])
        wait_for(lambda: element(browser, "#verdict strong").text == "OK", "the verdict")
        talking.silence()
    wait_for(lambda: element(browser, "#alarm-title").text == "NO CONNECTION", "the warning")
    assert element(browser, "#verdict strong").text == "NO DATA"


def test_a_station_that_is_not_ready_says_why_and_its_last_verdict_is_only_outlined(
    station: Station, browser: Any
) -> None:
    record = verdict(4212, score=0.07)
    failed = (Health("camera", "failed", "no frame for 3 s"),)
    station.told = status(record, is_ready=False, state="Error", health=failed)
    open_at(browser, station.page.url, *PANELS[0])
    wait_for(lambda: element(browser, "#alarm-title").text == "NOT READY", "the warning")
    assert element(browser, "#alarm-text").text == "camera: no frame for 3 s"
    filled = element(browser, "#stream").value_of_css_property("background-color")
    assert element(browser, "#verdict").value_of_css_property("background-color") == filled


def test_names_from_outside_stay_text(station: Station, browser: Any) -> None:
    record = verdict(1, score=0.9)
    nasty = "<img src=x onerror=document.title='taken'>"
    station.told = status(replace(record, label=nasty, trigger=replace(record.trigger, part_id=nasty)))
    open_at(browser, station.page.url, *PANELS[0])
    wait_for(lambda: element(browser, "#part").text == nasty, "the part")
    assert browser.title == "press-3-exit"


def test_the_browser_has_nothing_to_complain_about(station: Station, browser: Any) -> None:
    show(station, 4212, score=0.91)
    open_at(browser, station.page.url, *PANELS[0])
    wait_for(lambda: browser.execute_script(FILLED, element(browser, "#overlay")), "the overlay")
    # Pages of tests before still asked servers that were gone.
    told = [entry for entry in browser.get_log("browser") if station.page.url in entry["message"]]
    assert told == []
