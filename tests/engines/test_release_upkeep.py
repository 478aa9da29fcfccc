"""Upkeep of a release: the daily timestamp and its check, root renewal, and retention, with an edge that goes on."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from tuf.api.metadata import Metadata

from edge_runtime.bundle.pull import pull
from factory_assets import upkeep
from factory_assets.engines import assets
from factory_assets.engines.keys import KeysError, create_keys
from factory_assets.engines.release import Lifetimes, ReleaseError, publish
from factory_assets.foundation.settings import Site
from tests.plants import make_site
from tests.tiny_bundle import make_bundle


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path)


def released(site: Site, *, days_ago: float) -> None:
    """A first release of that age."""
    keys = create_keys(site.home.keys)
    folder = site.home.bundles / "F1"
    make_bundle(folder)
    at = dt.datetime.now(dt.UTC) - dt.timedelta(days=days_ago)
    publish(site.home.releases, keys, [folder], plant="mill", now=at, lifetimes=Lifetimes())


def sign(site: Site) -> Any:
    asset = assets.release_timestamp(site)
    return dg.materialize([asset], instance=dg.DagsterInstance.ephemeral(), raise_on_error=False)


def expires(site: Site, name: str) -> dt.datetime:
    return Metadata.from_file(str(site.home.releases / "metadata" / name)).signed.expires


@pytest.mark.parametrize(("days_ago", "late"), [(1, set()), (29, set()), (46, {"targets", "snapshot"})])
def test_the_daily_job_signs_the_timestamp_and_warns_of_the_other_roles(
    site: Site, tmp_path: Path, days_ago: float, late: set[str]
) -> None:
    released(site, days_ago=days_ago)
    done = sign(site)
    assert done.success
    assert expires(site, "timestamp.json") > dt.datetime.now(dt.UTC) + dt.timedelta(days=29)
    (check,) = done.get_asset_check_evaluations()
    assert check.passed == (not late)
    assert check.severity is dg.AssetCheckSeverity.WARN
    warnings = str(check.metadata["warnings"].value)
    assert {role for role in ("root", "targets", "snapshot", "timestamp") if role in warnings} == late
    assert pull(site.home.releases, tmp_path / "edge").release == 1


def test_without_the_daily_job_the_edge_would_refuse(site: Site, tmp_path: Path) -> None:
    from edge_runtime.errors import EdgeError

    released(site, days_ago=31)
    with pytest.raises(EdgeError, match="expired"):
        pull(site.home.releases, tmp_path / "edge")
    upkeep.refresh_timestamp(site)
    assert pull(site.home.releases, tmp_path / "edge").release == 1


def test_without_a_release_the_job_fails_in_plain_words_and_once(site: Site) -> None:
    create_keys(site.home.keys)
    done = sign(site)
    failure = next(event for event in done.all_events if event.is_step_failure).step_failure_data
    assert "publish first" in failure.error.message
    assert not any(event.event_type_value == "STEP_UP_FOR_RETRY" for event in done.all_events)


def test_the_root_is_renewed_with_a_key_brought_from_elsewhere(site: Site, tmp_path: Path) -> None:
    released(site, days_ago=1000)
    upkeep.refresh_timestamp(site)
    key = (site.home.keys / "offline" / "root.pem").rename(tmp_path / "stick.pem")
    with pytest.raises(ReleaseError, match="root key"):
        upkeep.renew_root(site)
    with pytest.raises(KeysError, match="missing"):
        upkeep.renew_root(site, root_key=tmp_path / "none.pem")
    until = upkeep.renew_root(site, root_key=key)
    assert expires(site, "2.root.json") == until.replace(microsecond=0)
    assert until > dt.datetime.now(dt.UTC) + dt.timedelta(days=1824)


def test_an_edge_that_pinned_the_old_root_follows_a_renewal_and_retention_leaves_it_whole(
    site: Site, tmp_path: Path
) -> None:
    released(site, days_ago=1)
    state = tmp_path / "edge"
    first = pull(site.home.releases, state)
    upkeep.renew_root(site)
    half_written = site.home.releases / "targets" / ".x.tmp"
    half_written.touch()
    assert upkeep.tidy(site, is_dry_run=True) == []
    upkeep.tidy(site)
    again = pull(site.home.releases, state)
    assert again.release == first.release
    assert pull(site.home.releases, tmp_path / "new edge").release == 1
