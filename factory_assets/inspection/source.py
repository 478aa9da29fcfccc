"""What a product's source of images holds now, as one version: staleness asks before any image is opened."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def source_version(folder: Path) -> str | None:
    """Digest over names, sizes and times of change of all files; None if the folder (or zip file) is not there.

    Times are looked at, not contents: asking must be cheap with 100,000 images. A file that was touched makes the table
    of images again, and that table's own digest stops the work there.
    """
    if not folder.exists():
        return None
    files = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in files:
        facts = path.stat()
        name = os.fsencode(path.relative_to(folder.parent))
        digest.update(name + f" {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()
