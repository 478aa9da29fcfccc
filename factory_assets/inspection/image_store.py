"""Image files of a folder or a zip file, by name; a name that leads out of it is not there."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar, Protocol

from factory_assets.foundation.errors import FactoryError

MANIFEST = "manifest.csv"
IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff")
# The largest image that is let in, with three channels of 16 bits, is smaller; what a zip file blows up to may not be.
LARGEST_FILE_BYTES = 400_000_000


class ImageSourceError(FactoryError, ValueError):
    """A source of images that cannot be used; the message says what and where."""


class UnreadableFileError(FactoryError, OSError):
    """A file of a source that is there and cannot be read."""

    reason: ClassVar[str] = "unreadable"


class TooLargeFileError(UnreadableFileError):
    """A file with more bytes than any image that is let in."""

    reason: ClassVar[str] = "too_large"


class ImageStore(Protocol):
    """Files by their names, with `/`."""

    @property
    def where(self) -> str:
        """The source, for people."""

    def names(self) -> list[str]:
        r"""All files, sorted; hidden ones are left out. Bytes that are no UTF-8 are shown as such (`\\xe9`)."""

    def has(self, name: str) -> bool:
        """Whether a file is there."""

    def read(self, name: str) -> bytes:
        """A file's bytes; raises FileNotFoundError, or UnreadableFileError if it is damaged or too large."""


@dataclass(frozen=True)
class FolderStore:
    """Files below a folder."""

    folder: Path

    @property
    def where(self) -> str:
        """The folder."""
        return str(self.folder)

    def names(self) -> list[str]:
        """All files, sorted."""
        files = (path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())
        return sorted(os.fsencode(name).decode("utf-8", "backslashreplace") for name in files if not is_hidden(name))

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        try:
            return is_inside(name) and (self.folder / name).is_file()
        except (OSError, ValueError):  # a name that no file can have: too long, or with a zero byte
            return False

    def read(self, name: str) -> bytes:
        """A file's bytes; raises FileNotFoundError or UnreadableFileError."""
        if not self.has(name):
            raise FileNotFoundError(name)
        path = self.folder / name
        _check_bytes(name, path.stat().st_size)
        try:
            return path.read_bytes()
        except OSError as error:
            msg = f"{name} cannot be read: {error.strerror}"
            raise UnreadableFileError(msg) from error


@dataclass(frozen=True)
class ZipStore:
    """Files of a zip file; a single folder at its top is looked into."""

    archive: zipfile.ZipFile
    top: str
    path: Path

    @property
    def where(self) -> str:
        """The zip file."""
        return str(self.path)

    def names(self) -> list[str]:
        """All files, sorted."""
        found = (name for name in self.archive.NameToInfo if not name.endswith("/") and not is_hidden(name))
        return sorted(name[len(self.top) :] for name in found)

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return is_inside(name) and self.top + name in self.archive.NameToInfo

    def read(self, name: str) -> bytes:
        """A file's bytes; raises FileNotFoundError or UnreadableFileError."""
        if not self.has(name):
            raise FileNotFoundError(name)
        # What is read ends where the directory of the archive says, so its word can be taken.
        _check_bytes(name, self.archive.NameToInfo[self.top + name].file_size)
        try:
            return self.archive.read(self.top + name)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
            msg = f"{name} in the zip file is damaged, encrypted or packed in a way that is not known ({error})"
            raise UnreadableFileError(msg) from error


def is_inside(name: str) -> bool:
    """Whether a name stays below the folder that it is read from."""
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\\" not in name


def is_hidden(name: str) -> bool:
    """Whether a file is one that systems leave beside images: `.DS_Store`, `__MACOSX/._1.png`."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


@contextmanager
def open_store(source: Path) -> Iterator[ImageStore]:
    """Open a folder or a zip file; a folder with one zip file, and no image, CSV file or folder, is that zip file.

    Raises:
        ImageSourceError: It is not there, or is not a zip file.
    """
    if source.is_dir():
        archive = _only_archive(source)
        if archive is None:
            yield FolderStore(source)
            return
        source = archive
    if not source.is_file():
        msg = f"images are to be read from {source}, which is neither a folder nor a zip file: mend images.folder"
        raise ImageSourceError(msg)
    try:
        opened = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, OSError) as error:
        msg = f"{source} is not a whole zip file ({error}): copy it again"
        raise ImageSourceError(msg) from error
    with opened:
        yield ZipStore(opened, _top(opened), source)


def _only_archive(folder: Path) -> Path | None:
    entries = [path for path in folder.iterdir() if not is_hidden(path.name)]
    archives = [path for path in entries if path.suffix.lower() == ".zip" and path.is_file()]
    others = any(path.is_dir() or path.suffix.lower() in (*IMAGE_SUFFIXES, ".csv") for path in entries)
    return archives[0] if len(archives) == 1 and not others else None


def _top(archive: zipfile.ZipFile) -> str:
    """The folder that everything in the archive lies in, with its slash; empty if there is none.

    A single folder with images in it and no manifest names their label, and is none.
    """
    names = [entry.filename for entry in archive.infolist() if not is_hidden(entry.filename)]
    firsts = {name.split("/", 1)[0] for name in names}
    if len(firsts) != 1 or not all("/" in name for name in names):
        return ""
    beside = [PurePosixPath(name).suffix.lower() for name in names if name.count("/") == 1]
    is_label = ".csv" not in beside and any(suffix in IMAGE_SUFFIXES for suffix in beside)
    return "" if is_label else f"{next(iter(firsts))}/"


def _check_bytes(name: str, size_bytes: int) -> None:
    if size_bytes > LARGEST_FILE_BYTES:
        msg = f"{name} has {size_bytes / 1e6:.0f} MB, {LARGEST_FILE_BYTES / 1e6:.0f} MB are let in"
        raise TooLargeFileError(msg)
