"""A ballast file: on a full disk it is given up, so that verdicts still fit until a person has made room."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Reserve:
    """The ballast of one spool.

    Attributes:
        path: The file.
        size_bytes: How large it is when it is whole.
    """

    path: Path
    size_bytes: int

    def is_whole(self) -> bool:
        """Whether the ballast is there."""
        try:
            return self.path.stat().st_size >= self.size_bytes
        except FileNotFoundError:
            return False

    def give_up(self) -> bool:
        """Remove it; tells whether there was anything to give."""
        try:
            self.path.unlink()
        except OSError:
            return False
        return True

    def free_bytes(self) -> int:
        """Free space of the disk that it lies on."""
        return shutil.disk_usage(self.path.parent).free

    def fits(self) -> bool:
        """Whether it is there, or can be made and leaves as much space again."""
        return self.is_whole() or self.free_bytes() >= 2 * self.size_bytes

    def restore(self) -> None:
        """Make it anew, if it fits; a disk that is still full is left alone."""
        if self.is_whole() or not self.fits():
            return
        try:
            with self.path.open("wb") as file:
                # Random bytes: a file system that compresses would keep nothing for zeros.
                for start in range(0, self.size_bytes, BLOCK_BYTES):
                    file.write(os.urandom(min(BLOCK_BYTES, self.size_bytes - start)))
        except OSError:
            with contextlib.suppress(OSError):
                self.path.unlink()
