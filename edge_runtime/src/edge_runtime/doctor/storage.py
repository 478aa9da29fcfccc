"""Checks of folders: the station's own one and those of the exchange."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edge_runtime.doctor.check import Check, failed, fine, warning

MIB = 1 << 20
LEAST_FREE_MIB = 200
# A database with a write-ahead log needs memory that its users share, which these do not give.
NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "ceph")
FORGETTING = ("tmpfs", "ramfs", "overlay")


def state_folder(state: Path, quota_mib: int) -> Iterator[Check]:
    """Check that the state folder can be written, lasts, and has room for the images that it may keep."""
    name, place = "state folder", existing(state)
    fault = why_not_writable(place)
    if fault is not None:
        yield failed(name, f"{state} cannot be written: {fault}", "make it, and give it to the user of the service")
        return
    kind = filesystem(place)
    if kind in NETWORK:
        yield failed(name, f"{state} lies on {kind}", "give a folder on a disk of this machine")
    elif kind in FORGETTING:
        yield warning(name, f"{state} lies on {kind}, which does not outlive this system", "give a folder on a disk")
    else:
        what = "can be written" if place == state else "can be made"
        yield fine(name, f"{state} {what} ({kind or 'unknown file system'})")
    yield space(place, stored_bytes(state / "spool" / "images"), quota_mib)


def space(folder: Path, used_bytes: int, quota_mib: int) -> Check:
    """Check the room on a disk against the quota of images."""
    free_mib = shutil.disk_usage(folder).free / MIB
    wanted_mib = max(0.0, quota_mib - used_bytes / MIB) + LEAST_FREE_MIB
    text = f"{free_mib:,.0f} MiB free, {quota_mib:,} MiB of images may be kept"
    if free_mib < LEAST_FREE_MIB:
        return failed("disk", text, "make room")
    if free_mib < wanted_mib:
        return warning("disk", text, "make room, or give a smaller spool.quota_mib")
    return fine("disk", text)


def results_folder(results: Path) -> Check:
    """Check that verdicts can be handed on."""
    # Never made here: it could lie below the empty place of a share that is not mounted.
    fault = why_not_writable(results) if results.is_dir() else "it is no folder; mount the share, or make it"
    if fault is None:
        return fine("results", f"{results} can be written")
    return warning("results", f"{results} cannot be written: {fault}", "until it can, verdicts are kept here")


def why_not_writable(folder: Path) -> str | None:
    """Why no file can be made in a folder, found by making one; None if it can."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".factory-edge-doctor-") as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        return error.strerror or str(error)
    return None


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def filesystem(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str | None:
    """What kind of file system a folder lies on; None if the system does not tell."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    place, found, longest = folder.resolve(), None, -1
    for line in lines:
        fields = line.split(" ")
        point = Path(fields[1].replace("\\040", " "))
        # Of two at one place the later hides the earlier.
        if place.is_relative_to(point) and len(point.parts) >= longest:
            found, longest = fields[2], len(point.parts)
    return found


def stored_bytes(folder: Path) -> int:
    """Size of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0
