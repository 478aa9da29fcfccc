"""The pages over a real server on the loopback: what they show, what they refuse, what they say when data is old."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlencode

import cv2
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge_runtime.station.records import Health
from tests.edge_runtime.web.fake_station import Page, picture, serving, status, verdict

TOKEN = "a-token-of-thirty-two-characters"  # noqa: S105
PATHS = ("/", "/static/page.js", "/api/status", "/picture", "/heat-map", "/healthz", "/readyz", "/metrics", "/nothing")


@pytest.fixture(scope="module")
def open_page() -> Iterator[Page]:
    with serving() as page:
        yield page


@pytest.fixture(scope="module")
def closed_page() -> Iterator[Page]:
    with serving(TOKEN) as page:
        page.board.show(status(verdict(1)))
        page.board.show(picture(verdict(1)))
        yield page


def test_the_status_holds_what_the_station_said(open_page: Page) -> None:
    open_page.board.show(status(verdict(4212, score=0.9)))
    open_page.board.show(picture(verdict(4212, score=0.9)))
    said = json.loads(open_page.ask("/api/status").body)
    assert (said["station"], said["release"], said["is_fresh"], said["reason"]) == ("press-3-exit", 12, True, None)
    assert said["recent"][0]["trigger"]["part_id"] == "casting-04212"
    assert said["picture"]["blobs"][0]["x_px"] == 300
    assert said["quantiles"]["total"]["parts"] == 4000
    assert 0 < said["quantiles"]["total"]["p50_ms"] < said["quantiles"]["total"]["p99_ms"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_can_be_changed(open_page: Page, path: str, method: str) -> None:
    answer = open_page.ask(path, method=method)
    assert (answer.code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_tells_browsers_to_be_strict(open_page: Page, path: str) -> None:
    for method in ("GET", "HEAD", "POST"):
        headers = open_page.ask(path, method=method).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")


@pytest.mark.parametrize("path", PATHS)
def test_another_host_name_is_refused(open_page: Page, path: str) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8090", "", "["):
        assert open_page.ask(path, headers={"Host": host}).code in (400, 421)
    for host in ("localhost", "localhost:8090", "127.0.0.1:1", "[::1]:8090"):
        assert open_page.ask(path, headers={"Host": host}).code != 421


def test_the_page_needs_nothing_from_any_other_place(open_page: Page) -> None:
    for path in ("/", "/static/page.css", "/static/page.js", "/static/icon.svg"):
        answer = open_page.ask(path)
        assert answer.code == 200
        text = answer.body.decode().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text
        assert "https:" not in text
        assert "@import" not in text
    page = open_page.ask("/").body.decode()
    assert page.count("<script") == page.count('<script type="module" src="/static/page.js">') == 1
    assert " style=" not in page
    assert " onclick=" not in page


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/..%2fapp.py", "/static/login.html", "/static/"])
def test_only_the_named_files_are_served(open_page: Page, path: str) -> None:
    assert open_page.ask(path).code == 404


@pytest.mark.parametrize("kind", ["jpeg", "png"])
@pytest.mark.parametrize("is_flat", [True, False])
def test_the_picture_is_that_of_its_verdict_and_is_not_sent_twice(open_page: Page, kind: str, is_flat: bool) -> None:
    shown = [picture(verdict(sequence, score=0.9), is_flat=is_flat) for sequence in (7, 8)]
    for one in shown:
        open_page.board.show(one)
    newest = open_page.ask(f"/picture?format={kind}")
    assert (newest.headers["x-sequence"], newest.headers["content-type"]) == ("8", f"image/{kind}")
    decoded = cv2.imdecode(np.frombuffer(newest.body, np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded.shape == shown[1].pixels.shape
    assert np.abs(decoded.astype(int) - shown[1].pixels).mean() < 3
    again = open_page.ask(f"/picture?format={kind}", headers={"If-None-Match": newest.headers["etag"]})
    assert (again.code, again.body) == (304, b"")
    assert open_page.ask("/picture?sequence=7").headers["x-sequence"] == "7"


def test_a_picture_of_a_station_set_up_anew_is_not_taken_for_the_old_one(open_page: Page) -> None:
    open_page.board.show(picture(verdict(1)))
    tag = open_page.ask("/picture").headers["etag"]
    open_page.board.show(picture(verdict(1, score=0.9)))
    assert open_page.ask("/picture", headers={"If-None-Match": tag}).code == 200


def test_the_heat_map_is_clear_where_nothing_is_and_opaque_where_something_is(open_page: Page) -> None:
    open_page.board.show(picture(verdict(9, score=0.9)))
    heat = cv2.imdecode(np.frombuffer(open_page.ask("/heat-map?sequence=9").body, np.uint8), cv2.IMREAD_UNCHANGED)
    assert heat.shape == (30, 40, 4)
    assert heat[25, 35, 3] == 0
    assert heat[7, 10, 3] > 150


@pytest.mark.parametrize(
    ("query", "code"),
    [("?sequence=999", 404), ("?sequence=-1", 400), ("?sequence=x", 400), (f"?sequence={'9' * 40}", 400)],
)
def test_a_picture_that_is_not_there(open_page: Page, query: str, code: int) -> None:
    assert open_page.ask(f"/picture{query}").code == code


def test_before_the_first_word_of_the_station_nothing_is_well() -> None:
    with serving() as page:
        assert [page.ask(path).code for path in ("/", "/healthz", "/readyz", "/metrics", "/picture")] == [
            200,
            503,
            503,
            200,
            404,
        ]
        said = json.loads(page.ask("/api/status").body)
        assert (said["age_s"], said["is_fresh"], said["picture"]) == (None, False, None)
        assert "factory_edge_status_fresh 0.0" in page.ask("/metrics").body.decode()


def test_a_stale_status_is_said_to_be_stale_everywhere() -> None:
    with serving(fresh_s=0.0) as page:
        page.board.show(status(verdict(1)))
        assert page.ask("/healthz").code == 503
        ready = page.ask("/readyz")
        assert ready.code == 503
        assert "has said nothing for" in json.loads(ready.body)["reason"]
        assert json.loads(page.ask("/api/status").body)["is_fresh"] is False
        metrics = page.ask("/metrics").body.decode()
        assert "factory_edge_status_fresh 0.0" in metrics
        assert "factory_edge_ready 0.0" in metrics


def test_not_ready_comes_with_the_reason(open_page: Page) -> None:
    failed = Health("camera", "failed", "no frame for 3 s")
    open_page.board.show(status(is_ready=False, state="Error", health=(failed, Health("clock", "warning", "not set"))))
    assert open_page.ask("/healthz").code == 200
    ready = open_page.ask("/readyz")
    assert ready.code == 503
    assert json.loads(ready.body) == {"is_ready": False, "reason": "state Error; camera: no frame for 3 s"}
    open_page.board.show(status())
    assert open_page.ask("/readyz").code == 200


def metrics_of(page: Page) -> dict[str, float]:
    """Values by name and labels, such as `up{part=camera}`."""
    found = {}
    for family in text_string_to_metric_families(page.ask("/metrics").body.decode()):
        assert family.name.startswith("factory_edge_")
        assert family.documentation
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name.removeprefix('factory_edge_')}{{{labels}}}"] = sample.value
    return found


def test_the_metrics_are_the_status(open_page: Page) -> None:
    told = status(verdict(4212), update="refused: anything at all")
    open_page.board.show(told)
    metrics = metrics_of(open_page)
    assert metrics["verdicts_total{failure=none,verdict=ok}"] == 4103
    assert metrics["verdicts_total{failure=none,verdict=nok}"] == 103
    assert metrics["verdicts_total{failure=deadline,verdict=nok}"] == 3
    verdicts = sum(value for name, value in metrics.items() if name.startswith("verdicts_total"))
    assert verdicts == metrics["triggers_total{}"] == 4212
    latency = "stage_latency_seconds"
    buckets = [value for name, value in metrics.items() if name.startswith(f"{latency}_bucket") and "=total" in name]
    assert buckets == sorted(buckets)
    assert buckets[-1] == metrics[f"{latency}_count{{stage=total}}"] == 4000
    assert metrics[f"{latency}_sum{{stage=total}}"] == pytest.approx(told.latency["total"].sum_ms / 1000)
    assert {name for name, value in metrics.items() if name.startswith("state{") and value} == {
        "state{state=ContinuousExecution}"
    }
    assert "last_update_info{outcome=refused}" in metrics
    assert "release_info{bundle=casting 12.0.0,engine=openvino int8,release=12}" in metrics
    assert metrics["spool_quota_bytes{}"] == 1024 << 20
    assert metrics["process_restarts_total{process=worker}"] == 1
    assert metrics["health{health=ok,part=camera}"] == 1


def test_a_name_with_quotes_and_lines_does_not_break_the_metrics(open_page: Page) -> None:
    name = 'a"b\n c\\'
    open_page.board.show(status(station=name, release=None, bundle="", engine=""))
    assert f"station_info{{product=casting,station={name}}}" in metrics_of(open_page)


@pytest.mark.parametrize("path", [path for path in PATHS if path not in ("/healthz", "/static/page.js")])
def test_without_the_token_nothing_is_shown(closed_page: Page, path: str) -> None:
    wrong = ("", "Bearer", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer \xff")
    for given in ({}, {"Cookie": f"factory_edge={TOKEN}"}, *({"Authorization": one} for one in wrong)):
        answer = closed_page.ask(path, headers=given)
        assert answer.code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert b"casting" not in answer.body
    assert closed_page.ask(f"{path}?token={TOKEN}").code == 401


@pytest.mark.parametrize("path", ["/", "/api/status", "/picture", "/metrics", "/readyz"])
def test_with_the_token_everything_is_shown(closed_page: Page, path: str) -> None:
    assert closed_page.ask(path, headers={"Authorization": f"Bearer {TOKEN}"}).code in (200, 503)


def test_the_health_needs_no_token_and_tells_nothing(closed_page: Page) -> None:
    answer = closed_page.ask("/healthz")
    assert answer.code in (200, 503)
    assert b"casting" not in answer.body


def test_a_browser_logs_in_by_a_form(closed_page: Page) -> None:
    sent = closed_page.ask("/", headers={"Accept": "text/html"})
    assert (sent.code, sent.headers["location"]) == (303, "/login")
    assert b'method="post"' in closed_page.ask("/login").body
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    wrong = closed_page.ask("/login", method="POST", headers=form, data=urlencode({"token": "guess"}).encode())
    assert (wrong.code, wrong.headers["set-cookie"]) == (401, None)
    right = closed_page.ask("/login", method="POST", headers=form, data=urlencode({"token": TOKEN}).encode())
    assert (right.code, right.headers["location"]) == (303, "/")
    cookie, *flags = right.headers["set-cookie"].split("; ")
    assert {"httponly", "samesite=strict", "path=/"} <= {flag.lower() for flag in flags}
    assert TOKEN not in cookie
    assert closed_page.ask("/api/status", headers={"Cookie": cookie}).code == 200


def test_a_form_of_another_page_or_one_without_end_is_refused(closed_page: Page) -> None:
    data = urlencode({"token": TOKEN}).encode()
    assert closed_page.ask("/login", method="POST", headers={"Origin": "http://evil.example"}, data=data).code == 400
    assert closed_page.ask("/login", method="POST", data=b"token=" + b"a" * 100_000).code == 400
    assert closed_page.ask("/login", method="PUT", data=data).code == 405


def test_beyond_this_machine_addresses_and_its_own_name_are_hosts(
    closed_page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "jetson-7")
    for host, is_right in [
        ("10.0.4.17:8090", True),
        ("[fe80::1]:8090", True),
        ("jetson-7", True),
        ("jetson-7.plant.example:8090", True),
        ("evil.example", False),
    ]:
        assert (closed_page.ask("/login", headers={"Host": host}).code == 200) is is_right


def test_what_comes_from_outside_is_only_ever_text(open_page: Page) -> None:
    nasty = verdict(1)
    nasty = replace(nasty, trigger=replace(nasty.trigger, part_id="<script>alert(1)</script>"), label="<b>")
    open_page.board.show(status(nasty))
    answer = open_page.ask("/api/status")
    assert answer.headers["content-type"] == "application/json"
    assert "innerHTML" not in open_page.ask("/static/page.js").body.decode()
