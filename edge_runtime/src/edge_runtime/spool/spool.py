"""The spool of one station: numbers triggers, keeps verdicts and images, and hands them on."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge_runtime.bundle.state import only_one
from edge_runtime.errors import SpoolFull
from edge_runtime.spool import images as image_policy
from edge_runtime.spool.forwarding import Forwarder, handed_on_before
from edge_runtime.spool.images import ImageStore
from edge_runtime.spool.ledger import Ledger
from edge_runtime.spool.reserve import Reserve
from edge_runtime.spool.segments import decode_record, decode_trigger, encode_record, encode_trigger
from edge_runtime.station.config import SpoolSettings
from edge_runtime.station.records import Trigger, VerdictRecord

LEDGER, IMAGES, BALLAST = "verdicts.sqlite", "images", "ballast"
LOOK_EVERY_S, SYNC_EVERY_S, TIDY_EVERY_S = 0.1, 0.5, 5.0
KEEPS, FORWARDS = "spool keeps", "spool forwards"
CLOSING_S = 10.0
DISK_FAILURES = (OSError, SpoolFull, sqlite3.Error)


@dataclass(frozen=True)
class Limits:
    """Bounds that nobody needs to set.

    Attributes:
        repeats: A trigger that comes again is told its verdict while it is among the newest so many numbers.
        waiting: So many verdicts may wait for the exchange; then the spool is full. About 1 KB each.
        ballast_bytes: Room on the disk that is given up last; about 1 KB a verdict.
        queued_images: So many images may wait for encoding.
        queued_bytes: Or so many bytes of them.
        recent: So many verdicts are at hand for `recent`.
    """

    repeats: int = 100_000
    waiting: int = 1_000_000
    ballast_bytes: int = 16 << 20
    queued_images: int = 64
    queued_bytes: int = 64 << 20
    recent: int = 200


class Spool:
    """Verdicts of one station, in a folder that one process owns.

    `accept`, `conclude`, `unconcluded` and `recent` are for one thread, the one that judges; none of them waits for
    the exchange, for an image or for the disk's own buffers. What they have written outlives a kill at once, and a
    power cut after half a second.
    """

    def __init__(self, folder: Path, station: str, settings: SpoolSettings, *, limits: Limits = Limits()) -> None:
        """Open the spool, or make it.

        Args:
            folder: This station's own; made if missing.
            station: Its name; segments carry it.
            settings: What is kept, and where it is handed on to.
            limits: Bounds.

        Raises:
            InputError: Another process owns the folder.
            StateError: What lies in it is damaged.
            SpoolFull: It cannot be written.
        """
        self._settings, self._limits = settings, limits
        self._threads: dict[str, threading.Thread] = {}
        self._stops = {name: threading.Event() for name in (KEEPS, FORWARDS)}
        self._open = contextlib.ExitStack()
        with contextlib.ExitStack() as opening:
            folder.mkdir(parents=True, exist_ok=True)
            opening.enter_context(only_one(folder, "station"))
            self._reserve = Reserve(folder / BALLAST, limits.ballast_bytes)
            self._ledger = Ledger(
                folder / LEDGER, self._reserve, last_before=lambda: handed_on_before(settings.results, station)
            )
            opening.callback(self._ledger.close)
            self._reserve.restore()
            self._images = ImageStore(
                folder / IMAGES,
                settings,
                self._reserve,
                most_images=limits.queued_images,
                most_bytes=limits.queued_bytes,
            )
            self._images.forget(self._ledger.handed_on)
            self._forwarder = Forwarder(self._ledger, self._images, station=station, settings=settings)
            self._unconcluded = {sequence for sequence, _ in self._ledger.unconcluded()}
            newest = map(decode_record, reversed(self._ledger.newest_records(limits.recent)))
            self._recent = deque(newest, maxlen=limits.recent)
            self._open = opening.pop_all()
        self._synced_at_s = self._tidied_at_s = time.monotonic()

    def accept(self, trigger: Trigger) -> int | VerdictRecord:
        """Give a trigger its number; it outlives a kill when this returns.

        Returns:
            A new number; or the one that this trigger has already, if it has no verdict yet; or its verdict.

        Raises:
            SpoolFull: It cannot be kept; it has no number then.
        """
        is_new_refused = self._settings.results is not None and self.waiting >= self._limits.waiting
        if is_new_refused:
            raise SpoolFull(
                f"{self.waiting} verdicts wait for the exchange", f"see to it: {self.problem() or 'nothing takes them'}"
            )
        sequence, record = self._ledger.accept(trigger.trigger_id, encode_trigger(trigger))
        if record is not None:
            return decode_record(record)
        self._unconcluded.add(sequence)
        return sequence

    def conclude(self, record: VerdictRecord, image: np.ndarray | None = None) -> VerdictRecord:
        """Keep the verdict on an accepted trigger; it outlives a kill when this returns. The first one counts.

        Args:
            record: Its `image` is settled here: the name if an image is given and taken, else None.
            image: uint8 (height, width) or (height, width, 3) in OpenCV's order; a view is copied, an array that owns
                its memory must not be changed afterwards.

        Returns:
            The verdict that stands: this one, or an earlier one on the same number. Its `image` is a promise: the
            hand-on takes the name back where the image was dropped meanwhile.

        Raises:
            SpoolFull: It cannot be kept; the number has no verdict yet and may be concluded again later.
            LookupError: The number was never accepted.
        """
        sequence, name = record.sequence, None
        if sequence not in self._unconcluded:
            return self._earlier(sequence)
        if image is not None:
            wanted = self.image_name(record)
            name = wanted if self._images.offer(sequence, wanted, image) else None
        kept = record if record.image == name else replace(record, image=name)
        try:
            self._ledger.conclude(sequence, encode_record(kept))
        except SpoolFull:
            self._images.withdraw(sequence)
            raise
        self._unconcluded.remove(sequence)
        self._recent.append(kept)
        return kept

    def rehearse(self, record: VerdictRecord) -> None:
        """Do what `conclude` would do with a verdict, and take it back: the next `conclude` takes half the time.

        What was not done for some milliseconds is in no cache of the processor any more.
        """
        if record.sequence in self._unconcluded:
            self.keeps_image(record)
            self._ledger.rehearse(record.sequence, encode_record(record))

    def _earlier(self, sequence: int) -> VerdictRecord:
        earlier = self._ledger.record(sequence)
        if earlier is None:
            msg = f"number {sequence} was never accepted, or is forgotten"
            raise LookupError(msg)
        return decode_record(earlier)

    def unconcluded(self) -> list[tuple[int, Trigger]]:
        """Numbers and triggers that have no verdict, oldest first: those that were at work when the process died."""
        return [(sequence, decode_trigger(trigger)) for sequence, trigger in self._ledger.unconcluded()]

    def recent(self, count: int) -> list[VerdictRecord]:
        """The newest verdicts, newest first; `Limits.recent` at most."""
        return [self._recent[-place] for place in range(1, min(count, len(self._recent)) + 1)]

    def keeps_image(self, record: VerdictRecord) -> bool:
        """Whether the image of this verdict is worth keeping: rejected, near to the threshold, or in the sample."""
        return image_policy.keeps_image(record, self._settings)

    def image_name(self, record: VerdictRecord) -> str:
        """Name of its image below the folder of images, here and in the exchange."""
        return image_policy.image_name(record, self._settings.borderline)

    @property
    def waiting(self) -> int:
        """How many numbers were not handed on yet."""
        return self._ledger.newest - self._ledger.handed_on

    def figures(self) -> dict[str, int]:
        """`waiting`, `stored_images`, `stored_bytes`, `quota_bytes`, `dropped_images` (since the start)."""
        return {
            "waiting": self.waiting,
            "stored_images": self._images.stored_images,
            "stored_bytes": self._images.stored_bytes,
            "quota_bytes": self._images.quota_bytes,
            "dropped_images": self._images.dropped,
        }

    def problem(self) -> str | None:
        """What a person should see to, in words: the exchange is away, the disk is short. None if all is well."""
        for name, thread in self._threads.items():
            if not thread.is_alive() and not self._stops[name].is_set():
                return f"the thread that {name.split()[1]} verdicts has ended / start the service again"
        if self._forwarder.problem is not None:
            return self._forwarder.problem
        if not self._reserve.is_whole():
            return "the disk is short of room: the reserve for verdicts is not whole / make room"
        return None

    def start(self) -> None:
        """Start the thread that encodes images and flushes, and the one that hands on.

        Two, for a network share that hangs must hold up nothing but itself.
        """
        for name, work in ((KEEPS, self.keep), (FORWARDS, self.forward)):
            thread = threading.Thread(target=self._run, args=(work, self._stops[name]), name=name, daemon=True)
            self._threads[name] = thread
            thread.start()

    def close(self) -> None:
        """Write the images that wait, hand on what can be, and let go of the folder; gives the exchange 10 s."""
        for name in (KEEPS, FORWARDS):  # what was kept last is handed on, too
            self._stops[name].set()
            thread = self._threads.get(name)
            if thread is not None:
                thread.join(CLOSING_S)
                if thread.is_alive():
                    return  # It hangs in a share; the process is about to end, and its locks with it.
        self._open.close()

    def work(self) -> None:
        """One round of what both threads do, nothing left to a later one."""
        self.keep(everything=True)
        self.forward(everything=True)
        self._tidy()

    def keep(self, *, everything: bool = False) -> None:
        """One round of keeping house: images, flushing, tidying.

        Args:
            everything: Whether it is done although it is not due.
        """
        now_s = time.monotonic()
        while self._images.write_one():
            pass
        if everything or now_s - self._synced_at_s >= SYNC_EVERY_S:
            self._ledger.sync()
            self._synced_at_s = now_s
        if everything or now_s - self._tidied_at_s >= TIDY_EVERY_S or self._ledger.log_is_long():
            self._tidy()
            self._tidied_at_s = now_s

    def forward(self, *, everything: bool = False) -> None:
        """One round of handing on.

        Args:
            everything: Whether verdicts are handed on that a batch would still wait for.
        """
        while self._forwarder.step(time.monotonic(), everything=everything):
            pass

    def _tidy(self) -> None:
        if self._settings.results is None:
            with contextlib.suppress(*DISK_FAILURES):
                self._ledger.let_go(self._limits.waiting)
        with contextlib.suppress(*DISK_FAILURES):
            self._ledger.prune(self._limits.repeats)
        with contextlib.suppress(*DISK_FAILURES):
            self._ledger.checkpoint()
        self._images.give_room()
        self._reserve.restore()

    def _run(self, work: Callable[..., None], stops: threading.Event) -> None:
        # A full or failing disk must not end the thread: what it could not do is done in a later round.
        while not stops.wait(LOOK_EVERY_S):
            with contextlib.suppress(*DISK_FAILURES):
                work()
        with contextlib.suppress(*DISK_FAILURES):
            work(everything=True)
