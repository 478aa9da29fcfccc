"""Publishing bundles as a signed, numbered release in a TUF repository.

Everything is ordered for a reader that may come in between: target files first, then the list of targets, the
snapshot, and the timestamp last, each written whole. The reading side is `edge_runtime.bundle.pull`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from edge_runtime.bundle import Manifest, canonical_json, load_manifest, verify_files
from edge_runtime.bundle.release import RELEASE, ReleasedBundle, ReleaseIndex
from edge_runtime.bundle.values import MANIFEST
from edge_runtime.errors import BundleError
from edge_runtime.files import sha256_file
from factory_assets.engines.keys import ONLINE_ROLES, Keys
from factory_assets.engines.repository import (
    METADATA,
    RELEASES_KEPT,
    ReleaseError,
    Repository,
    open_repository,
    put_target,
    read_repository,
    remove_unneeded,
    write_metadata,
)

__all__ = [
    "ExpiryWarning",
    "Lifetimes",
    "Release",
    "ReleaseError",
    "expiry_warnings",
    "fingerprint",
    "publish",
    "refresh_timestamp",
    "renew_root",
]

FIRST_ROOT = f"{METADATA}/1.root.json"


@dataclass(frozen=True)
class Lifetimes:
    """Days for which each role's signature is good; online roles are signed anew from half of it on."""

    root_days: float = 1825
    targets_days: float = 90
    snapshot_days: float = 90
    timestamp_days: float = 30

    def of(self, role: str) -> dt.timedelta:
        """Lifetime of a role."""
        return dt.timedelta(days=float(getattr(self, f"{role}_days")))

    def is_past_half(self, metadata: Metadata[Any], now: dt.datetime) -> bool:
        """Whether less than half of the lifetime of signed metadata is left."""
        left: dt.timedelta = metadata.signed.expires - now
        return left < self.of(metadata.signed.type) / 2


@dataclass(frozen=True)
class Release:
    """What a publish left behind.

    Attributes:
        number: The release that is out now.
        is_new: The number is new; otherwise the same bundles were out already.
        is_signed: Something was signed and written: a new release, or signatures past half of their lifetime.
        index: Its bundles.
        root_sha256: Fingerprint of the root that edges pin at enrolment.
    """

    number: int
    is_new: bool
    is_signed: bool
    index: ReleaseIndex
    root_sha256: str


@dataclass(frozen=True)
class ExpiryWarning:
    """A role whose signature is past half of its lifetime."""

    role: str
    expires_utc: dt.datetime
    is_expired: bool

    def __str__(self) -> str:
        """One line for people."""
        mend = "renew it with the offline root key" if self.role == "root" else "publish again (engine_release)"
        return f"{self.role} {'expired' if self.is_expired else 'expires'} {self.expires_utc:%Y-%m-%d}: {mend}"


def publish(
    releases: Path,
    keys: Keys,
    bundles: Sequence[Path],
    *,
    plant: str,
    now: dt.datetime,
    lifetimes: Lifetimes,
    kept: int = RELEASES_KEPT,
) -> Release:
    """Release bundles under the next number; bundles of other names that are out stay out.

    Publishing what is out already writes nothing, unless signatures are past half of their lifetime. A bundle
    whose version is out keeps its released files, so training again with the same result is no new release.

    Args:
        releases: The repository's folder; made by the first publish.
        keys: Signers; the root's is needed for the first publish only.
        bundles: Folders of finished bundles, one for each bundle name.
        plant: The plant all of them belong to.
        now: Aware; lifetimes start here.
        lifetimes: How long signatures are good.
        kept: How many releases stay, the new one included; bundles of none of them go.

    Raises:
        ReleaseError: A bundle is damaged or of another plant, a name comes twice, nothing is to be
            released, the keys are not those of the repository, or the repository was changed by someone else.
    """
    now = now.astimezone(dt.UTC)
    offered = _read_bundles(bundles, plant)
    current = open_repository(releases, keys) or Repository(root=_first_root(keys, now, lifetimes))
    index = _next_index(releases, current, offered, plant)
    is_new = index != current.index
    release_json = canonical_json(index.model_dump(mode="json", exclude_none=True))
    sources: dict[str, Path | bytes] = {RELEASE: release_json, **_sources(offered)}
    out = current.targets.signed.targets if current.targets else {}
    files = _target_files(out, index, sources)
    if current.targets is None:
        write_metadata(releases, current.root)
    for path, file in files.items():
        put_target(releases, file, sources.get(path))
    signing = _Signing(releases, keys, now, lifetimes)
    is_signed = signing.sign(current, files if is_new else None)
    if is_signed:
        remove_unneeded(releases, kept)
    root_sha256 = fingerprint(releases / FIRST_ROOT)
    return Release(index.release, is_new=is_new, is_signed=is_signed, index=index, root_sha256=root_sha256)


def refresh_timestamp(releases: Path, keys: Keys, *, now: dt.datetime, lifetimes: Lifetimes) -> dt.datetime:
    """Sign the timestamp anew, so that edges go on trusting a release that has not changed.

    Returns:
        When it expires.

    Raises:
        ReleaseError: Nothing is released yet, or the keys or the repository are not what they were.
    """
    current = open_repository(releases, keys)
    if current is None or current.timestamp is None:
        msg = f"{releases} holds no release: publish first"
        raise ReleaseError(msg)
    _Signing(releases, keys, now.astimezone(dt.UTC), lifetimes).sign_next(current.timestamp)
    expires: dt.datetime = current.timestamp.signed.expires
    return expires


def renew_root(releases: Path, keys: Keys, *, now: dt.datetime, lifetimes: Lifetimes) -> dt.datetime:
    """Write the next version of the root: a new lifetime, the same keys. Edges follow from their pinned one.

    Returns:
        When it expires.

    Raises:
        ReleaseError: The root key is absent or another one, or nothing is released yet.
    """
    current = open_repository(releases, keys)
    if current is None:
        msg = f"{releases} has no root yet: publish first"
        raise ReleaseError(msg)
    if keys.root is None or keys.root.public_key.keyid not in current.root.signed.roles["root"].keyids:
        msg = "the root is renewed with the offline root key it was made with: bring that key"
        raise ReleaseError(msg)
    expires = now.astimezone(dt.UTC) + lifetimes.of("root")
    current.root.signed.version += 1
    current.root.signed.expires = expires
    current.root.sign(keys.root)
    write_metadata(releases, current.root)
    return expires


def expiry_warnings(releases: Path, now: dt.datetime, lifetimes: Lifetimes | None = None) -> list[ExpiryWarning]:
    """Roles that are past half of their lifetime, or expired; nothing where nothing is released.

    Raises:
        ReleaseError: The metadata cannot be read.
    """
    lifetimes = lifetimes or Lifetimes()
    current = read_repository(releases)
    if current is None:
        return []
    found = []
    for metadata in (current.root, current.targets, current.snapshot, current.timestamp):
        if metadata is not None and lifetimes.is_past_half(metadata, now):
            signed = metadata.signed
            found.append(ExpiryWarning(signed.type, signed.expires, is_expired=signed.is_expired(now)))
    return found


def fingerprint(root: Path) -> str:
    """Hex sha256 of a root file: what the publisher shows and the person enrolling an edge compares."""
    return sha256_file(root)


def _read_bundles(bundles: Sequence[Path], plant: str) -> dict[str, tuple[Manifest, Path]]:
    found: dict[str, tuple[Manifest, Path]] = {}
    for folder in bundles:
        try:
            manifest = load_manifest(folder / MANIFEST)
            verify_files(folder, manifest)
        except BundleError as error:
            raise ReleaseError(str(error)) from error
        if manifest.plant != plant:
            msg = f"{folder} is a bundle of plant {manifest.plant}, not of {plant}: leave it out"
            raise ReleaseError(msg)
        if manifest.bundle in found:
            other = found[manifest.bundle][1]
            msg = f"{folder} and {other} are both bundle {manifest.bundle}: give one of them"
            raise ReleaseError(msg)
        found[manifest.bundle] = (manifest, folder)
    return found


def _next_index(
    releases: Path, current: Repository, offered: Mapping[str, tuple[Manifest, Path]], plant: str
) -> ReleaseIndex:
    """The index after this publish: the current one if nothing changes, else one with the next number."""
    out = current.index
    if out is not None and out.plant != plant:
        msg = f"{releases} holds releases of plant {out.plant}: give plant {plant} a folder of its own"
        raise ReleaseError(msg)
    entries = {entry.bundle: entry for entry in (out.bundles if out else ())}
    entries |= {name: ReleasedBundle.of(manifest) for name, (manifest, _) in offered.items()}
    if not entries:
        msg = "there is nothing to release: make a bundle first"
        raise ReleaseError(msg)
    listed = tuple(entries[name] for name in sorted(entries))
    if out is not None and out.bundles == listed:
        return out
    return ReleaseIndex(release=(out.release if out else 0) + 1, plant=plant, bundles=listed)


def _sources(offered: Mapping[str, tuple[Manifest, Path]]) -> dict[str, Path]:
    """Where the bytes of each offered target are now."""
    found: dict[str, Path] = {}
    for manifest, folder in offered.values():
        entry = ReleasedBundle.of(manifest)
        found |= {path: folder / path.removeprefix(f"{entry.path}/") for path in entry.target_paths(manifest)}
    return found


def _target_files(
    out: Mapping[str, TargetFile], index: ReleaseIndex, sources: Mapping[str, Path | bytes]
) -> dict[str, TargetFile]:
    """Facts to sign of every target of a release; a bundle that is out is taken over as it was signed."""
    files = {RELEASE: _facts(RELEASE, sources[RELEASE])}
    for entry in index.bundles:
        below = f"{entry.path}/"
        known = {path: file for path, file in out.items() if path.startswith(below)}
        files |= known or {path: _facts(path, source) for path, source in sources.items() if path.startswith(below)}
    return files


def _facts(path: str, source: Path | bytes) -> TargetFile:
    if isinstance(source, Path):
        return TargetFile.from_file(path, str(source))
    return TargetFile.from_data(path, source)


def _first_root(keys: Keys, now: dt.datetime, lifetimes: Lifetimes) -> Metadata[Root]:
    if keys.root is None:
        msg = "the first release needs the offline root key: bring offline/root.pem for this one publish"
        raise ReleaseError(msg)
    root = Root(expires=now + lifetimes.of("root"), consistent_snapshot=True)
    root.add_key(keys.root.public_key, "root")
    for role in ONLINE_ROLES:
        root.add_key(keys.online(role).public_key, role)
    metadata = Metadata(root)
    metadata.sign(keys.root)
    return metadata


@dataclass(frozen=True)
class _Signing:
    """One round of signing: where, with which keys, from when and for how long."""

    releases: Path
    keys: Keys
    now: dt.datetime
    lifetimes: Lifetimes

    def sign(self, current: Repository, files: dict[str, TargetFile] | None) -> bool:
        """Sign new targets, roles past half of their lifetime, and the roles above these; says if any was."""
        # Metadata of the first release start at version 0, so that signing makes it 1.
        targets = current.targets or _unsigned(Targets())
        snapshot = current.snapshot or _unsigned(Snapshot())
        timestamp = current.timestamp or _unsigned(Timestamp())
        is_signed = files is not None or self.lifetimes.is_past_half(targets, self.now)
        if is_signed:
            targets.signed.targets = targets.signed.targets if files is None else files
            snapshot.signed.meta["targets.json"] = self.sign_next(targets)
        if is_signed or self.lifetimes.is_past_half(snapshot, self.now):
            timestamp.signed.snapshot_meta = self.sign_next(snapshot)
            is_signed = True
        if is_signed or self.lifetimes.is_past_half(timestamp, self.now):
            self.sign_next(timestamp)
            is_signed = True
        return is_signed

    def sign_next(self, metadata: Metadata[Any]) -> MetaFile:
        """Sign and write the next version of a role; returns what the role above says of the file."""
        role = metadata.signed.type
        metadata.signed.version += 1
        metadata.signed.expires = self.now + self.lifetimes.of(role)
        metadata.sign(self.keys.online(role))
        data = write_metadata(self.releases, metadata)
        return MetaFile.from_data(metadata.signed.version, data, ["sha256"])


def _unsigned(signed: Any) -> Metadata[Any]:
    signed.version = 0
    return Metadata(signed)
