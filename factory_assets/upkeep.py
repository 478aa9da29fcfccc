"""What the `factory` command does for upkeep: remove what may go, sign anew. No terminal, no schedule."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from factory_assets.foundation.settings import Site, load_thresholds

if TYPE_CHECKING:
    from factory_assets.engines.release import Lifetimes
    from factory_assets.foundation.retention import Removed


def tidy(site: Site, *, is_dry_run: bool = False) -> list[Removed]:
    """Remove old runs and half-written files of a plant, by `retention` in `configs/thresholds.yaml`.

    Args:
        site: The plant and its places.
        is_dry_run: Only say what would go.

    Returns:
        What went, or would go.
    """
    from factory_assets.foundation.instance import open_instance
    from factory_assets.foundation.upkeep import retain

    with open_instance(site.home.dagster) as instance:
        rules = load_thresholds().retention
        return retain(instance, site.home, rules, now=dt.datetime.now(dt.UTC), is_dry_run=is_dry_run)


def refresh_timestamp(site: Site) -> dt.datetime:
    """Sign the release's timestamp anew, as the daily job does; for plants that run no Dagster daemon.

    Returns:
        When it expires.

    Raises:
        ReleaseError: Nothing is released yet, or keys or repository are not what they were.
        KeysError: An online key is missing.
    """
    from factory_assets.engines import keys, release

    signers = keys.load_keys(site.home.keys)
    return release.refresh_timestamp(site.home.releases, signers, now=dt.datetime.now(dt.UTC), lifetimes=_lifetimes())


def renew_root(site: Site, *, root_key: Path | None = None) -> dt.datetime:
    """Give the root a new lifetime with the same keys; edges follow from the root that they pinned.

    Args:
        site: The plant and its places.
        root_key: The root key's file; default: `keys/offline/root.pem` in the plant's home.

    Returns:
        When it expires.

    Raises:
        ReleaseError: The root key is absent or another one, or nothing is released yet.
        KeysError: A key's file is missing or is no key.
    """
    from factory_assets.engines import keys, release

    signers = keys.load_keys(site.home.keys, root=root_key)
    return release.renew_root(site.home.releases, signers, now=dt.datetime.now(dt.UTC), lifetimes=_lifetimes())


def _lifetimes() -> Lifetimes:
    from factory_assets.engines.release import Lifetimes

    return Lifetimes(**load_thresholds().release.model_dump())
