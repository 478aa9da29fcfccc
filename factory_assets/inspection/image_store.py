"""Image files of a folder or a zip file, by name; nothing outside of it can be reached."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from factory_assets.foundation.errors import FactoryError

MANIFEST = "manifest.csv"


class ImageSourceError(FactoryError, ValueError):
    """A source of images that cannot be used; the message says what and where."""


class ImageStore(Protocol):
    """Files by their names, with `/`."""

    @property
    def where(self) -> str:
        """The source, for people."""

    def names(self) -> list[str]:
        """All files, sorted."""

    def has(self, name: str) -> bool:
        """Whether a file is there."""

    def read(self, name: str) -> bytes:
        """A file's bytes; raises FileNotFoundError."""


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
        return sorted(p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*") if p.is_file())

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return is_inside(name) and (self.folder / name).is_file()

    def read(self, name: str) -> bytes:
        """A file's bytes; raises FileNotFoundError."""
        if not is_inside(name):
            raise FileNotFoundError(name)
        return (self.folder / name).read_bytes()


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
        found = (entry.filename for entry in self.archive.infolist() if not entry.is_dir())
        return sorted(name[len(self.top) :] for name in found)

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return self.archive.NameToInfo.get(self.top + name) is not None

    def read(self, name: str) -> bytes:
        """A file's bytes; raises FileNotFoundError."""
        try:
            return self.archive.read(self.top + name)
        except KeyError as error:
            raise FileNotFoundError(name) from error


def is_inside(name: str) -> bool:
    """Whether a name stays below the folder that it is read from."""
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\\" not in name


@contextmanager
def open_store(source: Path) -> Iterator[ImageStore]:
    """Open a folder or a zip file; a folder that holds one zip file and no images is that zip file.

    Raises:
        ImageSourceError: It is not there, or is not a zip file.
    """
    if source.is_dir():
        archives = sorted(source.glob("*.zip"))
        if (source / MANIFEST).is_file() or any(path.is_dir() for path in source.iterdir()) or len(archives) != 1:
            yield FolderStore(source)
            return
        source = archives[0]
    if not source.is_file():
        msg = f"images are to be read from {source}, which is neither a folder nor a zip file: mend images.folder"
        raise ImageSourceError(msg)
    try:
        with zipfile.ZipFile(source) as archive:
            yield ZipStore(archive, _top(archive), source)
    except zipfile.BadZipFile as error:
        msg = f"{source} is not a whole zip file ({error}): copy it again"
        raise ImageSourceError(msg) from error


def _top(archive: zipfile.ZipFile) -> str:
    """The folder that everything in the archive lies in, with its slash; empty if there is none."""
    firsts = {entry.filename.split("/", 1)[0] for entry in archive.infolist() if "/" in entry.filename}
    alone = {entry.filename for entry in archive.infolist() if "/" not in entry.filename}
    return f"{next(iter(firsts))}/" if len(firsts) == 1 and not alone else ""
