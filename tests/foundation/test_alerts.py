"""Alerts and their sinks, against a web server and a mail server of our own."""

from __future__ import annotations

import datetime as dt
import json
import logging
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from factory_assets.foundation.alerts import (
    ALERTS_FILE,
    ATTEMPTS,
    Alert,
    AlertsFileError,
    Email,
    Webhook,
    deliver,
    load_alert_settings,
    sinks_of,
)

ALERT = Alert(
    plant="mill",
    level="failure",
    what="run of clean_reading failed",
    why="press/2026-09-03: column value: 7 is above 4",
    assets=("clean_reading",),
    partitions=("2026-09-01|press to 2026-09-30|spindle",),
    link="http://127.0.0.1:3000/runs/abc",
    ts_utc=dt.datetime(2026, 9, 4, 6, tzinfo=dt.UTC),
)
LOG = logging.getLogger("tests.alerts")
TO = "a@x.example, b@x.example"


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]  # type: ignore[index]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def web_server(*, refusals: int = 0) -> Iterator[tuple[int, list[tuple[dict[str, str], Any]]]]:
    """A server that refuses its first requests and keeps what it was posted."""
    posted: list[tuple[dict[str, str], Any]] = []
    left = [refusals]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if left[0]:
                left[0] -= 1
                self.send_error(503)
                return
            posted.append((dict(self.headers), json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with serving(HTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield port, posted


@contextmanager
def mail_server() -> Iterator[tuple[int, list[str]]]:
    """Just enough SMTP to take mails."""
    mails: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 test\r\n")
            while line := self.rfile.readline():
                command = line.split()[0].upper()
                if command == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    body = iter(self.rfile.readline, b".\r\n")
                    mails.append(b"".join(body).decode())
                    self.wfile.write(b"250 taken\r\n")
                elif command == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                else:
                    self.wfile.write(b"250 ok\r\n")

    with serving(socketserver.TCPServer(("127.0.0.1", 0), Handler)) as port:
        yield port, mails


def settings_file(folder: Path, text: str) -> Path:
    path = folder / "alerts.yaml"
    path.write_text(text)
    return path


def test_an_alert_tells_plant_asset_partitions_error_and_link() -> None:
    for told in ("mill", "clean_reading", "2026-09-01|press to 2026-09-30|spindle", "7 is above 4", "/runs/abc"):
        assert told in ALERT.text


def test_a_webhook_is_posted_json_with_the_token_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with web_server() as (port, posted):
        file = settings_file(tmp_path, f"webhook: {{url: 'http://127.0.0.1:{port}/hook'}}")
        monkeypatch.setenv("FACTORY_ALERTS_WEBHOOK__TOKEN", "s3cret")
        assert deliver(ALERT, sinks_of(load_alert_settings(file)), LOG) == []
    (headers, body) = posted[0]
    assert headers["Authorization"] == "Bearer s3cret"
    assert headers["Content-Type"] == "application/json"
    assert body["plant"] == "mill"
    assert body["assets"] == ["clean_reading"]
    assert body["text"] == ALERT.text
    assert dt.datetime.fromisoformat(body["ts_utc"]) == ALERT.ts_utc


def test_a_mail_reaches_all_recipients(tmp_path: Path) -> None:
    with mail_server() as (port, mails):
        text = f"email: {{host: 127.0.0.1, port: {port}, starttls: false, sender: f@x.example, to: [{TO}]}}"
        assert deliver(ALERT, sinks_of(load_alert_settings(settings_file(tmp_path, text))), LOG) == []
    assert f"To: {TO}" in mails[0]
    assert "Subject: [mill] failure: run of clean_reading failed" in mails[0]
    assert "7 is above 4" in mails[0]


def test_a_sink_that_is_back_soon_gets_the_alert(caplog: pytest.LogCaptureFixture) -> None:
    with web_server(refusals=ATTEMPTS - 1) as (port, posted):
        sinks = sinks_of(load_alert_settings(Path("none.yaml")).model_copy(update={"webhook": _hook(port)}))
        assert deliver(ALERT, sinks, LOG, sleep=lambda _: None) == []
    assert len(posted) == 1
    assert "did not go out" not in caplog.text


def test_a_sink_that_fails_loses_nothing_and_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    with web_server(refusals=ATTEMPTS) as (broken, lost), web_server() as (port, posted):
        sinks = [Webhook(_hook(broken), name="first"), Webhook(_hook(port), name="second")]
        assert deliver(ALERT, sinks, LOG, sleep=lambda _: None) == ["first"]
    assert lost == []
    assert len(posted) == 1
    assert ALERT.text in caplog.text
    assert "did not go out by first: HTTP Error 503" in caplog.text


def test_an_absent_mail_server_is_told_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = "email: {host: 127.0.0.1, port: 1, sender: f@x.example, to: [a@x.example]}"
    (sink,) = sinks_of(load_alert_settings(settings_file(tmp_path, text)))
    assert isinstance(sink, Email)
    assert deliver(ALERT, [sink], LOG, sleep=lambda _: None) == ["e-mail"]
    assert "did not go out by e-mail" in caplog.text


def test_the_default_is_the_log_alone() -> None:
    assert sinks_of(load_alert_settings(ALERTS_FILE)) == []


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("webhok: {url: 'http://x'}", "webhok"),
        ("webhook: {url: 'file:///etc/passwd'}", "webhook.url"),
        ("email: {host: h, sender: s, to: []}", "email.to"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(AlertsFileError, match=field):
        load_alert_settings(settings_file(tmp_path, text))


def _hook(port: int) -> Any:
    from factory_assets.foundation.alerts import WebhookSettings

    return WebhookSettings.model_validate({"url": f"http://127.0.0.1:{port}/"})
