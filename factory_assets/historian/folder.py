"""Files of an export folder, plain or inside zips: which there are, their digest, and their bytes."""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from factory_assets.historian.reading import Candidate, SegmentRefusedError

UNFINISHED_SUFFIXES = (".tmp", ".partial", ".part", ".crdownload")
ZIP = ".zip"
UNREADABLE = (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)


def look(folder: Path, pattern: str) -> list[Candidate]:
    """One candidate a finished file that matches; a zip is looked into as if it were a folder.

    Names that start with a dot or end with .tmp, .partial, .part, .crdownload are left alone. A zip that is damaged is
    a candidate itself, so that reading it tells what is wrong.
    """
    matches = _matcher(pattern)
    found = [
        _plain(folder, path) for path in folder.glob(pattern) if _is_finished(path.name) and path.suffix.lower() != ZIP
    ]
    for path in folder.rglob("*"):
        if path.suffix.lower() == ZIP and _is_finished(path.name):
            found += _inside(folder, path, matches)
    return sorted((candidate for candidate in found if candidate), key=lambda candidate: candidate.name)


def _is_finished(name: str) -> bool:
    return not name.startswith(".") and PurePosixPath(name).suffix not in UNFINISHED_SUFFIXES


def _plain(folder: Path, path: Path) -> Candidate | None:
    try:
        if not path.is_file():
            return None
        stamp = _stamp(path)
    except FileNotFoundError:
        return None  # moved away since the folder was listed
    return Candidate(name=path.relative_to(folder).as_posix(), stamp=stamp, paths=(path,))


def _stamp(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_size}:{stat.st_mtime_ns}"


def _inside(folder: Path, path: Path, matches: re.Pattern[str]) -> list[Candidate | None]:
    outer = _plain(folder, path)
    if outer is None:
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except UNREADABLE:
        return [outer]
    return [
        Candidate(
            name=f"{outer.name}/{info.filename}",
            stamp=f"{outer.stamp}:{info.CRC:08x}",
            paths=(path,),
            member=info.filename,
        )
        for info in members
        if matches.fullmatch(f"{outer.name}/{info.filename}")
        and all(_is_finished(part) and part != "__MACOSX" for part in PurePosixPath(info.filename).parts)
    ]


def _matcher(pattern: str) -> re.Pattern[str]:
    """A glob pattern as a regular expression over whole relative paths (`glob.translate` comes with Python 3.13)."""
    parts = []
    for token in re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|[^*?\[]+|\[", pattern):
        special = {"**/": r"(?:[^/]+/)*", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
        is_set = token.startswith("[") and token.endswith("]")
        parts.append(special.get(token) or (token.replace("[!", "[^") if is_set else re.escape(token)))
    return re.compile("".join(parts))


@contextmanager
def opened(candidate: Candidate) -> Iterator[IO[bytes]]:
    """A candidate's bytes.

    Raises:
        SegmentRefusedError: It, or the zip that holds it, is damaged or cannot be read.
    """
    path = candidate.paths[0]
    try:
        if candidate.member is not None:
            with zipfile.ZipFile(path) as archive, archive.open(candidate.member) as file:
                yield file
        elif path.suffix.lower() == ZIP:
            zipfile.ZipFile(path).close()
            msg = f"{candidate.name} changed while it was looked at: it is read again at the next look"
            raise SegmentRefusedError(msg)
        else:
            with path.open("rb") as file:
                yield file
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        if candidate.member is None and path.suffix.lower() != ZIP:
            raise
        msg = (
            f"{candidate.name} cannot be read: the zip file {path.name} is damaged or locked ({error}). Copy it again."
        )
        raise SegmentRefusedError(msg) from error
    except OSError as error:
        msg = f"{candidate.name} cannot be read: {error}. See to its access rights and to the disk, or copy it again."
        raise SegmentRefusedError(msg) from error


def sha256(candidate: Candidate) -> str:
    """Digest of a candidate's bytes.

    Raises:
        SegmentRefusedError: They cannot be read.
    """
    with opened(candidate) as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def place(candidate: Candidate, folder: Path) -> tuple[str, str]:
    """(parent, stem) of a candidate's path: what a plant file's `unit_id` may be made of."""
    path = PurePosixPath(candidate.name)
    parent = path.parent.name or folder.name
    return (parent[: -len(ZIP)] if parent.lower().endswith(ZIP) else parent), path.stem
