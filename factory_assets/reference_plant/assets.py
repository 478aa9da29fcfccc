"""Asset of room 0: the days that the simulated factory's historian wrote."""

import datetime as dt

import dagster as dg

from factory_assets.foundation import partitions as parts
from factory_assets.foundation.lake import combined_digest, sha256_file
from factory_assets.foundation.metadata import DATA_TEAM
from factory_assets.foundation.retries import RETRY, retried_if_it_may_pass
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

# What the bytes of the files follow from.
MODULES = (simulator, lives, physics, fleets, faults, episodes, names, reading_faults, mess, historian_export)


def assets(site: Site) -> list[dg.AssetsDefinition]:
    """The simulated factory, if the plant file asks for one."""
    return [reference_plant(site)] if site.plant.simulator else []


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
        code_version=code_version(*MODULES, settings=[plant.simulator]),
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
