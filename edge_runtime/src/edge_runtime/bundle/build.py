"""Making a bundle's manifest from its files, and checking the files against it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edge_runtime.bundle.golden import read_golden
from edge_runtime.bundle.manifest import Manifest, ManifestDraft, content_version
from edge_runtime.bundle.values import MANIFEST
from edge_runtime.errors import BundleError
from edge_runtime.files import sha256_file, write_atomic


def write_bundle(folder: Path, draft: ManifestDraft) -> Manifest:
    """Hash the files that the draft names, set the version and write `manifest.json` into the same folder.

    Raises:
        BundleError: A file that the draft names is not there, or the golden samples cannot be read.
    """
    content = draft.model_dump(mode="json", exclude_none=True)
    certificates = [content["certificate"]] if "certificate" in content else []
    for entry in (*content["graphs"], *content["engines"], *content["references"], *certificates, content["golden"]):
        entry.update(_facts(folder, entry["path"]))
    inputs, _ = read_golden(folder / draft.golden.path)
    content["golden"]["samples"] = len(next(iter(inputs.values())))
    manifest = Manifest.model_validate({**content, "version": content_version(content)})
    text = json.dumps(manifest.as_json(), indent=2, sort_keys=True) + "\n"
    write_atomic(folder / MANIFEST, text.encode())
    return manifest


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Check size and digest of every file that the manifest lists.

    Raises:
        BundleError: A file is missing or differs; the message names it.
    """
    for entry in manifest.files:
        found = _facts(folder, entry.path)
        if found["bytes"] != entry.bytes:
            raise BundleError(
                f"{folder / entry.path} has {found['bytes']} bytes, the manifest says {entry.bytes}",
                "make or pull the bundle again",
            )
        if found["sha256"] != entry.sha256:
            raise BundleError(
                f"{folder / entry.path} has sha256 {found['sha256']}, the manifest says {entry.sha256}",
                "make or pull the bundle again",
            )


def _facts(folder: Path, path: str) -> dict[str, Any]:
    file = folder / path
    if not file.is_file():
        raise BundleError(f"{file} is missing", "make or pull the bundle again")
    return {"sha256": sha256_file(file), "bytes": file.stat().st_size}
