"""What passes between the parts of a station: triggers, verdicts, and the state that pages show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

TriggerSource = Literal["free_run", "software", "plc"]
# Why a part was rejected without being judged.
Failure = Literal["deadline", "camera", "image", "engine", "interrupted", "no_release", "spool"]
Stage = Literal["frame", "fit", "engine", "verdict", "total"]
STAGES: tuple[Stage, ...] = ("frame", "fit", "engine", "verdict", "total")


@dataclass(frozen=True, slots=True)
class Trigger:
    """A part is in front of the camera.

    Attributes:
        trigger_id: Unique; the same one again asks for the verdict that was given, and starts nothing.
        part_id: What the line calls the part.
        source: Who triggered.
        at_utc: When, ISO 8601 in UTC with microseconds. For people: deadlines are kept by the monotonic clock.
    """

    trigger_id: str
    part_id: str
    source: TriggerSource
    at_utc: str


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """The verdict on one trigger, as it is kept and handed on. Every trigger has exactly one.

    Attributes:
        station: Name of the station.
        sequence: 1, 2, ... over the whole life of the station, without a gap.
        trigger: What asked for it.
        product: What the part is.
        verdict: `ok`, `nok`, or `classified` where a product has no label for sound parts.
        concluded_utc: When the verdict was given, ISO 8601 in UTC with microseconds.
        release: Number of the release that judged; None if none did.
        bundle_version: Version of its bundle.
        engine: Such as `openvino int8`; None if none judged.
        score: Larger is worse, 0 to 1; None where the part was not judged.
        threshold: At or above it a part is rejected; None where there is none.
        label: Most probable label, where there are labels.
        blobs: Where it differs from its golden image: `x_px`, `y_px`, `width_px`, `height_px`, `area_px`.
        failure: Why it was rejected without being judged; None if it was judged.
        detail: The failure in words.
        stages_ms: How long stages took.
        image: Name of the stored image, below the spool's folder of images; None if none is kept.
    """

    station: str
    sequence: int
    trigger: Trigger
    product: str
    verdict: Literal["ok", "nok", "classified"]
    concluded_utc: str
    release: int | None = None
    bundle_version: str | None = None
    engine: str | None = None
    score: float | None = None
    threshold: float | None = None
    label: str | None = None
    blobs: tuple[Mapping[str, float], ...] = ()
    failure: Failure | None = None
    detail: str | None = None
    stages_ms: Mapping[Stage, float] = field(default_factory=dict)
    image: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> VerdictRecord:
        """The record that `as_json` gave these values for."""
        return cls(**{**values, "trigger": Trigger(**values["trigger"]), "blobs": tuple(values["blobs"])})


@dataclass(frozen=True, slots=True)
class Health:
    """How one part of the station is: `camera`, `engine`, `spool`, `release`, `clock`, `triggers`."""

    name: str
    state: Literal["ok", "warning", "failed"]
    text: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """Latencies of one stage since the start.

    Attributes:
        bounds_ms: Upper bounds of the buckets, ascending.
        counts: By bucket, and last those above all bounds.
        sum_ms: Sum of all.
    """

    bounds_ms: tuple[float, ...]
    counts: tuple[int, ...]
    sum_ms: float


@dataclass(frozen=True, slots=True)
class StationStatus:
    """What pages and metrics show; the station hands one out a few times a second.

    Attributes:
        station: Name of the station.
        product: What is inspected.
        state: Name of the state in OPC 40100-1: `Preoperational`, `Halted`, `Error`, `Initialized`, `Ready`,
            `SingleExecution` or `ContinuousExecution`.
        is_ready: A trigger now would be judged.
        started_utc: Start of the service, ISO 8601.
        now_utc: When this was made.
        release: Release in use; None if none is.
        bundle: Name and version of the bundle in use, empty if none is.
        engine: Target and precision in use.
        update: What became of the last update: `none`, `staging`, `active`, `rolled back: ...`, `refused: ...`.
        counts: Verdicts since the start, by `ok`, `nok`, `classified`; and triggers as `triggers`.
        failures: Fail-safe verdicts since the start, by failure.
        restarts: Restarts since the start, by process.
        latency: By stage.
        health: Of each part.
        recent: The newest verdicts, newest first, at most 50.
        spool: `waiting` (verdicts not handed on), `stored_images`, `stored_bytes`, `quota_bytes`.
    """

    station: str
    product: str
    state: str
    is_ready: bool
    started_utc: str
    now_utc: str
    release: int | None
    bundle: str
    engine: str
    update: str
    counts: Mapping[str, int]
    failures: Mapping[str, int]
    restarts: Mapping[str, int]
    latency: Mapping[Stage, Histogram]
    health: tuple[Health, ...]
    recent: tuple[VerdictRecord, ...]
    spool: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LivePicture:
    """The newest frame that was looked at, as the page shows it.

    Attributes:
        pixels: uint8 (height, width) or (height, width, 3), at most 640 pixels wide.
        heat_map: float32 (h, w), 0 to 1, over the whole frame; None where there is none.
        frame_size_px: Width and height of the frame itself, which blobs refer to.
        record: Its verdict.
    """

    pixels: np.ndarray
    heat_map: np.ndarray | None
    frame_size_px: tuple[int, int]
    record: VerdictRecord
