"""Images of verdicts on this machine: which are kept, how they are called, and which go first when room is short.

PNG, so that the exact pixels come back. Encoding is for another thread than the one that judges parts: a queue lies
between, and where it is full an image is dropped and counted, never a verdict.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from edge_runtime.spool.reserve import Reserve
from edge_runtime.spool.segments import DIGITS
from edge_runtime.station.config import SpoolSettings
from edge_runtime.station.records import VerdictRecord

Kind = Literal["ok", "classified", "borderline", "nok"]
# What goes first when room is short. A borderline image is the one that a person learns most from.
GOES_FIRST: tuple[Kind, ...] = ("ok", "classified", "nok", "borderline")
UNIMPORTANT: tuple[Kind, ...] = ("ok", "classified")
IMAGES_A_FOLDER = 10_000
FASTEST_COMPRESSION = 1
PNG_END = b"IEND\xaeB`\x82"

_NAME = re.compile(rf"(\d{{{DIGITS}}})-({'|'.join(GOES_FIRST)})\.png")
_GOLDEN_RATIO_64, _SPAN_64 = 0x9E3779B97F4A7C15, 1 << 64


def kind_of(record: VerdictRecord, borderline: float) -> Kind:
    """What an image of this verdict is to a person: sound, sorted, rejected, or near to the threshold."""
    is_judged = record.failure is None and record.score is not None and record.threshold is not None
    if is_judged and abs(record.score - record.threshold) <= borderline:  # type: ignore[operator]
        return "borderline"
    return record.verdict


def is_sampled(sequence: int, share: float) -> bool:
    """Whether a number is among a share of all numbers, chosen evenly and the same each time."""
    return (sequence * _GOLDEN_RATIO_64) % _SPAN_64 < share * _SPAN_64


def keeps_image(record: VerdictRecord, settings: SpoolSettings) -> bool:
    """Whether the image of this verdict is to be kept."""
    is_unimportant = kind_of(record, settings.borderline) in UNIMPORTANT
    return not is_unimportant or is_sampled(record.sequence, settings.keep_ok_share)


def image_name(record: VerdictRecord, borderline: float) -> str:
    """Name of its image, with `/`, below the folder of images, here and in the exchange."""
    kind = kind_of(record, borderline)
    return f"{images_folder(record.sequence)}/{record.sequence:0{DIGITS}d}-{kind}.png"


def images_folder(sequence: int) -> str:
    """Name of the folder that the image of a number lies in."""
    return f"{sequence // IMAGES_A_FOLDER:08d}"


def is_whole_png(data: bytes) -> bool:
    """Whether a PNG file has its end; after a power cut it may not."""
    return data.endswith(PNG_END)


@dataclass(frozen=True, slots=True)
class Stored:
    """An image on this machine."""

    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class _Waiting:
    name: str
    kind: Kind
    pixels: np.ndarray


class ImageStore:
    """Images by number.

    `offer` and `withdraw` are for the thread that judges, `write_one` and `give_room` for one that keeps house, and
    `first_unsettled`, `read` and `forget` for one that hands on.
    """

    def __init__(
        self, folder: Path, settings: SpoolSettings, reserve: Reserve, *, most_images: int, most_bytes: int
    ) -> None:
        """Find what lies in the folder.

        Args:
            folder: Made if missing.
            settings: Quota, and what is borderline.
            reserve: Room on the disk that belongs to verdicts.
            most_images: So many images may wait for encoding.
            most_bytes: Or so many bytes of pixels.
        """
        self.folder = folder
        self.quota_bytes = settings.quota_mib << 20
        self.dropped = 0
        self._reserve = reserve
        self._most_images, self._most_bytes = most_images, most_bytes
        self._lock = threading.Lock()  # of the queue
        self._shelf = threading.Lock()  # of what is stored
        self._waiting: OrderedDict[int, _Waiting] = OrderedDict()
        self._waiting_bytes = 0
        self._at_work: int | None = None
        self._stored: dict[Kind, dict[int, Stored]] = {kind: {} for kind in GOES_FIRST}
        self.stored_bytes = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._look()

    @property
    def stored_images(self) -> int:
        """How many images lie here."""
        return sum(map(len, self._stored.values()))

    def offer(self, sequence: int, name: str, pixels: np.ndarray) -> bool:
        """Put an image into the queue; a sound part's makes room for another's.

        Args:
            sequence: Number of its verdict.
            name: As `image_name` gives it.
            pixels: uint8 (height, width) or (height, width, 3) in OpenCV's order. A view is copied; an array that
                owns its memory is not, and must not be changed afterwards.

        Returns:
            Whether it was taken.
        """
        kind = _parts(name)[1]
        owned = pixels if pixels.base is None else pixels.copy()
        with self._lock:
            while self._is_crowded(owned.nbytes):
                if not self._give_way(kind):
                    self.dropped += 1
                    return False
            self._waiting[sequence] = _Waiting(name, kind, owned)
            self._waiting_bytes += owned.nbytes
        return True

    def withdraw(self, sequence: int) -> None:
        """Take an image out of the queue again, if it is still there."""
        with self._lock:
            self._take_out(sequence)

    def write_one(self) -> bool:
        """Encode and write the oldest waiting image; tells whether there was one."""
        with self._lock:
            if not self._waiting:
                return False
            sequence, job = self._waiting.popitem(last=False)
            self._waiting_bytes -= job.pixels.nbytes
            self._at_work = sequence
        try:
            if not self._write(sequence, job):
                self.dropped += 1
        finally:
            self._at_work = None
        return True

    def first_unsettled(self) -> int | None:
        """The least number whose image is not yet written or dropped."""
        with self._lock:
            numbers = [*self._waiting, *([] if self._at_work is None else [self._at_work])]
        return min(numbers, default=None)

    def read(self, name: str) -> bytes | None:
        """An image's bytes; None if it is not here, or not whole."""
        try:
            data = (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None
        return data if is_whole_png(data) else None

    def forget(self, last: int) -> None:
        """Remove the images of all numbers up to one: they lie in the exchange."""
        with self._shelf:
            for kind, of_kind in self._stored.items():
                for sequence in [number for number in of_kind if number <= last]:
                    self._remove(kind, sequence)

    def give_room(self) -> None:
        """Remove images until the reserve for verdicts can be made again: no image is worth a verdict."""
        with self._shelf:
            while not self._reserve.fits() and self._remove_oldest(GOES_FIRST):
                pass

    def _is_crowded(self, more_bytes: int) -> bool:
        is_many = len(self._waiting) >= self._most_images
        return is_many or (bool(self._waiting) and self._waiting_bytes + more_bytes > self._most_bytes)

    def _give_way(self, kind: Kind) -> bool:
        """Drop a waiting image that matters less than one of this kind."""
        if kind in UNIMPORTANT:
            return False
        sequence = next((number for number, job in self._waiting.items() if job.kind in UNIMPORTANT), None)
        if sequence is None:
            return False
        self._take_out(sequence)
        self.dropped += 1
        return True

    def _take_out(self, sequence: int) -> None:
        job = self._waiting.pop(sequence, None)
        if job is not None:
            self._waiting_bytes -= job.pixels.nbytes

    def _write(self, sequence: int, job: _Waiting) -> bool:
        import cv2

        try:
            is_encoded, encoded = cv2.imencode(".png", job.pixels, [cv2.IMWRITE_PNG_COMPRESSION, FASTEST_COMPRESSION])
        except cv2.error:
            return False
        if not is_encoded:
            return False
        with self._shelf:
            return self._make_room(encoded.nbytes, job.kind) and self._put(sequence, job, encoded)

    def _put(self, sequence: int, job: _Waiting, encoded: np.ndarray) -> bool:
        path = self.folder / job.name
        temporary = path.with_name(f".{path.name}.tmp")
        try:
            path.parent.mkdir(exist_ok=True)
            temporary.write_bytes(encoded.data)
            temporary.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            return False
        self._stored[job.kind][sequence] = Stored(job.name, encoded.nbytes)
        self.stored_bytes += encoded.nbytes
        return True

    def _make_room(self, more_bytes: int, kind: Kind) -> bool:
        """Remove images that matter no more than one of this kind until it fits into the quota.

        A short disk costs images of sound parts alone: somebody else may be filling it, and would take all others.
        """
        while self.stored_bytes + more_bytes > self.quota_bytes:
            if not self._remove_oldest(GOES_FIRST[: GOES_FIRST.index(kind) + 1]):
                return False
        while self._is_disk_short(more_bytes):
            if kind in UNIMPORTANT or not self._remove_oldest(UNIMPORTANT):
                return False
        return True

    def _remove_oldest(self, kinds: tuple[Kind, ...]) -> bool:
        """Remove the image that goes first among these kinds; tells whether there was one."""
        kind = next((kind for kind in kinds if self._stored[kind]), None)
        if kind is None:
            return False
        self._remove(kind, next(iter(self._stored[kind])))
        return True

    def _is_disk_short(self, more_bytes: int) -> bool:
        """Whether the image would take room that verdicts may need; a given-up reserve is to be made again first."""
        owed = 0 if self._reserve.is_whole() else 2 * self._reserve.size_bytes
        return self._reserve.free_bytes() < more_bytes + owed + self._reserve.size_bytes

    def _remove(self, kind: Kind, sequence: int) -> None:
        gone = self._stored[kind].pop(sequence)
        self.stored_bytes -= gone.bytes
        path = self.folder / gone.name
        with contextlib.suppress(OSError):
            path.unlink()
            path.parent.rmdir()  # refused, but for the last one

    def _look(self) -> None:
        """Find the images of earlier runs, oldest first; half-written ones go."""
        for parent, _, names in sorted(os.walk(self.folder)):
            for name in sorted(names):
                path = Path(parent, name)
                relative = path.relative_to(self.folder).as_posix()
                if _NAME.fullmatch(name) is None:
                    if name.startswith(".") and name.endswith(".tmp"):
                        path.unlink()
                    continue
                sequence, kind = _parts(relative)
                size_bytes = path.stat().st_size
                self._stored[kind][sequence] = Stored(relative, size_bytes)
                self.stored_bytes += size_bytes


def _parts(name: str) -> tuple[int, Kind]:
    """Number and kind that an image's name tells."""
    found = _NAME.fullmatch(name.rpartition("/")[2])
    if found is None:
        msg = f"{name} is no name of an image"
        raise ValueError(msg)
    kind: Kind = next(kind for kind in GOES_FIRST if kind == found[2])
    return int(found[1]), kind
