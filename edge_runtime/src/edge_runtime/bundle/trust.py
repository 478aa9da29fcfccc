"""Trust in a release repository: the pinned root, TUF's workflow over a folder, every byte accounted for.

TUF verifies what the metadata say; here the metadata's bytes must also be the one canonical form, so that no
byte of a trusted file can change unnoticed. What is activated is the business of `pull`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal, TypeVar

from tuf.api.exceptions import DownloadError, DownloadHTTPError, ExpiredMetadataError, RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from edge_runtime.bundle.values import is_safe_path
from edge_runtime.errors import InputError, TrustError
from edge_runtime.files import CHUNK_BYTES, sha256_bytes

SignedT = TypeVar("SignedT", Root, Timestamp, Snapshot, Targets)
Trust = Literal["first-use", "pinned"]

PINNED_ROOT = "root.json"
FIRST_ROOT = "metadata/1.root.json"
ASK_PUBLISHER = "do not use this repository; ask its publisher to publish again"

_SIGNATURE = re.compile(r"[0-9a-f]{128}")


class FolderFetcher(FetcherInterface):
    """Fetches from a local folder and remembers the metadata it handed out.

    Args:
        releases: The repository folder; URLs are paths below it.
    """

    def __init__(self, releases: Path) -> None:
        self._releases = releases
        self.delivered: dict[str, bytes] = {}

    def _fetch(self, url: str) -> Iterator[bytes]:
        if not is_safe_path(url):
            msg = f"{url} is not a plain path below the repository"
            raise DownloadError(msg)
        path = self._releases / url
        if not path.is_file():
            msg = f"{url} is missing"
            raise DownloadHTTPError(msg, 404)
        return self._chunks(url, path)

    def _chunks(self, url: str, path: Path) -> Iterator[bytes]:
        read = bytearray()
        try:
            with path.open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    if url.startswith("metadata/"):
                        read += chunk
                    yield chunk
        except OSError as error:
            msg = f"{url} cannot be read: {error.strerror}"
            raise DownloadError(msg) from error
        self.delivered[url] = bytes(read)


@dataclass(frozen=True)
class Enrolment:
    """The root that this machine trusts.

    Attributes:
        root: Bytes of the pinned root metadata.
        is_new: It was not pinned before this pull.
    """

    root: bytes = field(repr=False)
    is_new: bool

    @property
    def fingerprint(self) -> str:
        """Hex sha256 of the pinned root file, to be compared with the publisher's."""
        return sha256_bytes(self.root)


def enrol(releases: Path, state: Path, root: Path | None, trust: Trust) -> Enrolment:
    """Say which root is trusted: the pinned one, else the given one, else (first use) the repository's.

    Nothing is written here: a root is pinned only after everything below it has verified.

    Raises:
        TrustError: Another root is pinned already, or nothing is pinned and first use is forbidden.
        InputError: The given root file cannot be read.
    """
    given = None if root is None else _read_root(root)
    pinned = state / PINNED_ROOT
    if pinned.exists():
        known = pinned.read_bytes()
        if given is not None and given != known:
            raise TrustError(
                f"{root} (sha256 {sha256_bytes(given)}) is not the root pinned here ({sha256_bytes(known)})",
                "to enrol this machine with another publisher, give a new --state folder",
            )
        return Enrolment(root=known, is_new=False)
    if given is not None:
        return Enrolment(root=given, is_new=True)
    if trust == "pinned":
        raise TrustError(
            "no root is pinned here and trust is 'pinned'", "give the publisher's root file with --root FILE"
        )
    first = releases / FIRST_ROOT
    if not first.is_file():
        raise InputError(f"{first} is missing", "give the folder of a published release repository")
    return Enrolment(root=first.read_bytes(), is_new=True)


def _read_root(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", "give the publisher's root file") from error


class Repository:
    """A release repository whose metadata have verified in every byte.

    Args:
        releases: The repository folder.
        metadata: Writable folder with the trusted metadata of earlier pulls; advanced by what verifies now.
        root: Bytes of the pinned root.

    Raises:
        TrustError: Something does not verify, is older than what was trusted before, has expired, or is not
            in canonical form.
    """

    def __init__(self, releases: Path, metadata: Path, root: bytes) -> None:
        self._metadata = metadata
        self._fetcher = FolderFetcher(releases)
        self._config = UpdaterConfig()
        try:
            self._updater = Updater(
                metadata_dir=str(metadata),
                metadata_base_url="metadata/",
                target_base_url="targets/",
                fetcher=self._fetcher,
                config=self._config,
                bootstrap=root,
            )
            self._updater.refresh()
            self.targets = self._account_for_every_byte(root)
        except (RepositoryError, DownloadError) as error:
            raise _refusal(error) from error

    def read(self, path: str, *, max_bytes: int = 1 << 20) -> bytes:
        """Bytes of a small target, verified.

        Raises:
            TrustError: It is not listed, is missing, differs, or is larger than `max_bytes`.
        """
        info = self._info(path)
        if info.length > max_bytes:
            raise TrustError(f"target {path} has {info.length} bytes, allowed are {max_bytes}", ASK_PUBLISHER)
        with self._verified(info) as file:
            return file.read()

    def check(self, path: str) -> None:
        """Verify a target without keeping it.

        Raises:
            TrustError: It is not listed, is missing or differs.
        """
        with self._verified(self._info(path)):
            pass

    def download(self, path: str, folder: Path) -> None:
        """Write a verified target to `folder / path`; a target that does not verify leaves no file.

        Raises:
            TrustError: It is not listed, is missing or differs.
        """
        info = self._info(path)
        try:
            self._updater.download_target(info, str(folder / path))
        except (RepositoryError, DownloadError) as error:
            raise _refusal(error, what=f"target {path}") from error

    def _info(self, path: str) -> TargetFile:
        if path not in self.targets or not is_safe_path(path):
            raise TrustError(f"target {path} is not in the signed list of targets", ASK_PUBLISHER)
        return self.targets[path]

    @contextmanager
    def _verified(self, info: TargetFile) -> Iterator[IO[bytes]]:
        try:
            with self._fetcher.download_file(f"targets/{info.get_prefixed_paths()[0]}", info.length) as file:
                info.verify_length_and_hashes(file)
                file.seek(0)
                yield file
        except (RepositoryError, DownloadError) as error:
            raise _refusal(error, what=f"target {info.path}") from error

    def _account_for_every_byte(self, pinned: bytes) -> dict[str, TargetFile]:
        """Compare the repository's bytes with the trusted ones, in canonical form; returns its targets."""
        history = self._metadata / "root_history"
        first = Metadata[Root].from_bytes(pinned).signed.version
        previous: Root | None = None
        version = first
        while (trusted := history / f"{version}.root.json").exists():
            metadata = self._agreed(f"metadata/{version}.root.json", trusted.read_bytes())
            root = _of_type(metadata, Root)
            verified = root.get_root_verification_result(previous, metadata.signed_bytes, metadata.signatures)
            _check_signatures(f"{version}.root.json", metadata, set(verified.signed))
            previous, version = root, version + 1
        if previous is None:
            msg = "the pinned root was not kept"
            raise RepositoryError(msg)
        timestamp = _of_type(self._signed("timestamp", previous, None), Timestamp)
        snapshot = _of_type(self._signed("snapshot", previous, timestamp.snapshot_meta.version), Snapshot)
        targets = _of_type(self._signed("targets", previous, snapshot.meta["targets.json"].version), Targets)
        if targets.delegations is not None:
            msg = "targets.json delegates to other roles, which no release does"
            raise RepositoryError(msg)
        return targets.targets

    def _signed(self, role: str, root: Root, version: int | None) -> Metadata:
        name = f"{role}.json" if version is None else f"{version}.{role}.json"
        metadata = self._agreed(f"metadata/{name}", (self._metadata / f"{role}.json").read_bytes())
        verified = root.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
        _check_signatures(name, metadata, set(verified.signed))
        return metadata

    def _agreed(self, url: str, trusted: bytes) -> Metadata:
        """Parse trusted bytes, which must be the repository's and the canonical form of their content."""
        if url not in self._fetcher.delivered:
            self._fetcher.download_bytes(url, self._config.targets_max_length)
        if self._fetcher.delivered[url] != trusted:
            msg = f"{url} differs from the trusted copy of the same version"
            raise RepositoryError(msg)
        metadata = Metadata.from_bytes(trusted)
        if metadata.to_bytes(JSONSerializer(compact=True)) != trusted:
            msg = f"{url} is not in canonical form"
            raise RepositoryError(msg)
        return metadata


def _of_type(metadata: Metadata, kind: type[SignedT]) -> SignedT:
    if not isinstance(metadata.signed, kind):
        msg = f"expected {kind.__name__} metadata, got {metadata.signed.type}"
        raise RepositoryError(msg)
    return metadata.signed


def _check_signatures(name: str, metadata: Metadata, verified: set[str]) -> None:
    """Every signature must count and be lower-case hex; nothing may stand outside the signed part."""
    for keyid, signature in metadata.signatures.items():
        if keyid not in verified or signature.unrecognized_fields or not _SIGNATURE.fullmatch(signature.signature):
            msg = f"{name} carries a signature that does not count"
            raise RepositoryError(msg)
    if metadata.unrecognized_fields:
        msg = f"{name} has fields that are not signed: {sorted(metadata.unrecognized_fields)}"
        raise RepositoryError(msg)


def _refusal(error: Exception, *, what: str = "the release repository") -> TrustError:
    if isinstance(error, ExpiredMetadataError):
        return TrustError(
            f"{what}: {error}",
            "ask the publisher to refresh the repository, and check the clock of this machine",
        )
    return TrustError(f"{what} does not verify: {error}", ASK_PUBLISHER)
