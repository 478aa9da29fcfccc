"""Assets of room 0: the days that the simulated factory's historian wrote, and photographs of the parts it made."""

import datetime as dt
from pathlib import Path

import dagster as dg

from factory_assets.foundation import partitions as parts
from factory_assets.foundation.lake import combined_digest, sha256_file
from factory_assets.foundation.metadata import DATA_TEAM, picture, table
from factory_assets.foundation.plant import RenderedParts
from factory_assets.foundation.retries import RETRY, retried_if_it_may_pass
from factory_assets.foundation.runs import PLANNED_DAYS
from factory_assets.foundation.settings import Site
from factory_assets.foundation.versions import code_version
from factory_assets.reference_plant import (
    episodes,
    faults,
    fleets,
    historian_export,
    lives,
    mess,
    names,
    physics,
    reading_faults,
    simulator,
    truth,
)
from factory_assets.reference_plant.erp import (
    chance,
    database,
    floor,
    floor_work,
    hours,
    memory,
    order_book,
    presence,
    reports,
    steps,
    store,
    work_lists,
)
from factory_assets.reference_plant.parts import (
    board,
    casting,
    cover,
    drawing,
    export,
    panel,
    rendering,
    scene,
    surfaces,
)
from factory_assets.reference_plant.parts import mess as image_mess

# What the bytes of the files follow from.
MODULES = (simulator, lives, physics, fleets, faults, episodes, names, reading_faults, mess, historian_export)
ERP_MODULES = (
    database, floor, order_book, floor_work, work_lists, store, presence, chance, hours, steps, reports, memory,
)  # fmt: skip
PART_MODULES = (rendering, scene, surfaces, drawing, casting, panel, board, cover, image_mess, export)

IN_THE_HOME = "sqlite:///{home}/"


def assets(site: Site) -> list[dg.AssetsDefinition]:
    """The simulated factory, if the plant file asks for one."""
    if site.plant.simulator is None:
        return []
    return [
        *([reference_plant(site)] if site.plant.fleets else []),
        *([part_images(site)] if site.plant.products else []),
        *([reference_erp(site)] if site.plant.planning else []),
    ]


def reference_plant(site: Site) -> dg.AssetsDefinition:
    """Days of the simulated factory."""
    plant = site.plant
    if plant.simulator is None or plant.start is None:
        msg = f"plant {plant.plant} has no simulator and start"
        raise ValueError(msg)
    seed, start = plant.simulator.seed, plant.start

    @dg.asset(
        name="reference_plant",
        partitions_def=parts.days(plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        group_name="reference_plant",
        kinds={"simulator", "csv"},
        owners=DATA_TEAM,
        code_version=code_version(*MODULES, settings=[{"seed": seed}]),
        description=(
            "A seeded simulation of a small factory: presses and spindles that wear and fail. It writes what a "
            "historian would write, one file a day with all the faults of real historians, and keeps the truth apart."
        ),
    )
    @retried_if_it_may_pass
    def _reference_plant(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        days = [dt.date.fromisoformat(key) for key in context.partition_keys]
        now = dt.datetime.now(dt.UTC)
        simulated = simulator.simulate(start, now.date() + dt.timedelta(days=1), seed)
        files = historian_export.write_days(simulated, site.folder(plant.source.folder), days, now=now)
        truth.write_truth(simulated, site.home.root / "truth", now=now)
        return dg.MaterializeResult(
            metadata={"days": len(days), "folder": dg.MetadataValue.path(str(files[0].parent))},
            data_version=dg.DataVersion(combined_digest(sha256_file(file) for file in files)),
        )

    return _reference_plant


def part_images(site: Site) -> dg.AssetsDefinition:
    """Photographs of the parts of the simulated factory."""
    plant = site.plant
    if plant.simulator is None:
        msg = f"plant {plant.plant} has no simulator"
        raise ValueError(msg)
    simulator_settings, rendered = plant.simulator, rendered_products(site)
    # As the plant file names them: where the home lies changes nothing.
    folders = {name: plant.product(name).images.folder for name in rendered}

    @dg.asset(
        name="part_images",
        partitions_def=parts.products(plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        group_name="reference_plant",
        kinds={"simulator", "opencv"},
        owners=DATA_TEAM,
        code_version=code_version(*PART_MODULES, settings=[simulator_settings, folders]),
        description=(
            "Photographs of parts, sound and defective, in changing light, with masks: an image folder and a manifest "
            "as a plant would write them, with some files that are no good. Products whose images come from elsewhere "
            "are left alone."
        ),
    )
    @retried_if_it_may_pass
    def _part_images(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        digests = []
        for name in context.partition_keys:
            if name not in rendered:
                context.log.info("%s: its images come from elsewhere; nothing is rendered", name)
                continue
            settings = simulator_settings.parts.get(name, RenderedParts())
            truth_folder = site.home.root / "truth"
            written = export.write_parts(name, Path(rendered[name]), truth_folder, settings, simulator_settings.seed)
            digests.append(written.sha256)
            of_product = {
                "images": table(written.counts()),
                "parts": picture(export.contact_sheet(written)),
                "written_to": dg.MetadataValue.path(str(written.folder)),
            }
            context.add_asset_metadata(of_product, partition_key=name)
        return dg.MaterializeResult(
            metadata={"products": len(digests)}, data_version=dg.DataVersion(combined_digest(digests))
        )

    return _part_images


def reference_erp(site: Site) -> dg.AssetsDefinition:
    """The ERP of the simulated factory, whose floor works on its dispatch list."""
    plant, settings = site.plant, site.plant.planning
    if plant.simulator is None or settings is None:
        msg = f"plant {plant.plant} has no simulator, or nothing is planned in it"
        raise ValueError(msg)
    seed, address = plant.simulator.seed, settings.erp

    @dg.asset(
        name="reference_erp",
        partitions_def=parts.planned_days(plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        group_name="reference_plant",
        kinds={"simulator", "sqlite"},
        owners=DATA_TEAM,
        tags={PLANNED_DAYS: "true"},
        code_version=code_version(*ERP_MODULES, settings=[{"seed": seed}]),
        description=(
            "The ERP as it stands in the morning of a day that is over, or now: orders, stock, and what the floor has "
            "done of its dispatch list. An ERP elsewhere than in the plant's home is left alone."
        ),
    )
    @retried_if_it_may_pass
    def _reference_erp(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        now = dt.datetime.now(dt.UTC)
        if not address.startswith(IN_THE_HOME):
            context.log.info("the ERP lies elsewhere (%s): nothing is written", address)
            return dg.MaterializeResult(data_version=dg.DataVersion("elsewhere"))
        path = site.home.root / address.removeprefix(IN_THE_HOME)
        for key in context.partition_keys:
            day = dt.date.fromisoformat(key)
            moment = settings.start_of(day) if day < settings.day_of(now) else now
            database.write_erp_file(path, moment, seed=seed)
        return dg.MaterializeResult(
            metadata={"database": dg.MetadataValue.path(str(path))}, data_version=dg.DataVersion(now.isoformat())
        )

    return _reference_erp


def rendered_products(site: Site) -> dict[str, str]:
    """The folder of each product that is rendered: the simulator knows it, and its images lie in the plant's home.

    A folder elsewhere holds somebody's own images, over which nothing may be written.
    """
    return {
        product.name: str(site.folder(product.images.folder))
        for product in site.plant.products
        if product.name in rendering.SCENES and product.images.folder.startswith("{home}/")
    }
