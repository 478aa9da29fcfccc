"""Checks of releases: the active one, its engine, and the repository that newer ones come from."""

from __future__ import annotations

import json
import shutil
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from edge_runtime.doctor.check import Check, failed, failed_by, fine, warning
from edge_runtime.errors import EdgeError, NoReleaseError
from edge_runtime.station.config import ReleaseSettings

SOON_DAYS = 7
RUNS_ON = "until then the active release runs on, and nothing newer is taken over"


def active_release(state: Path, *, can_pull: bool) -> Check:
    """Check every file of the active release; to have none is no fault where the service can pull one."""
    from edge_runtime.bundle.state import open_active

    try:
        active = open_active(state)
    except NoReleaseError as error:
        if can_pull:
            return warning("release", error.what, "nothing to do: the service pulls one at its start")
        return failed_by("release", error)
    except (EdgeError, OSError) as error:
        mend = error.mend if isinstance(error, EdgeError) else "check the disk"
        return failed("release", str(getattr(error, "what", error)), mend)
    bundles = ", ".join(f"{name} {bundle.manifest.version}" for name, bundle in active.bundles.items())
    return fine("release", f"release {active.record.release} is active and intact: {bundles}")


def engine(state: Path, product: str | None, settings: ReleaseSettings) -> Check | None:
    """Check that the engine opens and runs; None if there is no active release."""
    from edge_runtime.bundle.state import open_active
    from edge_runtime.engine.serving import engine_for_serving
    from edge_runtime.inspection.inspector import bundle_for

    try:
        bundle = bundle_for(open_active(state).bundles, product)
        opened = engine_for_serving(state, bundle.folder, bundle.manifest, settings.target, settings.precision)
    except NoReleaseError:
        return None
    except EdgeError as error:
        return failed_by("engine", error)
    try:
        opened.warm_up()
        return fine("engine", f"{opened.label} opens and runs {bundle.manifest.bundle} {bundle.manifest.version}")
    except EdgeError as error:
        return failed_by("engine", error)
    finally:
        opened.close()


def repository(state: Path, settings: ReleaseSettings) -> Check:
    """Check that the release repository verifies, and for how long."""
    from edge_runtime.bundle.pull import METADATA
    from edge_runtime.bundle.trust import Repository, enrol

    releases, name = settings.repository, "repository"
    if releases is None:
        return fine(name, "none is named: releases are pulled by hand")
    if not releases.is_dir():
        return warning(name, f"{releases} cannot be reached", f"mount it; {RUNS_ON}")
    with tempfile.TemporaryDirectory() as folder:
        # In a copy: looking must not advance what is trusted.
        metadata = Path(folder, METADATA)
        if (state / METADATA).is_dir():
            shutil.copytree(state / METADATA, metadata)
        else:
            metadata.mkdir()
        try:
            root = enrol(releases, state, settings.root, settings.trust)
            Repository(releases, metadata, root.root)
            signed = json.loads((metadata / "timestamp.json").read_text(encoding="utf-8"))["signed"]
        except EdgeError as error:
            return warning(name, error.what, f"{error.mend}; {RUNS_ON}")
        except OSError as error:
            return warning(name, f"{releases} cannot be read: {error}", RUNS_ON)
    pinned = "" if not root.is_new else f"; root sha256 {root.fingerprint} will be pinned: compare it"
    return expiry(datetime.fromisoformat(signed["expires"].replace("Z", "+00:00")), pinned)


def expiry(expires: datetime, remark: str = "", now: datetime | None = None) -> Check:
    """Check how long the repository is good for."""
    days = (expires - (now or datetime.now(timezone.utc))).total_seconds() / 86400
    text = f"it verifies, and is good until {expires:%Y-%m-%d} ({days:.0f} days){remark}"
    if days < SOON_DAYS:
        return warning("repository", text, "ask the publisher to refresh it")
    return fine("repository", text)
