"""Dagster's UI over a plant that has been brought up to date, in a real browser."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from factory_assets.inspection.checks import OF_REASONS
from tests.chromium import NEEDS_BROWSER, headless
from tests.integration.commands import ROOT
from tests.integration.conftest import SmallPlant

ROOMS = ["reference_plant", "historian", "telemetry", "rul", "engines"]
CHECKS = """{assetNodes {assetKey {path} assetChecksOrError {... on AssetChecks {checks {
  name executionForLatestMaterialization {status evaluation {severity}}}}}}}"""
# The reference plant puts bad images among its parts, its suppliers and its floor are late at times, and networks
# trained in haste may lose too much in INT8.
WARNED_OF = {
    *(("inspection_image", name) for name in OF_REASONS),
    ("inspection_bundle", "precisions_are_complete"),
    ("rul_forecast", "no_unit_crosses_its_threshold"),
    ("order_book", "deliveries_are_not_overdue"),
    ("daily_schedule", "orders_are_on_time"),
}

pytestmark = NEEDS_BROWSER


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(url: str, query: str) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310
        f"{url}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        data: dict[str, Any] = json.load(answer)["data"]
        return data


def wait_for(condition: Any, what: str, seconds: float = 90) -> Any:
    last: object = None
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            found = condition()
            if found:
                return found
        except OSError as error:
            last = error
        time.sleep(0.5)
    pytest.fail(f"{what} did not come in {seconds:.0f} s: {last}")


@pytest.fixture(scope="module")
def url(small_plant: SmallPlant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    environment = os.environ | {
        "FACTORY_PLANT": str(small_plant.file),
        "FACTORY_HOME": str(small_plant.folder),
        "DAGSTER_HOME": str(small_plant.home / "dagster"),
    }
    server = str(Path(sys.executable).with_name("dagster-webserver"))
    command = [server, "-w", str(ROOT / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(port)]
    log = tmp_path_factory.mktemp("ui") / "server.log"
    with log.open("w") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file, cwd=ROOT)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(lambda: ask(address, "{version}"), "the webserver")
            yield address
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    driver = headless(tmp_path_factory.mktemp("profile"), "window-size=2000,1100")
    yield driver
    driver.quit()


def text_of(browser: Any) -> str:
    return str(browser.find_element("tag name", "body").text)


def test_the_rooms_stand_from_left_to_right(url: str, browser: Any) -> None:
    browser.get(f"{url}/asset-groups/")
    wait_for(
        lambda: all(room in text_of(browser) for room in (*ROOMS, "inspection", "warehouse", "planning")), "the graph"
    )
    assert "Materialize all" in text_of(browser)

    def places() -> list[float] | None:
        # The same names stand in the side bar too; the graph's are the rightmost.
        found = [browser.find_elements("xpath", f"//*[text()='{room}']") for room in ROOMS]
        return [max(e.rect["x"] for e in elements) for elements in found] if all(found) else None

    wait_for(lambda: (at := places()) and len(set(at)) == len(ROOMS) and at == sorted(at), "the order of the rooms")


def test_every_check_is_green_but_for_warnings_of_what_the_plant_spoils(url: str) -> None:
    nodes = ask(url, CHECKS)["assetNodes"]
    checks = {
        (node["assetKey"]["path"][-1], check["name"]): check["executionForLatestMaterialization"] or {"status": None}
        for node in nodes
        for check in node["assetChecksOrError"].get("checks", [])
    }
    assert len(checks) > 20
    failed = {name: check for name, check in checks.items() if check["status"] != "SUCCEEDED"}
    severity = {name: (check.get("evaluation") or {}).get("severity") for name, check in failed.items()}
    assert {name: found for name, found in severity.items() if found != "WARN"} == {}
    assert set(failed) <= WARNED_OF
    assert ("inspection_image", "images_are_readable") in failed


def test_an_evaluation_shows_its_figures_and_plots(url: str, browser: Any) -> None:
    browser.get(f"{url}/assets/rul_evaluation?partition=press&view=partitions")
    wait_for(lambda: "rmse_capped" in text_of(browser), "the figures")
    links = wait_for(lambda: browser.find_elements("xpath", "//*[text()='[Show Markdown]']"), "the plots' links")
    links[-1].click()
    pictures = wait_for(lambda: browser.find_elements("css selector", "img[src^='data:image/png']"), "a plot")
    wait_for(lambda: pictures[0].rect["width"] > 200, "the plot's size")
