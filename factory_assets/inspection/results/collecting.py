"""Collecting: each segment of the exchange is read once, and its verdicts go into the table of their product and day.

`result_segment` in the lake says, a row a segment, what became of it. A segment that comes again, or late, changes
nothing but what it holds; one that cannot be trusted stays in the exchange and is told, until it is mended. Days are
written before the note that says so, so what a crash cuts off is done again.
"""

from __future__ import annotations

import bisect
import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from edge_runtime.errors import InputError
from edge_runtime.files import sha256_bytes
from edge_runtime.spool.segments import numbers_of
from factory_assets.foundation.lake import Lake, Partition, combined_digest
from factory_assets.foundation.plant import Plant
from factory_assets.foundation.versions import code_version
from factory_assets.inspection.results import reading
from factory_assets.inspection.results.reading import Reading, read
from factory_assets.inspection.schema import INSPECTION_VERDICT, QUARANTINED_VERDICT, RESULT_SEGMENT

VERDICTS, QUARANTINE, SEGMENTS = "inspection_verdict", "quarantined_verdict", "result_segment"
ACCEPTED, REFUSED = "accepted", "refused"
SEGMENTS_AT_ONCE = 200

Entries = dict[str, dict[str, Any]]


@dataclass
class Collection:
    """What one look at the exchange found.

    Attributes:
        new: Segments that were read now and accepted.
        touched: Product days whose verdicts were written.
    """

    new: int = 0
    touched: set[Partition] = field(default_factory=set)


def stations(results: Path) -> list[str]:
    """Names of the stations that have a folder in the exchange."""
    if not results.is_dir():
        return []
    return sorted(path.name for path in results.iterdir() if path.is_dir() and not path.name.startswith("."))


def source_version(results: Path) -> str:
    """Digest over names, sizes and times of all segments: cheap to ask, however much they hold."""
    digest = hashlib.sha256()
    for station in stations(results):
        for name, stamp in sorted(_listed(results / station).items()):
            digest.update(f"{station}/{name} {stamp}\n".encode())
    return digest.hexdigest()


def collect(results: Path, lake: Lake, plant: Plant) -> Collection:
    """Take over every segment that is new, was mended, or was read by other rules.

    Args:
        results: The exchange's `results/`; made if missing, so that stations find it.
        lake: Where verdicts go.
        plant: Its products are the known ones.
    """
    results.mkdir(parents=True, exist_ok=True)
    read_by = code_version(reading, settings=[{"plant": plant.plant, "products": sorted(plant.product_names)}])
    found = Collection()
    for product in plant.product_names:
        _begin(lake, product)
    for station in stations(results):
        taking = _Taking(results / station, lake, plant, read_by, entries(lake, station))
        listed = _listed(taking.folder)
        wanted = [name for name, stamp in sorted(listed.items()) if taking.is_wanted(name, stamp)]
        for start in range(0, len(wanted), SEGMENTS_AT_ONCE):
            taking.take(wanted[start : start + SEGMENTS_AT_ONCE], listed, found)
    return found


def entries(lake: Lake, station: str) -> Entries:
    """What became of a station's segments, by name."""
    if not lake.has(SEGMENTS, Partition(station)):
        return {}
    return {row["segment"]: row for row in lake.read(SEGMENTS, Partition(station)).iter_rows(named=True)}


def all_segments(lake: Lake) -> pl.DataFrame:
    """What became of the segments of all stations."""
    return _of_all_stations(lake, SEGMENTS, RESULT_SEGMENT)


def all_quarantined(lake: Lake) -> pl.DataFrame:
    """Lines of all stations that were set aside."""
    return _of_all_stations(lake, QUARANTINE, QUARANTINED_VERDICT)


def _of_all_stations(lake: Lake, table: str, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    folders = sorted(path.name for path in (lake.root / table).glob("[!.]*") if path.is_dir())
    found = [lake.read(table, Partition(station)) for station in folders]
    return pl.concat(found) if found else pl.DataFrame(schema=schema)


def data_version(segments: pl.DataFrame, product: str) -> str:
    """Version of a product's verdicts: which segments hold some, and how they were read."""
    held = segments.explode("slices").unnest("slices").filter(pl.col("product") == product)
    keys = held.select("station", "segment", "sha256", "read_by", "day", "rows").sort(pl.all())
    return combined_digest(" ".join(map(str, row)) for row in keys.iter_rows())


def days_of(lake: Lake, product: str) -> list[Partition]:
    """The days of a product that have verdicts, in order."""
    return [partition for partition in lake.partitions(VERDICTS, product) if partition.day is not None]


def _begin(lake: Lake, product: str) -> None:
    """A product without a verdict has an empty table: what reads all products finds a file."""
    empty = Partition(product)
    if not lake.has(VERDICTS, empty) or lake.read(VERDICTS, empty).schema != pl.Schema(INSPECTION_VERDICT):
        lake.write(VERDICTS, pl.DataFrame(schema=INSPECTION_VERDICT), empty)


def _listed(folder: Path) -> dict[str, str]:
    """Name and stamp (size, time of change) of a station's segments."""
    with os.scandir(folder) as found:
        facts = {entry.name: entry.stat() for entry in found if numbers_of(entry.name)}
    return {name: f"{stat.st_size}:{stat.st_mtime_ns}" for name, stat in facts.items()}


@dataclass
class _Taking:
    """Takes over segments of one station."""

    folder: Path
    lake: Lake
    plant: Plant
    read_by: str
    known: Entries

    def __post_init__(self) -> None:
        taken = [entry for entry in self.known.values() if entry["status"] == ACCEPTED]
        # Numbers that have verdicts already: (first, last, segment), ascending; they never overlap.
        self.ranges = sorted((entry["first"], entry["last"], entry["segment"]) for entry in taken)
        days = {(piece["product"], piece["day"]) for entry in self.known.values() for piece in entry["slices"]}
        self.lost_days = {day for day in days if not self.lake.has(VERDICTS, Partition(*day))}

    def is_wanted(self, name: str, stamp: str) -> bool:
        """Whether a segment is new, has changed, was read by other rules, or has lost its day in the lake."""
        entry = self.known.get(name)
        if entry is None or entry["stamp"] != stamp or entry["read_by"] != self.read_by:
            return True
        return any((piece["product"], piece["day"]) in self.lost_days for piece in entry["slices"])

    def take(self, names: Sequence[str], stamps: dict[str, str], found: Collection) -> None:
        """Read some segments, write their days, and note what became of them."""
        readings: dict[str, Reading] = {}
        digests: dict[str, str] = {}
        for name in names:
            data = (self.folder / name).read_bytes()
            digests[name] = sha256_bytes(data)
            try:
                self._refuse_a_stranger(name, digests[name])
                found_here = read(
                    data,
                    name=name,
                    station=self.folder.name,
                    plant=self.plant.plant,
                    products=self.plant.product_names,
                )
            except InputError as error:
                self._note_refused(name, stamps[name], str(error), digests[name])
                continue
            readings[name] = found_here
            if name not in self.known or self.known[name]["status"] != ACCEPTED:
                bisect.insort(self.ranges, (found_here.header.first, found_here.header.last, name))
        touched = self._days_before(readings)
        for name, found_here in readings.items():
            self._note_accepted(name, stamps[name], found_here, digests[name])
        touched |= self._days_before(readings)
        self._write_days(readings, touched)
        self._write_quarantine(readings)
        table = pl.DataFrame(sorted(self.known.values(), key=_place), schema=RESULT_SEGMENT)
        self.lake.write(SEGMENTS, table, Partition(self.folder.name))
        found.new += len(readings)
        found.touched |= touched

    def _refuse_a_stranger(self, name: str, sha256: str) -> None:
        """One number has one verdict: a segment never changes once it was taken over, and none overlaps another."""
        before = self.known.get(name)
        if before is not None and before["status"] == ACCEPTED and before["sha256"] != sha256:
            mend = "put the first one back, or see which station writes under this name"
            raise InputError(f"{name} holds other verdicts than when it was taken over", mend)
        first, last = numbers_of(name) or (0, 0)
        place = bisect.bisect_left(self.ranges, (first, 0, ""))
        for other_first, other_last, other in self.ranges[max(place - 1, 0) : place + 2]:
            if other != name and other_first <= last and first <= other_last:
                mend = "two stations have one name: give them names of their own"
                raise InputError(f"{name} holds numbers that {other} has given verdicts to", mend)

    def _note_refused(self, name: str, stamp: str, reason: str, sha256: str) -> None:
        first, last = numbers_of(name) or (0, 0)
        before = self.known.get(name)
        if before is not None and before["status"] == ACCEPTED:
            # What was taken over stands.
            self.known[name] = {**before, "stamp": stamp, "read_by": self.read_by, "reason": reason}
            return
        self.known[name] = {
            "station": self.folder.name, "segment": name, "first": first, "last": last, "stamp": stamp,
            "sha256": sha256, "read_by": self.read_by, "status": REFUSED, "reason": reason,
            "accepted": 0, "quarantined": 0, "slices": [],
        }  # fmt: skip

    def _note_accepted(self, name: str, stamp: str, found: Reading, sha256: str) -> None:
        self.known[name] = {
            "station": self.folder.name,
            "segment": name,
            "first": found.header.first,
            "last": found.header.last,
            "stamp": stamp,
            "sha256": sha256,
            "read_by": self.read_by,
            "status": ACCEPTED,
            "reason": None,
            "accepted": found.accepted.height,
            "quarantined": found.quarantined.height,
            "slices": found.slices(),
        }

    def _days_before(self, names: Iterable[str]) -> set[Partition]:
        pieces = [piece for name in names if name in self.known for piece in self.known[name]["slices"]]
        return {Partition(piece["product"], piece["day"]) for piece in pieces}

    def _write_days(self, readings: dict[str, Reading], touched: set[Partition]) -> None:
        if not readings:
            return
        rows = pl.concat([found.accepted for found in readings.values()])
        day = pl.col("concluded_ts_utc").dt.date().cast(pl.String)
        mine = (pl.col("station") == self.folder.name) & pl.col("segment").is_in(list(readings))
        for partition in touched:
            fresh = rows.filter((pl.col("product") == partition.fleet) & (day == partition.day))
            if self.lake.has(VERDICTS, partition):
                there = self.lake.read(VERDICTS, partition).filter(~mine)
                fresh = pl.concat([there, fresh], how="diagonal_relaxed").select(list(INSPECTION_VERDICT))
            self.lake.write(VERDICTS, fresh.sort("station", "sequence"), partition)

    def _write_quarantine(self, readings: dict[str, Reading]) -> None:
        place = Partition(self.folder.name)
        fresh = [found.quarantined for found in readings.values()]
        if self.lake.has(QUARANTINE, place):
            fresh.append(self.lake.read(QUARANTINE, place).filter(~pl.col("segment").is_in(list(readings))))
        if self.lake.has(QUARANTINE, place) or any(frame.height for frame in fresh):
            self.lake.write(QUARANTINE, pl.concat(fresh).sort("sequence"), place)


def _place(entry: dict[str, Any]) -> tuple[int, str]:
    return entry["first"], entry["segment"]
