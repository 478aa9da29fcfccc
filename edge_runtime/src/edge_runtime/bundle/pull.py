"""Pulling a release: stage it, verify all of it, run its golden samples here, and only then activate it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_runtime.bundle.manifest import parse_manifest
from edge_runtime.bundle.release import RELEASE, ReleaseIndex, parse_release
from edge_runtime.bundle.state import (
    ActiveRecord,
    activate,
    describe_files,
    load_bundles,
    only_one,
    open_active,
    read_active,
    read_rolled_back,
    release_folder,
    remove_old_releases,
)
from edge_runtime.bundle.trust import PINNED_ROOT, Enrolment, Repository, Trust, enrol
from edge_runtime.bundle.values import MANIFEST
from edge_runtime.engine import golden_check, open_engine
from edge_runtime.errors import InputError, NoReleaseError, RefusedError, StateError, TrustError
from edge_runtime.files import fsync_folder, fsync_tree, write_atomic

METADATA = "metadata"
STAGING = ".staging-"


@dataclass(frozen=True)
class PullReport:
    """What a pull did.

    Attributes:
        release: Number of the release that is active now.
        previous: Number of the one that was active before, if any.
        is_new: A release was activated; otherwise the active one is the newest already.
        is_first_pin: The root was pinned by this pull.
        root_sha256: Fingerprint of the pinned root.
        bundles: (bundle, version, subject) of the release.
        golden: Largest golden difference by bundle and output, in the output's unit; empty if nothing is new.
    """

    release: int
    previous: int | None
    is_new: bool
    is_first_pin: bool
    root_sha256: str
    bundles: tuple[dict[str, str], ...]
    golden: dict[str, dict[str, float]]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def pull(
    releases: Path, state: Path, *, root: Path | None = None, trust: Trust = "first-use", target: str = "cpu"
) -> PullReport:
    """Take over the newest release, if all of it is trusted, intact and computes here what it should.

    A pull that is refused changes nothing: the active release, the trusted metadata and the pinned root stay.

    Args:
        releases: The release repository's folder.
        state: This machine's own folder; made if need be.
        root: The publisher's root file, for the first pull.
        trust: `first-use` pins the repository's root where none is pinned; `pinned` forbids that.
        target: What the engines run on.

    Raises:
        TrustError: The repository does not verify (changed, older, expired, foreign).
        BundleError: A bundle is not what its manifest says.
        GoldenMismatch: This machine does not compute the expected outputs.
        RefusedError: The release was rolled back on this machine.
        TargetUnavailable: A bundle or this machine cannot run the target.
        InputError: A folder or file that was given cannot be used, or another pull is at work.
    """
    if not releases.is_dir():
        raise InputError(f"{releases} is not a folder", "give the folder of a published release repository")
    enrolment = enrol(releases, state, root, trust)
    with _staging(state) as staging:
        repository = Repository(releases, _staged_metadata(state, staging), enrolment.root)
        index = parse_release(repository.read(RELEASE), where=RELEASE)
        paths = _all_targets(repository, index)
        previous = _active_number(state)
        if previous is not None and index.release < previous:
            raise TrustError(
                f"the repository offers release {index.release}, release {previous} is active",
                "ask the publisher to publish a newer release",
            )
        _refuse_what_failed_here(state, index.release, previous)
        golden: dict[str, dict[str, float]] = {}
        is_new = not _runs_already(state, repository, index, target)
        if is_new:
            golden = _stage_release(repository, index, paths, staging / "release", target)
            _install(state, staging / "release", index.release)
        else:
            for path in paths:
                repository.check(path)
        _keep_trust(state, staging / METADATA, enrolment)
        if is_new:
            files = describe_files(release_folder(state, index.release))
            activate(
                state,
                ActiveRecord(release=index.release, target=target, root_sha256=enrolment.fingerprint, files=files),
            )
            remove_old_releases(state, index.release)
    return PullReport(
        release=index.release,
        previous=previous,
        is_new=is_new,
        is_first_pin=enrolment.is_new,
        root_sha256=enrolment.fingerprint,
        bundles=tuple(
            {"bundle": entry.bundle, "version": entry.version, "subject": entry.subject} for entry in index.bundles
        ),
        golden=golden,
    )


@contextlib.contextmanager
def _staging(state: Path) -> Iterator[Path]:
    """A folder beside what is active, gone at the end; one pull at a time."""
    is_first = not state.exists()
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{state} cannot be made: {error.strerror}", "give a folder that can be written") from error
    try:
        with only_one(state, "pull"):
            for left in state.glob(f"{STAGING}*"):
                shutil.rmtree(left)
            folder = Path(tempfile.mkdtemp(dir=state, prefix=STAGING))
            try:
                yield folder
            finally:
                shutil.rmtree(folder)
    finally:
        if is_first and not any(state.iterdir()):
            state.rmdir()


def _staged_metadata(state: Path, staging: Path) -> Path:
    """A copy of the trusted metadata that a refused pull may leave half advanced."""
    staged = staging / METADATA
    trusted = state / METADATA
    if trusted.is_dir():
        shutil.copytree(trusted, staged)
    else:
        staged.mkdir()
    return staged


def _all_targets(repository: Repository, index: ReleaseIndex) -> list[str]:
    """Every target of the release; the signed list must hold these and no others."""
    paths = [RELEASE]
    for entry in index.bundles:
        where = f"{entry.path}/{MANIFEST}"
        paths += entry.target_paths(parse_manifest(repository.read(where), where=where))
    if set(paths) != set(repository.targets):
        odd = sorted(set(paths) ^ set(repository.targets))
        raise TrustError(
            f"the signed targets and the bundles' manifests disagree about {', '.join(odd)}",
            "ask the publisher to publish again",
        )
    return paths


def _active_number(state: Path) -> int | None:
    try:
        record = read_active(state)
    except StateError:
        return None
    return None if record is None else record.release


def _refuse_what_failed_here(state: Path, release: int, active: int | None) -> None:
    failed = read_rolled_back(state)
    if failed is not None and release <= failed.release and release != active:
        raise RefusedError(
            f"release {release} was rolled back on this machine: {failed.reason}",
            "ask the publisher to publish a newer release",
        )


def _runs_already(state: Path, repository: Repository, index: ReleaseIndex, target: str) -> bool:
    """Whether the active release is this one, for this target, and intact; if not, it is installed again."""
    try:
        active = open_active(state)
    except (NoReleaseError, RefusedError):
        return False
    if active.record.release != index.release:
        return False
    stored = {file.path: (file.bytes, file.sha256) for file in active.record.files}
    offered = {path: (info.length, info.hashes.get("sha256")) for path, info in repository.targets.items()}
    if stored != offered:
        raise TrustError(
            f"release {index.release} is active here with other content than the repository's",
            "ask the publisher to publish under a new number",
        )
    return active.record.target == target


def _stage_release(
    repository: Repository, index: ReleaseIndex, paths: list[str], folder: Path, target: str
) -> dict[str, dict[str, float]]:
    for path in paths:
        repository.download(path, folder)
    bundles = load_bundles(folder, index)
    return {
        name: golden_check(open_engine(bundle.folder, bundle.manifest, target), bundle.folder, bundle.manifest)
        for name, bundle in bundles.items()
    }


def _install(state: Path, staged: Path, release: int) -> None:
    """Move a verified release to its place; what an earlier, unfinished pull left there goes."""
    fsync_tree(staged)
    place = release_folder(state, release)
    place.parent.mkdir(exist_ok=True)
    if place.exists():
        place.rename(staged.with_name("replaced"))
    staged.rename(place)
    fsync_folder(place.parent)


def _keep_trust(state: Path, staged: Path, enrolment: Enrolment) -> None:
    """Pin the root and advance the trusted metadata, before activation: rollback never gets easier."""
    if enrolment.is_new:
        write_atomic(state / PINNED_ROOT, enrolment.root)
    history = sorted((staged / "root_history").iterdir())
    for path in (*history, *(staged / f"{role}.json" for role in ("timestamp", "snapshot", "targets"))):
        kept = state / METADATA / path.relative_to(staged)
        data = path.read_bytes()
        if not kept.exists() or kept.read_bytes() != data:
            write_atomic(kept, data)
