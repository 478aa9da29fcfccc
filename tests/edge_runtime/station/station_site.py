"""A publisher and a station in one folder: releases that score a part's mean brightness, and settings for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_runtime.bundle.pull import pull
from edge_runtime.station.config import StationConfig
from edge_runtime.station.loop import Station
from edge_runtime.station.parts import Options, make_parts
from edge_runtime.station.records import Trigger, VerdictRecord
from factory_assets.benchmarks.tiny_station import make_brightness_bundle
from tests.tiny_bundle import Site


@dataclass
class StationSite:
    """A publisher, and a station that pulls from it."""

    publisher: Site
    answers: list[VerdictRecord] = field(default_factory=list)

    @property
    def state(self) -> Path:
        return self.publisher.state

    def publish(self, gain: float = 1.0, code_version: str = "1", **options: Any) -> int:
        """Release a bundle; its number."""
        self.publisher.made += 1
        folder = self.publisher.root / "bundles" / str(self.publisher.made)
        make_brightness_bundle(folder, gain, code_version)
        return int(self.publisher.publish(folder, **options).number)

    def pull(self) -> None:
        """Pull by hand."""
        pull(self.publisher.releases, self.state)

    def config(self, **changes: Any) -> StationConfig:
        """Settings of a station that is triggered by its tests, and has time on a busy machine."""
        values: dict[str, Any] = {
            "station": "press-3",
            "state": self.state,
            "camera": {"kind": "folder", "folder": self.publisher.root / "parts"},
            "trigger": {"kind": "software"},
            "deadline_ms": 2000,
            "page": None,
        }
        return StationConfig.model_validate({**values, **changes})

    def station(self, options: Options | None = None, **changes: Any) -> Station:
        """A station in this process, not started."""
        return Station(make_parts(self.config(**changes), options or Options(has_camera=False)))


def trigger(name: str) -> Trigger:
    """A trigger whose part has the same name."""
    return Trigger(trigger_id=name, part_id=name, source="software", at_utc="2026-01-01T00:00:00.000000+00:00")
