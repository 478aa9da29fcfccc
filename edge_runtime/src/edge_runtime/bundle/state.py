"""What is active on this machine: `active.json`, the release folders, and their verification at every start.

Neither network nor clock is needed here.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator

from edge_runtime.bundle.build import verify_files
from edge_runtime.bundle.manifest import Manifest, load_manifest
from edge_runtime.bundle.release import RELEASE, ReleaseIndex, parse_release
from edge_runtime.bundle.values import MANIFEST, Name, Sha256, Value, is_safe_path
from edge_runtime.errors import InputError, NoReleaseError, StateError
from edge_runtime.files import canonical_json, fsync_folder, sha256_bytes, sha256_file, write_atomic

ACTIVE = "active.json"
FALLBACK = "fallback.json"
ROLLED_BACK = "rolled_back.json"
RELEASES = "releases"
PULL_AGAIN = "run factory-edge pull again"


class StoredFile(Value):
    """A file of the active release, relative to its release folder."""

    path: str
    sha256: Sha256
    bytes: Annotated[int, Field(ge=0)]

    @field_validator("path")
    @classmethod
    def _stays_below(cls, path: str) -> str:
        if not is_safe_path(path):
            msg = f"{path!r} is not a plain relative path"
            raise ValueError(msg)
        return path


class ActiveRecord(Value):
    """`active.json`: the release that runs, and what each of its files must be.

    `digest` is the sha256 of the other fields, so that a damaged record is noticed too.
    """

    schema_version: Literal[1] = 1
    release: Annotated[int, Field(ge=1)]
    target: Name
    root_sha256: Sha256
    files: tuple[StoredFile, ...]
    digest: str = ""

    def sealed(self) -> ActiveRecord:
        """The same record with its digest set."""
        return self.model_copy(update={"digest": self._content_digest()})

    def is_intact(self) -> bool:
        """Whether the digest is that of the other fields."""
        return self.digest == self._content_digest()

    def to_bytes(self) -> bytes:
        """The one byte form of the record."""
        return canonical_json(self.model_dump(mode="json"))

    def _content_digest(self) -> str:
        return sha256_bytes(canonical_json(self.model_dump(mode="json", exclude={"digest"})))


class RolledBack(Value):
    """`rolled_back.json`: a release that failed on this machine. It is not taken again; a newer one is.

    Attributes:
        release: Its number.
        reason: How it failed, in words.
        at_utc: When, ISO 8601.
    """

    release: Annotated[int, Field(ge=1)]
    reason: str
    at_utc: str


@dataclass(frozen=True)
class ActiveBundle:
    """A bundle of the active release: where it lies and what it is."""

    folder: Path
    manifest: Manifest


@dataclass(frozen=True)
class Active:
    """The active release, verified.

    Attributes:
        record: What `active.json` says.
        index: The release's list of bundles.
        bundles: Bundles by name.
    """

    record: ActiveRecord
    index: ReleaseIndex
    bundles: Mapping[str, ActiveBundle]


def release_folder(state: Path, release: int) -> Path:
    """Folder of a release on this machine."""
    return state / RELEASES / str(release)


def describe_files(folder: Path) -> tuple[StoredFile, ...]:
    """Path, digest and size of every file below a release folder."""
    return tuple(
        StoredFile(path=path.relative_to(folder).as_posix(), sha256=sha256_file(path), bytes=path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )


def activate(state: Path, record: ActiveRecord) -> None:
    """Make a release the active one, by one rename; its folder must be complete.

    The one that was active before becomes the fallback, until `settle`.
    """
    try:
        before = read_active(state)
    except StateError:
        before = None
    if before is not None and before.release != record.release:
        write_atomic(state / FALLBACK, before.to_bytes())
    write_atomic(state / ACTIVE, record.sealed().to_bytes())
    rolled_back = read_rolled_back(state)
    if rolled_back is not None and record.release > rolled_back.release:
        (state / ROLLED_BACK).unlink()


def settle(state: Path) -> None:
    """The active release has proven itself: there is no way back to the one before."""
    (state / FALLBACK).unlink(missing_ok=True)
    fsync_folder(state)


def roll_back(state: Path, reason: str) -> ActiveRecord:
    """Make the fallback the active release again, and note that the active one failed here.

    The trusted metadata stays: nothing older than it is ever taken from the repository. After a power cut at any moment
    either release is active, whole, and once the failure is noted a further call ends the work.

    Returns:
        The record that is active now.

    Raises:
        NoReleaseError: There is no fallback.
        StateError: The fallback was changed or damaged; the active release stays.
        InputError: A pull is at work.
    """
    with only_one(state, "pull"):
        failed, fallback = read_active(state), read_fallback(state)
        if failed is None or fallback is None:
            raise NoReleaseError(f"{state} holds no release to go back to", "publish a newer release and pull it")
        open_record(state, fallback)
        note = RolledBack(release=failed.release, reason=reason, at_utc=dt.datetime.now(dt.timezone.utc).isoformat())
        write_atomic(state / ROLLED_BACK, canonical_json(note.model_dump(mode="json")))
        write_atomic(state / ACTIVE, fallback.to_bytes())
        settle(state)
    return fallback


@contextlib.contextmanager
def only_one(folder: Path, who: str) -> Iterator[None]:
    """Hold a lock on a folder where the system has such locks; it ends with the process.

    Raises:
        InputError: Another process holds it.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(f"another {who} is at work in {folder}", "wait for it to end") from error
        yield
    finally:
        os.close(handle)


def read_active(state: Path) -> ActiveRecord | None:
    """The record of the active release; None where nothing is active.

    Raises:
        StateError: The record was changed or damaged.
    """
    return _read_record(state / ACTIVE)


def read_fallback(state: Path) -> ActiveRecord | None:
    """The record of the release before, while the active one has yet to prove itself; else None.

    Raises:
        StateError: The record was changed or damaged.
    """
    fallback, active = _read_record(state / FALLBACK), read_active(state)
    if fallback is None or active is None or fallback.release == active.release:
        return None
    return fallback


def read_rolled_back(state: Path) -> RolledBack | None:
    """The newest release that failed on this machine; None if none did.

    Raises:
        StateError: The note is damaged.
    """
    path = state / ROLLED_BACK
    try:
        return RolledBack.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise StateError(f"{path} is damaged", "remove it; then the release that failed is tried again") from error


def open_active(state: Path) -> Active:
    """Verify every file of the active release against its stored digest, and load its manifests.

    Raises:
        NoReleaseError: Nothing is active.
        StateError: The record or a file was changed, damaged or removed; the message names it.
        BundleError: A manifest does not fit its bundle.
    """
    record = read_active(state)
    if record is None:
        raise NoReleaseError(f"no release is active in {state}", "run factory-edge pull first")
    return open_record(state, record)


def open_kept(state: Path, release: int) -> Active:
    """As `open_active`, for the active release or its fallback, by number.

    Raises:
        NoReleaseError: It is neither.
        StateError: Its record or a file was changed, damaged or removed; the message names it.
        BundleError: A manifest does not fit its bundle.
    """
    active = read_active(state)
    record = active if active is not None and active.release == release else read_fallback(state)
    if record is None or record.release != release:
        raise NoReleaseError(f"release {release} is not kept in {state}", PULL_AGAIN)
    return open_record(state, record)


def open_record(state: Path, record: ActiveRecord) -> Active:
    """Verify every file of a release against a record, and load its manifests.

    Raises:
        StateError: A file was changed, damaged or removed; the message names it.
        BundleError: A manifest does not fit its bundle.
    """
    folder = release_folder(state, record.release)
    for file in record.files:
        _verify(folder / file.path, file)
    index = parse_release((folder / RELEASE).read_bytes(), where=str(folder / RELEASE))
    return Active(record=record, index=index, bundles=load_bundles(folder, index))


def load_bundles(folder: Path, index: ReleaseIndex) -> dict[str, ActiveBundle]:
    """Load and check every bundle of a release folder.

    Raises:
        BundleError: A manifest is missing, wrong, of another bundle, or does not fit its files.
    """
    bundles = {}
    for entry in index.bundles:
        place = folder / entry.path
        manifest = load_manifest(place / MANIFEST)
        entry.target_paths(manifest)
        verify_files(place, manifest)
        bundles[entry.bundle] = ActiveBundle(folder=place, manifest=manifest)
    return bundles


def remove_old_releases(state: Path, active: int) -> None:
    """Keep the active release and its fallback, or else the newest inactive one; remove the others."""
    inactive = sorted(
        (int(path.name) for path in (state / RELEASES).iterdir() if path.name.isdecimal() and int(path.name) != active),
        reverse=True,
    )
    try:
        fallback = read_fallback(state)
    except StateError:
        fallback = None
    kept = inactive[:1] if fallback is None else [fallback.release]
    for release in inactive:
        if release not in kept:
            shutil.rmtree(release_folder(state, release))


def summary(active: Active) -> dict[str, Any]:
    """The active release as plain values, for people and programs."""
    return {
        "release": active.record.release,
        "plant": active.index.plant,
        "target": active.record.target,
        "root_sha256": active.record.root_sha256,
        "bundles": [
            {**entry.model_dump(mode="json", exclude_none=True), "subject": entry.subject}
            for entry in active.index.bundles
        ],
    }


def _read_record(path: Path) -> ActiveRecord | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        record = ActiveRecord.model_validate_json(data)
    except ValidationError as error:
        raise StateError(f"{path} is damaged", PULL_AGAIN) from error
    if not record.is_intact() or record.to_bytes() != data:
        raise StateError(f"{path} was changed", PULL_AGAIN)
    return record


def _verify(path: Path, expected: StoredFile) -> None:
    if not path.is_file():
        raise StateError(f"{path} of the active release is missing", PULL_AGAIN)
    if path.stat().st_size != expected.bytes or sha256_file(path) != expected.sha256:
        raise StateError(f"{path} of the active release was changed", PULL_AGAIN)
