"""A folder that another program writes images into: every file is one part, seen once, and only when it is complete."""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.camera.sources import CameraFrame, SourceLost
from edge_runtime.errors import EdgeError
from edge_runtime.inspection.decoding import decode
from edge_runtime.inspection.folder import SUFFIXES
from edge_runtime.station.config import FolderCamera

# A file that cannot be decoded is unreadable once it was left alone for so long: its writer may only be slow.
SETTLED_S = 1.0
# So many files may be on their way to a verdict; the others wait in the folder, not in the ring.
MOST_IN_FLIGHT = 2
# A file that nobody said `done` for does not hold back others for longer.
FORGOTTEN_S = 2.0
# A file whose frame was dropped because nobody could judge it is offered again after so long.
AGAIN_S = 0.25
# Looking through a folder of very many files takes at most this share of the time.
SCAN_SHARE = 0.2

_log = logging.getLogger(__name__)

# Modification time (ns) and size (bytes): a file with another stamp is another file.
Stamp = tuple[int, int]


@dataclass
class _File:
    stamp: Stamp
    since_s: float
    not_before_s: float
    is_handled: bool = False


@dataclass(frozen=True)
class _Sent:
    path: Path
    stamp: Stamp
    part_id: str
    at_s: float
    is_readable: bool


class FolderSource:
    """Images of a folder, oldest first, and by name where they are as old.

    A file is taken once it stayed the same for a poll and decodes whole, so writers may rename it into place or just
    write it. Hidden files and files with other endings are left alone. A file that is written anew is a new part.
    Unreadable files are never deleted: they are all the evidence there is.
    """

    def __init__(self, settings: FolderCamera) -> None:
        self.idle_s = settings.poll_s
        self._folder, self._poll_s, self._deletes = settings.folder, settings.poll_s, settings.when_done == "delete"
        self._files: dict[str, _File] = {}
        self._ready: deque[str] = deque()
        self._in_flight: list[_Sent] = []
        self._next_scan_s = 0.0

    def open(self) -> None:
        """See that the folder is there.

        Raises:
            SourceLost: It is not.
        """
        if not self._folder.is_dir():
            raise SourceLost(f"folder {self._folder} is not there", "make it, or mount it again")
        self._next_scan_s = 0.0

    def read(self, timeout_s: float) -> CameraFrame | None:
        """The next complete file, at once or not at all.

        Raises:
            SourceLost: The folder is not there any more.
        """
        now_s = time.monotonic()
        self._in_flight = [sent for sent in self._in_flight if now_s - sent.at_s < FORGOTTEN_S]
        if len(self._in_flight) >= MOST_IN_FLIGHT:
            return None
        if not self._ready and now_s >= self._next_scan_s:
            self._scan()
        while self._ready:
            frame = self._taken(self._ready.popleft())
            if frame is not None:
                return frame
        return None

    def done(self, part_id: str) -> None:
        """Delete the file of a part, if the settings say so and it is still the same."""
        sent = self._let_go(part_id)
        if sent is None or not sent.is_readable or not self._deletes:
            return
        try:
            if _stamp(sent.path.stat()) == sent.stamp:
                sent.path.unlink()
        except FileNotFoundError:
            return
        except OSError as error:
            _log.warning("%s cannot be deleted: %s", sent.path, error.strerror)

    def dropped(self, part_id: str, *, again: bool) -> None:
        """Let the next file come; the file of a part stays, and is offered again if it is still wanted."""
        sent = self._let_go(part_id)
        file = None if sent is None else self._files.get(sent.path.name)
        if sent is not None and file is not None and file.stamp == sent.stamp and again:
            file.is_handled, file.not_before_s = False, time.monotonic() + AGAIN_S

    def close(self) -> None:
        """Nothing is open."""

    def _let_go(self, part_id: str) -> _Sent | None:
        sent = next((sent for sent in self._in_flight if sent.part_id == part_id), None)
        if sent is not None:
            self._in_flight.remove(sent)
        return sent

    def _scan(self) -> None:
        started_s = time.monotonic()
        found = self._listed()
        now_s = time.monotonic()
        files: dict[str, _File] = {}
        for name, stamp in found.items():
            file = self._files.get(name)
            if file is None or file.stamp != stamp:
                file = _File(stamp, now_s, started_s + self._poll_s)
            files[name] = file
        self._files = files
        waiting = (name for name, file in files.items() if not file.is_handled and now_s >= file.not_before_s)
        self._ready.extend(sorted(waiting, key=lambda name: (files[name].stamp[0], name)))
        self._next_scan_s = now_s + max(self._poll_s, (now_s - started_s) / SCAN_SHARE)

    def _listed(self) -> dict[str, Stamp]:
        found = {}
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or not entry.name.lower().endswith(SUFFIXES):
                        continue
                    try:
                        if entry.is_file():
                            found[entry.name] = _stamp(entry.stat())
                    except FileNotFoundError:
                        continue
        except OSError as error:
            raise SourceLost(
                f"folder {self._folder} cannot be read: {error.strerror}", "make it, or mount it again"
            ) from error
        return found

    def _taken(self, name: str) -> CameraFrame | None:
        """The frame of a file, or None if it is not complete or went."""
        file, path = self._files[name], self._folder / name
        read_ns = time.monotonic_ns()
        try:
            data = path.read_bytes()
            if _stamp(path.stat()) != file.stamp:
                # It is being written: the next look through the folder sees its new stamp.
                return None
            pixels, fault = decode(data), None
        except FileNotFoundError:
            return None
        except (EdgeError, OSError) as error:
            settled_s = file.since_s + SETTLED_S
            if time.monotonic() < settled_s:
                file.not_before_s = settled_s
                return None
            pixels = None
            fault = error.what if isinstance(error, EdgeError) else f"cannot be read: {error.strerror}"
        file.is_handled = True
        part_id, shown = _text(path.stem), _text(name)
        self._in_flight.append(_Sent(path, file.stamp, part_id, time.monotonic(), pixels is not None))
        trigger_id = f"{shown}@{file.stamp[0]}.{file.stamp[1]}"
        return CameraFrame(pixels, read_ns, part_id, trigger_id, None if fault is None else f"{shown}: {fault}")


def _stamp(facts: os.stat_result) -> Stamp:
    return facts.st_mtime_ns, facts.st_size


def _text(name: str) -> str:
    r"""A name as text; bytes that are no UTF-8 are shown as such (`\\xe9`)."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
