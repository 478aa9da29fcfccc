"""Handing verdicts and images on to the exchange: in order, each exactly once, whenever the exchange is there.

Images go first and the segment that names them last, by one rename. What a segment holds is settled in the ledger,
and flushed, before anything of it can be seen: after a kill at any point the same file is made again, or is found.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from edge_runtime.errors import EdgeError, InputError, SegmentConflict
from edge_runtime.files import canonical_json, write_atomic
from edge_runtime.spool.images import ImageStore, images_folder, is_whole_png
from edge_runtime.spool.ledger import Ledger
from edge_runtime.spool.segments import IMAGES, encode_segment, last_handed_on, numbers_of, segment_name
from edge_runtime.station.config import SpoolSettings

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
FAILURES = (OSError, EdgeError, sqlite3.Error)


class Forwarder:
    """Cuts segments off the ledger and puts them into the exchange; for one thread.

    Attributes:
        problem: What stands in the way now, in words; None if nothing does.
    """

    def __init__(self, ledger: Ledger, images: ImageStore, *, station: str, settings: SpoolSettings) -> None:
        """Take over what an earlier run has left."""
        self.problem: str | None = None
        self._ledger, self._images = ledger, images
        self._station, self._settings = station, settings
        self._looked = False
        # What an earlier run has left has waited long enough.
        self._waits_since_s = float("-inf")
        self._pause_s, self._again_at_s = 0.0, float("-inf")

    def step(self, now_s: float, *, everything: bool = False) -> bool:
        """Hand on one segment, if one is due.

        Args:
            now_s: Monotonic time.
            everything: Whether a part of a batch is due, too.

        Returns:
            Whether one was handed on: then there may be another one.
        """
        if self._settings.results is None or (now_s < self._again_at_s and not everything):
            return False
        try:
            last = self._due(now_s, everything=everything)
            if last is None:
                return False
            self._publish(self._settings.results, self._ledger.handed_on + 1, last)
            self._ledger.hand_on(last)
        except FAILURES as error:
            self._pause_s = min(max(2 * self._pause_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)
            self._again_at_s = now_s + self._pause_s
            self.problem = str(error)
            return False
        self._images.forget(last)
        self.problem, self._pause_s, self._waits_since_s = None, 0.0, now_s
        return True

    def _due(self, now_s: float, *, everything: bool) -> int | None:
        """Where the next segment ends; None if none is due."""
        if self._ledger.cut_last is not None:
            return self._ledger.cut_last
        if self._ledger.newest == self._ledger.handed_on:
            self._waits_since_s = now_s
            return None
        is_late = everything or now_s - self._waits_since_s >= self._settings.batch_s
        if not is_late and self._ledger.newest - self._ledger.handed_on < self._settings.batch:
            return None
        last = self._ledger.last_in_a_row(self._settings.batch)
        unsettled = self._images.first_unsettled()
        last = last if unsettled is None else min(last, unsettled - 1)
        count = last - self._ledger.handed_on
        if count <= 0 or not (is_late or count == self._settings.batch):
            return None
        self._require(self._settings.results)
        self._ledger.cut(last)
        return last

    def _require(self, results: Path | None) -> None:
        # Made here, the folder could lie below the empty place of a share that is not mounted.
        if results is None or not results.is_dir():
            mend = "mount the share, or make the folder"
            raise InputError(f"the exchange is not there: {results} is no folder", mend)

    def _publish(self, results: Path, first: int, last: int) -> None:
        self._require(results)
        folder = results / self._station
        self._look_for_others(folder, first)
        path = folder / segment_name(first, last)
        if path.exists():
            if path.read_bytes() != self._segment(first, last):
                raise self._conflict(path)
            return
        self._send_images(folder / IMAGES, first, last)
        data = self._segment(first, last)
        self._ledger.sync()
        write_atomic(path, data)

    def _segment(self, first: int, last: int) -> bytes:
        return encode_segment(self._station, first, self._ledger.records(first, last))

    def _look_for_others(self, folder: Path, first: int) -> None:
        """Once a run: nobody else may have handed on what this station is about to, and half-written files go."""
        if self._looked or not folder.is_dir():
            return
        own = segment_name(self._ledger.handed_on + 1, self._ledger.cut_last or 0)
        names = [path.name for path in folder.iterdir()]
        for place in (folder, folder / IMAGES / images_folder(first)):
            for half_written in place.glob(".*"):
                half_written.unlink(missing_ok=True)
        others = [name for name in names if name != own]
        if last_handed_on(others) > self._ledger.handed_on:
            newest = max(filter(numbers_of, others))
            raise self._conflict(folder / newest)
        self._looked = True

    def _conflict(self, path: Path) -> SegmentConflict:
        return SegmentConflict(
            f"{path} holds other verdicts under the numbers of this station",
            f"another station is called {self._station}, or this one has lost its spool: give it a name of its own",
        )

    def _send_images(self, folder: Path, first: int, last: int) -> None:
        """Put the images of a segment into the exchange; a verdict whose image is gone names none any more."""
        corrected: list[tuple[int, bytes]] = []
        for sequence, line in enumerate(self._ledger.records(first, last), start=first):
            record = json.loads(line)
            if record["image"] is not None and not self._send(folder / record["image"], record["image"]):
                corrected.append((sequence, canonical_json({**record, "image": None})))
        if corrected:
            self._ledger.replace(corrected)

    def _send(self, path: Path, name: str) -> bool:
        """Whether an image lies in the exchange now."""
        there = path.read_bytes() if path.exists() else None
        here = self._images.read(name)
        if there is not None and is_whole_png(there) and here in (None, there):
            return True
        if here is None:
            return False
        write_atomic(path, here)
        return True


def handed_on_before(results: Path | None, station: str) -> int:
    """The last number that a station of this name has handed on: one that lost its spool goes on after it."""
    if results is None:
        return 0
    folder = results / station
    names: Sequence[str] = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return last_handed_on(names)
