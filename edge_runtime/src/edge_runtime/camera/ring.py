"""The ring of frames in shared memory: one process writes, any number read, and none ever waits for another.

There is no lock that a killed process could leave taken. Each slot has a generation: odd while it is written, even once
its frame is whole, and never the same twice. A reader holds a `FrameRef`, which names slot and generation, and looks
whether the slot still has that generation: before it reads, and again after it used what it read.

The ring lies in a file of the system's shared memory (`/dev/shm`), which is nobody's to clean up but the station's:
Python's resource tracker would remove a ring that is in use when one of its readers ends, or when the service before
was killed.
"""

from __future__ import annotations

import hashlib
import math
import mmap
import os
import re
import secrets
import stat
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_runtime.errors import EdgeError, InputError
from edge_runtime.inspection.decoding import LARGEST_MEGAPIXELS, MEGAPIXEL

SLOTS = 8
# Slots are as large as the largest image that is let in. Memory is taken only for what frames really need.
LARGEST_FRAME_BYTES = int(LARGEST_MEGAPIXELS * MEGAPIXEL) * 3
PREFIX = "factory-edge-"
MAGIC = int.from_bytes(b"FEFRAME1", "little")
PAGE_BYTES = 4096
# Words of 8 bytes at the start of the file: magic, slots, bytes of a slot, then the generations.
HEAD_WORDS = 3


class FrameGone(EdgeError):  # noqa: N818 (the name says what happened)
    """The slot of a frame was written over, so what was read of it may be torn."""


class RingError(EdgeError):
    """A ring cannot be made, found or written."""


@dataclass(frozen=True, slots=True)
class FrameRef:
    """Where a frame lies in its ring.

    Attributes:
        slot: Number of the slot.
        generation: The slot has it as long as the frame is whole.
        shape: (height, width) or (height, width, 3); pixels are uint8.
        part_id: What the line calls the part; None where the source does not know.
        captured_ns: When it was taken, by the monotonic clock of this machine.
        trigger_id: The same for the same file, even after a restart; None where frames have no name.
    """

    slot: int
    generation: int
    shape: tuple[int, ...]
    part_id: str | None
    captured_ns: int
    trigger_id: str | None = None


class FrameRing:
    """A ring of frames; make one with `create`, open it elsewhere with `attach`."""

    def __init__(self, path: Path, memory: mmap.mmap, handle: int) -> None:
        words = np.frombuffer(memory, np.uint64)
        self.name, self._path, self._handle = path.name, path, handle
        self.slots, self.slot_bytes = int(words[1]), int(words[2])
        self._generations = words[HEAD_WORDS : HEAD_WORDS + self.slots]
        self._bytes = np.frombuffer(memory, np.uint8)
        self._reserved = [0] * self.slots
        # A killed writer may have left a slot half written; its number is used up.
        self._next = (int(self._generations.max()) + 1) // 2 + 1
        self._fence = threading.Lock()
        self._fence.acquire()

    @classmethod
    def create(cls, slots: int = SLOTS, slot_bytes: int = LARGEST_FRAME_BYTES, *, name: str | None = None) -> FrameRing:
        """Make a ring; one of that name that a killed service left is removed.

        Args:
            slots: How many frames it holds.
            slot_bytes: The largest frame; memory is only taken for what frames need.
            name: See `ring_name`; by default a new one.

        Raises:
            RingError: Shared memory is not there or full, or has something else of that name.
        """
        first_slot = _first_slot(slots)
        size = first_slot + slots * _stride(slot_bytes)
        path = _folder() / (name or f"{PREFIX}{secrets.token_hex(8)}")
        remove_ring(path.name)
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o600)
        except OSError as error:
            raise RingError(f"{path} cannot be made: {error.strerror}", "see who uses this shared memory") from error
        try:
            os.ftruncate(handle, size)
            _reserve(handle, 0, first_slot, path)
            memory = mmap.mmap(handle, size)
        except (OSError, RingError) as error:
            os.close(handle)
            path.unlink()
            if isinstance(error, RingError):
                raise
            raise RingError(f"no shared memory of {size} bytes: {error}", "ask for fewer or smaller slots") from error
        np.frombuffer(memory, np.uint64)[:HEAD_WORDS] = (MAGIC, slots, slot_bytes)
        return cls(path, memory, handle)

    @classmethod
    def attach(cls, name: str) -> FrameRing:
        """Open a ring that another process made, to read or to go on writing it.

        Raises:
            RingError: There is none of that name.
        """
        path = _folder() / name
        try:
            handle = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
        except OSError as error:
            raise RingError(
                f"frame ring {path} cannot be opened: {error.strerror}", "start the station again"
            ) from error
        if not _is_ring(handle):
            os.close(handle)
            raise RingError(f"{path} is no frame ring of this user", "start the station again")
        return cls(path, mmap.mmap(handle, 0), handle)

    def put(self, pixels: np.ndarray, part_id: str | None, captured_ns: int, trigger_id: str | None = None) -> FrameRef:
        """Write a frame over the oldest one; one process only does this.

        Args:
            pixels: uint8, (height, width) or (height, width, 1 or 3).
            part_id: What the line calls the part.
            captured_ns: When it was taken, `time.monotonic_ns`.
            trigger_id: See `FrameRef`.

        Raises:
            RingError: It is no such frame, it is larger than a slot, or shared memory is full; the ring is as before.
        """
        slot = (self._next - 1) % self.slots
        place = self._place(slot, _checked(pixels, self.slot_bytes))
        if pixels.nbytes > self._reserved[slot]:
            _reserve(self._handle, place.start, pixels.nbytes, self._path)
            self._reserved[slot] = pixels.nbytes
        self._generations[slot] = 2 * self._next - 1
        self._order()
        np.copyto(self._bytes[place].reshape(pixels.shape), pixels)
        self._order()
        generation = 2 * self._next
        self._generations[slot] = generation
        self._next += 1
        return FrameRef(slot, generation, pixels.shape, part_id, captured_ns, trigger_id)

    def read(self, ref: FrameRef) -> np.ndarray:
        """A frame's pixels where they lie, read-only; `check` it once they were used or copied.

        Raises:
            FrameGone: The slot was written over.
        """
        self.check(ref)
        frame = self._bytes[self._place(ref.slot, math.prod(ref.shape))].reshape(ref.shape)
        frame.flags.writeable = False
        return frame

    def check(self, ref: FrameRef) -> None:
        """See that a frame was whole until now.

        Raises:
            FrameGone: The slot was written over, so what was made of the frame must be thrown away.
        """
        self._order()
        is_written = ref.slot < self.slots and ref.generation > 0 and ref.generation % 2 == 0
        if not is_written or int(self._generations[ref.slot]) != ref.generation:
            raise FrameGone(
                f"frame {ref.generation // 2} was written over before it was used",
                "ask for a slower camera or a faster engine",
            )

    def close(self) -> None:
        """Let go of the ring; frames that were read stay readable as long as they are held."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        self._generations, self._bytes, self.slots = np.empty(0, np.uint64), np.empty(0, np.uint8), 0

    def unlink(self) -> None:
        """Remove the ring's name; its memory is free once the last process let go of it."""
        with suppress(FileNotFoundError):
            self._path.unlink()

    def _place(self, slot: int, size: int) -> slice:
        start = _first_slot(self.slots) + slot * _stride(self.slot_bytes)
        return slice(start, start + size)

    def _order(self) -> None:
        """Keep stores and loads before this apart from those after it, also on Arm processors, which reorder them.

        To release a lock and to take it again does so; only this object knows the lock, so it never waits.
        """
        self._fence.release()
        self._fence.acquire()


def ring_name(station: str, state: Path) -> str:
    """The one name of a station's ring on this machine: what a killed service left is found under it."""
    digest = hashlib.sha256(os.fsencode(state.absolute())).hexdigest()[:12]
    return f"{PREFIX}{re.sub(r'[^A-Za-z0-9._-]', '_', station)[:100]}-{digest}"


def remove_ring(name: str) -> bool:
    """Remove a ring that a killed service left. Processes that still have it go on with it undisturbed.

    Returns:
        Whether there was one.

    Raises:
        RingError: What has that name is no ring of this user; it is left alone.
    """
    path = _folder() / name
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return False
    except OSError as error:
        raise RingError(f"{path} is in the way: {error.strerror}", "remove it") from error
    try:
        # A service killed while it made its ring leaves an empty file, or one without its first words.
        if not _is_ring(handle, may_be_unfinished=True):
            raise RingError(f"{path} is in the way and is no frame ring of this user", "remove it")
        path.unlink(missing_ok=True)
    finally:
        os.close(handle)
    return True


def _checked(pixels: np.ndarray, slot_bytes: int) -> int:
    if pixels.dtype != np.uint8 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (1, 3))):
        raise RingError(f"a frame of {pixels.dtype} {pixels.shape}", "give uint8 pixels, grey or with 3 channels")
    if not 0 < pixels.nbytes <= slot_bytes:
        raise RingError(
            f"a frame of {pixels.shape[1]} x {pixels.shape[0]} pixels has {pixels.nbytes} bytes, "
            f"the ring takes 1 to {slot_bytes}",
            "give the station a region, or make the camera's frames smaller",
        )
    return pixels.nbytes


def _folder() -> Path:
    shared = Path("/dev/shm")  # noqa: S108 (files in it are made exclusively and for this user only)
    return shared if shared.is_dir() else Path(tempfile.gettempdir())


def _first_slot(slots: int) -> int:
    if slots < 2:
        raise InputError(f"a ring of {slots} slots", "give it 2 or more: one is read while another is written")
    return -(-(HEAD_WORDS + slots) * 8 // PAGE_BYTES) * PAGE_BYTES


def _stride(slot_bytes: int) -> int:
    return -(-slot_bytes // PAGE_BYTES) * PAGE_BYTES


def _reserve(handle: int, start: int, size: int, path: Path) -> None:
    """Take memory now: a page that cannot be had later would kill the process that touches it."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(handle, start, size)
    except OSError as error:
        raise RingError(
            f"{path.parent} has no room for {size} bytes more: {error.strerror}",
            "make more shared memory available, or give the station a region",
        ) from error


def _is_ring(handle: int, *, may_be_unfinished: bool = False) -> bool:
    facts = os.fstat(handle)
    is_ours = stat.S_ISREG(facts.st_mode) and (not hasattr(os, "getuid") or facts.st_uid == os.getuid())
    head = os.pread(handle, 8, 0) if is_ours else b""
    if may_be_unfinished and is_ours and not any(head):
        return True
    return head == MAGIC.to_bytes(8, "little") and facts.st_size > PAGE_BYTES
