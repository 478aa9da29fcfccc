"""A station that never was, for the pages: its status and pictures in every condition, and a server that shows them."""

from __future__ import annotations

import contextlib
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.message import Message
from typing import Any

import numpy as np
import uvicorn

from edge_runtime.station.latency import Latencies
from edge_runtime.station.records import (
    Failure,
    Health,
    LivePicture,
    StationStatus,
    Trigger,
    VerdictRecord,
)
from edge_runtime.web.app import create_app
from edge_runtime.web.board import StatusBoard
from edge_runtime.web.process import listen

PARTS = ("camera", "engine", "spool", "release", "clock", "triggers")


def verdict(sequence: int, *, score: float = 0.1, failure: Failure | None = None, **changes: Any) -> VerdictRecord:
    """A verdict of now."""
    now = datetime.now(UTC).isoformat()
    is_nok = failure is not None or score >= 0.5
    record = VerdictRecord(
        station="press-3-exit",
        sequence=sequence,
        trigger=Trigger(f"trigger-{sequence}", f"casting-{sequence:05d}", "plc", now),
        product="casting",
        verdict="nok" if is_nok else "ok",
        concluded_utc=now,
        release=12,
        bundle_version="12.0.0",
        engine="openvino int8",
        score=None if failure else score,
        threshold=None if failure else 0.5,
        label=None if failure else ("blowhole" if is_nok else "ok"),
        blobs=({"x_px": 300.0, "y_px": 210.0, "width_px": 70.0, "height_px": 50.0, "area_px": 2100.0},)
        if is_nok
        else (),
        failure=failure,
        detail={"camera": "no frame for 1.2 s", "deadline": "no verdict within 100 ms"}.get(failure or ""),
        stages_ms={"total": 100.0 if failure else 1.4 + score},
    )
    return replace(record, **changes)


def status(newest: VerdictRecord | None = None, *, seed: int = 7, **changes: Any) -> StationStatus:
    """A station in the middle of a shift that says what `changes` say."""
    now = datetime.now(UTC)
    rng = np.random.default_rng(seed)
    latencies = Latencies()
    for total_ms in rng.gamma(6, 0.35, 4000):
        shares = {"frame": 0.15, "fit": 0.2, "engine": 0.6, "verdict": 0.05, "total": 1.0}
        latencies.add({stage: float(total_ms * share * rng.uniform(0.8, 1.2)) for stage, share in shares.items()})
    before = [verdict(n, score=float(s)) for n, s in zip(range(4211, 4165, -1), rng.beta(1, 6, 46), strict=True)]
    before[3] = verdict(4208, failure="deadline")
    before[6] = verdict(4205, score=0.86)
    recent = tuple(before if newest is None else [newest, *before])
    told = StationStatus(
        station="press-3-exit",
        product="casting",
        state="ContinuousExecution",
        is_ready=True,
        started_utc=(now - timedelta(hours=5, minutes=12)).isoformat(),
        now_utc=now.isoformat(),
        release=12,
        bundle="casting 12.0.0",
        engine="openvino int8",
        update="active",
        counts={"ok": 4103, "nok": 109, "classified": 0, "triggers": 4212},
        failures={"deadline": 3, "camera": 0, "image": 2, "engine": 0, "interrupted": 1, "no_release": 0, "spool": 0},
        restarts={"worker": 1, "camera": 0},
        latency=latencies.histograms(),
        health=tuple(Health(name, "ok", "") for name in PARTS),
        recent=recent[:50],
        spool={"waiting": 212, "stored_images": 318, "stored_bytes": 402 << 20, "quota_bytes": 1024 << 20},
    )
    return replace(told, **changes)


def picture(record: VerdictRecord, *, is_flat: bool = False) -> LivePicture:
    """A round casting with a spot where the verdict says, 640 x 480 pixels; the frame has 1280 x 960."""
    y, x = np.mgrid[0:480, 0:640].astype(np.float32)
    radius = np.hypot(x - 320, y - 240)
    grey = 40 + 110 * (radius < 190) - 60 * (radius < 70) + 8 * np.sin(radius / 3) * (radius < 190)
    heat = np.zeros((30, 40), np.float32)
    if record.verdict == "nok" and record.failure is None:
        grey[105:130, 150:185] = 20
        hy, hx = np.mgrid[0:30, 0:40].astype(np.float32)
        heat = np.exp(-((hx - 10.5) ** 2 + (hy - 7.3) ** 2) / 6).astype(np.float32)
    pixels = np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    return LivePicture(pixels[..., 0] if is_flat else pixels, heat, (1280, 960), record)


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    code: int
    headers: Message
    body: bytes


@dataclass(frozen=True)
class Page:
    """A running page and its board."""

    url: str
    board: StatusBoard

    def ask(
        self, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, data: bytes | None = None
    ) -> Answer:
        """One request; redirects are not followed."""
        request = urllib.request.Request(self.url + path, data, dict(headers or {}), method=method)  # noqa: S310
        opener = urllib.request.build_opener(_StayHere)
        try:
            with opener.open(request, timeout=10) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())


class _StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@contextlib.contextmanager
def serving(token: str | None = None, *, fresh_s: float = 2.0) -> Iterator[Page]:
    """A page on a free loopback port, in a thread."""
    board = StatusBoard(fresh_s=fresh_s)
    listener = listen("127.0.0.1", 0)
    config = uvicorn.Config(create_app(board, token), lifespan="off", log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield Page(f"http://127.0.0.1:{listener.getsockname()[1]}", board)
    finally:
        server.should_exit = True
        thread.join(5)
