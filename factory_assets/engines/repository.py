"""The TUF repository's folder, as the publisher sees it: reading, verifying, writing, removing what is old.

What is released and when roles are signed anew is decided in `release`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from edge_runtime.bundle.release import RELEASE, ReleaseIndex, parse_release
from edge_runtime.errors import BundleError
from edge_runtime.files import write_atomic
from factory_assets.engines.keys import ONLINE_ROLES, Keys
from factory_assets.foundation.errors import FactoryError

METADATA = "metadata"
TARGETS = "targets"
RELEASES_KEPT = 2

_VERSIONED = re.compile(r"(\d+)\.(root|snapshot|targets)\.json")
_PRUNED = re.compile(r"\d+\.(snapshot|targets)\.json")
_HASH_PREFIXED = re.compile(r"[0-9a-f]{64}\..+")


class ReleaseError(FactoryError):
    """A release cannot be made: a bundle, a key or the repository is not what it should be."""


@dataclass(frozen=True)
class Repository:
    """The newest metadata of a repository; no more than the root before the first release is complete."""

    root: Metadata[Root]
    timestamp: Metadata[Timestamp] | None = None
    snapshot: Metadata[Snapshot] | None = None
    targets: Metadata[Targets] | None = None
    index: ReleaseIndex | None = None


def open_repository(releases: Path, keys: Keys) -> Repository | None:
    """The newest metadata, verified against these keys: what someone else changed is never signed again.

    Returns:
        None where there is no repository yet.

    Raises:
        ReleaseError: The keys are not the repository's, or its metadata do not verify.
    """
    current = read_repository(releases)
    if current is None:
        return None
    root = current.root.signed
    for role in ONLINE_ROLES:
        if root.roles[role].keyids != [keys.online(role).public_key.keyid]:
            msg = f"{releases} names another {role} key: use the keys it was made with"
            raise ReleaseError(msg)
    try:
        root.verify_delegate("root", current.root.signed_bytes, current.root.signatures)
        for metadata in (current.timestamp, current.snapshot, current.targets):
            if metadata is not None:
                root.verify_delegate(metadata.signed.type, metadata.signed_bytes, metadata.signatures)
    except RepositoryError as error:
        msg = f"{releases} was changed by someone else ({error}): put its metadata back from a copy"
        raise ReleaseError(msg) from error
    return current


def read_repository(releases: Path) -> Repository | None:
    """The newest metadata without their signatures being checked; None where there is no repository.

    Raises:
        ReleaseError: A file is missing, cannot be read, or differs from what the role above says of it.
    """
    folder = releases / METADATA
    roots = _versions(folder, "root")
    if not roots:
        return None
    root = _metadata(folder / f"{roots[0]}.root.json", Root)
    if not (folder / "timestamp.json").exists():
        return Repository(root=root)
    timestamp = _metadata(folder / "timestamp.json", Timestamp)
    of_snapshot: MetaFile = timestamp.signed.snapshot_meta
    snapshot = _metadata(folder / f"{of_snapshot.version}.snapshot.json", Snapshot, of_snapshot)
    targets = _targets_of(folder, snapshot)
    return Repository(root, timestamp, snapshot, targets, _index_of(releases, targets))


def write_metadata(releases: Path, metadata: Metadata[Any]) -> bytes:
    """Write signed metadata under its name, in the canonical compact form; returns the bytes."""
    role = metadata.signed.type
    name = f"{role}.json" if role == "timestamp" else f"{metadata.signed.version}.{role}.json"
    data = metadata.to_bytes(JSONSerializer(compact=True, validate=True))
    write_atomic(releases / METADATA / name, data)
    return data


def put_target(releases: Path, file: TargetFile, source: Path | bytes | None) -> None:
    """Make sure that a target lies in the repository with the bytes that are signed.

    Raises:
        ReleaseError: It does not, and the source does not have these bytes either.
    """
    place = releases / TARGETS / file.get_prefixed_paths()[0]
    if place.is_file() and _holds(file, place.read_bytes()):
        return
    data = source.read_bytes() if isinstance(source, Path) else source
    if data is None or not _holds(file, data):
        msg = f"{place} is missing or was changed: put it back, or release its bundle in another version"
        raise ReleaseError(msg)
    write_atomic(place, data)


def remove_unneeded(releases: Path, kept: int = RELEASES_KEPT) -> None:
    """Remove metadata and targets that neither the newest `kept` releases nor a reader at work need."""
    folder = releases / METADATA
    current = read_repository(releases)
    if current is None or current.snapshot is None:
        return
    newest: int = current.snapshot.signed.version
    numbers: set[int] = set()
    needed: set[str] = set()
    for version in _versions(folder, "snapshot"):
        if version > newest:
            continue
        try:
            targets = _targets_of(folder, _metadata(folder / f"{version}.snapshot.json", Snapshot))
            number = _index_of(releases, targets).release
        except ReleaseError:
            continue
        is_first_of_release = number not in numbers and len(numbers) < kept
        # A reader that read the timestamp just before it changed still wants the snapshot before.
        if is_first_of_release or version >= newest - 1:
            numbers.add(number)
            needed |= {
                f"{METADATA}/{version}.snapshot.json",
                f"{METADATA}/{targets.signed.version}.targets.json",
            }
            needed |= {f"{TARGETS}/{file.get_prefixed_paths()[0]}" for file in targets.signed.targets.values()}
    _remove_all_but(releases, needed)


def _remove_all_but(releases: Path, needed: set[str]) -> None:
    """Remove snapshots, lists of targets and targets that are not needed; files that are not ours stay."""
    for path in sorted((releases / METADATA).iterdir()):
        if _PRUNED.fullmatch(path.name) and path.relative_to(releases).as_posix() not in needed:
            path.unlink()
    for path in sorted((releases / TARGETS).rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif _HASH_PREFIXED.fullmatch(path.name) and path.relative_to(releases).as_posix() not in needed:
            path.unlink()


def _holds(file: TargetFile, data: bytes) -> bool:
    try:
        file.verify_length_and_hashes(data)
    except RepositoryError:
        return False
    return True


def _versions(folder: Path, role: str) -> list[int]:
    """Versions of a role's metadata that lie in the folder, newest first."""
    found = (_VERSIONED.fullmatch(path.name) for path in folder.glob(f"*.{role}.json"))
    return sorted((int(match[1]) for match in found if match), reverse=True)


def _targets_of(folder: Path, snapshot: Metadata[Snapshot]) -> Metadata[Targets]:
    of_targets = snapshot.signed.meta["targets.json"]
    return _metadata(folder / f"{of_targets.version}.targets.json", Targets, of_targets)


def _index_of(releases: Path, targets: Metadata[Targets]) -> ReleaseIndex:
    file = targets.signed.targets[RELEASE]
    place = releases / TARGETS / file.get_prefixed_paths()[0]
    try:
        data = place.read_bytes()
        file.verify_length_and_hashes(data)
        return parse_release(data, where=str(place))
    except (OSError, RepositoryError, BundleError) as error:
        msg = f"{place} is missing or was changed ({error}): put it back from a copy"
        raise ReleaseError(msg) from error


def _metadata(path: Path, kind: type, facts: MetaFile | None = None) -> Metadata[Any]:
    """Read metadata of a kind; `facts` is what the role above says of the file."""
    try:
        data = path.read_bytes()
        if facts is not None:
            facts.verify_length_and_hashes(data)
        metadata: Metadata[Any] = Metadata.from_bytes(data)
    except (OSError, RepositoryError) as error:
        msg = f"{path} cannot be read ({error}): put it back from a copy"
        raise ReleaseError(msg) from error
    if not isinstance(metadata.signed, kind):
        msg = f"{path} holds {metadata.signed.type} metadata: put it back from a copy"
        raise ReleaseError(msg)
    return metadata
