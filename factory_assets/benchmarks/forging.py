"""A repository's metadata in hostile hands: changed at will, and signed by whichever keys one has."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from edge_runtime.bundle.manifest import content_version
from edge_runtime.bundle.release import RELEASE, bundle_path
from edge_runtime.bundle.values import MANIFEST
from edge_runtime.files import canonical_json
from factory_assets.engines.keys import Keys
from factory_assets.engines.repository import ReleaseError, read_repository, write_metadata

ONLINE = ("targets", "snapshot", "timestamp")


@dataclass
class Forger:
    """The newest metadata of a repository, to be changed, signed and written.

    Attributes:
        releases: The repository.
        keys: What signs, unless a call says otherwise.
    """

    releases: Path
    keys: Keys
    root: Metadata[Root] = field(init=False)
    timestamp: Metadata[Timestamp] = field(init=False)
    snapshot: Metadata[Snapshot] = field(init=False)
    targets: Metadata[Targets] = field(init=False)

    def __post_init__(self) -> None:
        """Read what is there."""
        current = read_repository(self.releases)
        if current is None or not (current.timestamp and current.snapshot and current.targets):
            msg = f"{self.releases} holds no release: publish first"
            raise ReleaseError(msg)
        self.root, self.timestamp = current.root, current.timestamp
        self.snapshot, self.targets = current.snapshot, current.targets

    def role(self, name: str) -> Metadata[Any]:
        """A role's metadata."""
        found: Metadata[Any] = getattr(self, name)
        return found

    def sign_chain(self, signers: Mapping[str, CryptoSigner] | None = None) -> None:
        """Sign targets, snapshot and timestamp as next versions that name each other, and write them.

        Args:
            signers: Another signer for a role.
        """
        self.snapshot.signed.meta["targets.json"] = self.sign_next("targets", signers)
        self.timestamp.signed.snapshot_meta = self.sign_next("snapshot", signers)
        self.sign_next("timestamp", signers)

    def sign_next(self, name: str, signers: Mapping[str, CryptoSigner] | None = None) -> MetaFile:
        """Sign and write a role as its next version; returns what the role above has to say of it."""
        metadata = self.role(name)
        metadata.signed.version += 1
        metadata.sign((signers or {}).get(name) or self.keys.online(name))
        return MetaFile.from_data(metadata.signed.version, write_metadata(self.releases, metadata), ["sha256"])

    def sign_root(self, *signers: CryptoSigner) -> None:
        """Sign and write the next version of the root; without signers it carries no signature."""
        self.root.signed.version += 1
        self.root.signatures.clear()
        for signer in signers:
            self.root.sign(signer, append=True)
        write_metadata(self.releases, self.root)

    def put_target(self, path: str, data: bytes) -> None:
        """List a target and lay its bytes into the repository."""
        file = TargetFile.from_data(path, data)
        self.targets.signed.targets[path] = file
        place = self.releases / "targets" / file.get_prefixed_paths()[0]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)

    def target(self, path: str) -> bytes:
        """The bytes of a listed target."""
        file = self.targets.signed.targets[path]
        return (self.releases / "targets" / file.get_prefixed_paths()[0]).read_bytes()

    def edit_release(self, edit: Callable[[dict[str, Any]], None]) -> None:
        """Change the release index."""
        index = json.loads(self.target(RELEASE))
        edit(index)
        self.put_target(RELEASE, canonical_json(index))

    def edit_manifest(self, edit: Callable[[dict[str, Any]], None], *, is_sealed: bool = True) -> None:
        """Change the manifest of the first bundle.

        Args:
            edit: Changes the manifest in place.
            is_sealed: Give the changed bundle the version, and so the place, that its content asks for.
        """
        index = json.loads(self.target(RELEASE))
        entry = index["bundles"][0]
        before = entry["path"]
        manifest = json.loads(self.target(f"{before}/{MANIFEST}"))
        edit(manifest)
        if is_sealed:
            manifest["version"] = content_version(manifest)
            entry |= {"version": manifest["version"], "path": bundle_path(entry["bundle"], manifest["version"])}
            for path in [name for name in self.targets.signed.targets if name.startswith(f"{before}/")]:
                data = self.target(path)
                del self.targets.signed.targets[path]
                self.put_target(entry["path"] + path.removeprefix(before), data)
            self.put_target(RELEASE, canonical_json(index))
        self.put_target(f"{entry['path']}/{MANIFEST}", json.dumps(manifest).encode())
