"""From the edge's own spool, through the exchange, into the table: each verdict once, each image where its row says."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import numpy as np

from edge_runtime.spool import Limits, Spool
from edge_runtime.station.config import SpoolSettings
from edge_runtime.station.records import Trigger
from factory_assets.foundation.lake import Lake
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.runs import Scope, refresh
from factory_assets.foundation.settings import Site
from factory_assets.foundation.staleness import observe
from factory_assets.inspection.results import assets, collecting
from tests.inspection.results.exchange import a_site, a_verdict, at


def inspect(site: Site, folder: Path, numbers: range) -> None:
    """A station judges parts, and is stopped; every fifth part is rejected."""
    settings = SpoolSettings(results=site.home.results, batch=4, keep_ok_share=0)
    spool = Spool(folder, "line-1", settings, limits=Limits(ballast_bytes=0))
    spool.start()
    for number in numbers:
        trigger = Trigger(f"t{number}", f"p{number}", "plc", at(number))
        assert spool.accept(trigger) == number
        facts = {"verdict": "nok", "score": 0.9} if number % 5 == 0 else {}
        record = a_verdict(number, **facts)
        image = np.full((4, 4), number, np.uint8) if spool.keeps_image(record) else None
        spool.conclude(record, image)
    spool.close()


def bring_up_to_date(site: Site, instance: dg.DagsterInstance) -> list[tuple[str, ...]]:
    def scope() -> Scope:
        version = collecting.source_version(site.home.results)
        observe(instance, dg.AssetKey(assets.SOURCE), dict.fromkeys(site.plant.product_names, version))
        return Scope(readings=(), products=site.plant.product_names)

    defs = dg.Definitions(
        assets.assets(site), resources={"lake": LakeResource(root=str(site.home.lake))}, executor=dg.in_process_executor
    )
    done = refresh(defs, instance, site.plant, scope)
    assert done.warnings == []
    return [progress.assets for progress in done.executed]


def test_verdicts_come_in_once_and_nothing_is_done_again(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    site.home.results.mkdir(parents=True)
    instance = dg.DagsterInstance.ephemeral()
    for numbers in (range(1, 14), range(14, 20)):
        inspect(site, tmp_path / "spool", numbers)
        assert bring_up_to_date(site, instance)
        assert bring_up_to_date(site, instance) == []
    verdicts = Lake(site.home.lake).read_fleet(collecting.VERDICTS, "casting")
    assert verdicts["sequence"].to_list() == list(range(1, 20))
    images = verdicts.drop_nulls("image")
    assert images["sequence"].to_list() == [5, 10, 15]
    assert all((site.home.exchange / path).is_file() for path in images["image"])
