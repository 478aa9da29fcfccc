"""Small stations for the tests of the spool: triggers, verdicts, images, and what an exchange holds."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.spool import Limits, Spool
from edge_runtime.spool.segments import Header, read_segment
from edge_runtime.station.config import SpoolSettings
from edge_runtime.station.records import Trigger, VerdictRecord

AT = "2026-09-01T08:00:00.000000+00:00"
STATION = "line-1"
SMALL = Limits(repeats=1000, waiting=10_000, ballast_bytes=4096)


def a_trigger(trigger_id: str, part_id: str | None = None) -> Trigger:
    return Trigger(trigger_id, part_id or f"part of {trigger_id}", "software", AT)


def a_verdict(sequence: int, trigger: Trigger, **changes: Any) -> VerdictRecord:
    values = {"verdict": "ok", "score": 0.1, "threshold": 0.5, **changes}
    return VerdictRecord(STATION, sequence, trigger, "casting", concluded_utc=AT, **values)


def an_image(seed: int = 0, *, side_px: int = 24) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side_px, side_px), dtype=np.uint8)


@dataclass
class Station:
    """A station's state folder and its exchange."""

    root: Path
    batch: int = 5
    quota_mib: int = 1

    @property
    def folder(self) -> Path:
        return self.root / "state" / "spool"

    @property
    def results(self) -> Path:
        return self.root / "exchange" / "results"

    def settings(self, **changes: Any) -> SpoolSettings:
        values = {"results": self.results, "batch": self.batch, "batch_s": 3600.0, "quota_mib": self.quota_mib}
        return SpoolSettings(**{**values, **changes})

    def open(self, limits: Limits = SMALL, **changes: Any) -> Spool:
        return Spool(self.folder, STATION, self.settings(**changes), limits=limits)

    def connect(self) -> None:
        self.results.mkdir(parents=True, exist_ok=True)

    def kill(self, spool: Spool) -> None:
        """Leave the folder as a kill at this moment would."""
        saved = self.root / "saved"
        shutil.copytree(self.folder, saved)
        spool.close()
        shutil.rmtree(self.folder)
        saved.rename(self.folder)

    def handed_on(self) -> list[dict[str, Any]]:
        """All verdicts in the exchange, in order; every segment is verified."""
        return [json.loads(line) for _, lines in self.segments() for line in lines]

    def segments(self) -> list[tuple[Header, list[bytes]]]:
        return [
            read_segment(path.read_bytes(), name=path.name, station=STATION)
            for path in sorted((self.results / STATION).glob("*.jsonl"))
        ]

    def images(self) -> dict[str, bytes]:
        folder = self.results / STATION / "images"
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.png"))}


def run_parts(spool: Spool, count: int, *, prefix: str = "t", **changes: Any) -> list[VerdictRecord]:
    """Accept and conclude so many new parts."""
    kept = []
    for place in range(count):
        trigger = a_trigger(f"{prefix}{place}")
        sequence = spool.accept(trigger)
        assert isinstance(sequence, int)
        kept.append(spool.conclude(a_verdict(sequence, trigger, **changes)))
    return kept
