"""A plant whose ERP is the small database of `erp_made`, with the day that it plans."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import dagster as dg
from sqlalchemy import NullPool, create_engine

from factory_assets.foundation.lake import Lake
from factory_assets.foundation.partitions import planned_days
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.settings import Site
from factory_assets.planning import assets as planning
from tests.planning.erp import erp_made
from tests.plants import make_site

PLANNING = {
    "erp": "sqlite:///{home}/erp.db",
    "timezone": "Europe/Berlin",
    "day_begins": "00:00",
    "seconds": 1,
    "reschedule_seconds": 1,
    "workers": 1,
    "frozen": "PT1H",
}


def planned_site(folder: Path, **changes: object) -> Site:
    """A plant with an ERP that holds two orders."""
    folder.mkdir(exist_ok=True)
    site = make_site(folder, planning={**PLANNING, **changes})
    site.home.root.mkdir(parents=True)
    erp_made.fill(create_engine(f"sqlite:///{erp_file(site)}", poolclass=NullPool))
    return site


def erp_file(site: Site) -> Path:
    """Where the ERP of such a plant is."""
    return site.home.root / "erp.db"


def today(site: Site) -> str:
    """The day that is planned now."""
    assert site.plant.planning is not None
    return site.plant.planning.day_of(dt.datetime.now(dt.UTC)).isoformat()


def lake_of(site: Site) -> Lake:
    return Lake(site.home.lake)


def materialise(
    site: Site, instance: dg.DagsterInstance, *names: str, day: str | None = None, **config: object
) -> dg.ExecuteInProcessResult:
    """Run assets of the room, all if none is named, for a day; without raising."""
    known = [one for one in planning.assets(site) if isinstance(one, dg.AssetsDefinition)]
    upstream = dg.AssetSpec("rul_forecast", partitions_def=planned_days(site.plant))
    wanted = [asset for asset in known if not names or {key.to_user_string() for key in asset.keys} & set(names)]
    run_config = {"ops": {"daily_schedule": {"config": config}}} if config else None
    return dg.materialize(
        [*known, upstream, *(one for one in planning.assets(site) if isinstance(one, dg.AssetSpec))],
        instance=instance,
        partition_key=day or today(site),
        selection=dg.AssetSelection.assets(*(key for asset in wanted for key in asset.keys)),
        resources={"lake": LakeResource(root=str(site.home.lake))},
        run_config=run_config,
        raise_on_error=False,
    )
