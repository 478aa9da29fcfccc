"""Assets of room 3: the marts of the dbt project, one function a dbt tag, and what SQL must know of the plant file."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject, dbt_assets

from factory_assets.foundation.lake import Lake
from factory_assets.foundation.metadata import DATA_TEAM, table, written
from factory_assets.foundation.pools import WAREHOUSE
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.retries import RETRY, retried_if_it_may_pass
from factory_assets.foundation.settings import Site
from factory_assets.foundation.versions import code_version
from factory_assets.warehouse import checks, docs, marts, plant_tables
from factory_assets.warehouse.project import load_manifest
from factory_assets.warehouse.resources import PlantDbt

GROUP = "warehouse"
# Some assets write more than one table of the lake.
SETTINGS = DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True)


class Translator(DagsterDbtTranslator):
    """How a mart and its tests look in Dagster."""

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """A mart: its name is its key, and its code includes what is inlined into it."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        if not unique_id.startswith("model."):
            return spec
        name = self.get_resource_props(manifest, unique_id)["name"]
        explained_at = docs.address(name)
        link = {"dbt_docs_page": dg.MetadataValue.url(explained_at)} if explained_at else {}
        return spec.replace_attributes(
            key=dg.AssetKey(name),
            metadata={**spec.metadata, **link},
            group_name=GROUP,
            owners=DATA_TEAM,
            kinds={"dbt", "duckdb", "parquet"},
            code_version=marts.code_version(manifest, unique_id),
        )

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The description alone; the SQL is in the repository."""
        return str(dbt_resource_props.get("description", ""))

    def get_asset_check_spec(
        self,
        asset_spec: dg.AssetSpec,
        manifest: Mapping[str, Any],
        unique_id: str,
        project: DbtProject | None,
    ) -> dg.AssetCheckSpec | None:
        """A test, with dbt's description."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        description = self.get_resource_props(manifest, unique_id).get("description")
        return spec._replace(description=description or None) if spec else None


def assets(site: Site) -> list[dg.AssetsDefinition]:
    """The assets of this room for one plant: what its historian, its inspection stations and its schedules feed.

    Freshness is asked of running plants only.
    """
    found: list[dg.AssetsDefinition] = [plant_file_tables(site), telemetry_marts()] if site.plant.fleets else []
    found += [checks.newest_reading_is_recent(site)] if site.plant.fleets and site.plant.running else []
    found += [quality_marts()] if site.plant.products else []
    return [*found, *([planning_calendar(site), planning_marts()] if site.plant.planning else [])]


def plant_file_tables(site: Site) -> dg.AssetsDefinition:
    """The plant file's fleets and tags, as tables."""
    plant = site.plant
    version = code_version(plant_tables, settings=[plant.settings_of_readings()])

    def spec(name: str, description: str) -> dg.AssetSpec:
        return dg.AssetSpec(
            name, group_name=GROUP, kinds={"yaml", "parquet"}, owners=DATA_TEAM, code_version=version,
            description=description,
        )  # fmt: skip

    @dg.multi_asset(
        name="plant_file_tables",
        specs=[
            spec("fleet_catalogue", "How the life of each fleet's machines is told, and how long a cycle is."),
            spec("channel_tag", "Which channel each of the historian's names is, aliases included."),
        ],
        retry_policy=RETRY,
    )
    @retried_if_it_may_pass
    def _plant_file_tables(lake: LakeResource) -> Iterator[dg.MaterializeResult]:
        for name, frame, columns in (
            ("fleet_catalogue", plant_tables.fleet_catalogue(plant), plant_tables.FLEET_CATALOGUE_COLUMNS),
            ("channel_tag", plant_tables.channel_tag(plant), plant_tables.CHANNEL_TAG_COLUMNS),
        ):
            part = lake.get().write(name, frame)
            metadata, data_version = written([part], frame.schema, columns, more={"rows": table(frame)})
            yield dg.MaterializeResult(asset_key=name, metadata=metadata, data_version=data_version)

    return _plant_file_tables


def planning_calendar(site: Site) -> dg.AssetsDefinition:
    """When the plant file lets a planned day begin, as a table."""
    frame = plant_tables.planning_calendar(site.plant)

    @dg.asset(
        name="planning_calendar",
        group_name=GROUP,
        kinds={"yaml", "parquet"},
        owners=DATA_TEAM,
        retry_policy=RETRY,
        code_version=code_version(plant_tables, settings=[{"calendar": str(frame.rows())}]),
        description="When a planned day begins at the plant.",
    )
    @retried_if_it_may_pass
    def _planning_calendar(lake: LakeResource) -> dg.MaterializeResult:
        part = lake.get().write("planning_calendar", frame)
        columns = plant_tables.PLANNING_CALENDAR_COLUMNS
        metadata, data_version = written([part], frame.schema, columns, more={"rows": table(frame)})
        return dg.MaterializeResult(metadata=metadata, data_version=data_version)

    return _planning_calendar


def telemetry_marts() -> dg.AssetsDefinition:
    """The marts that need nothing but readings and lives."""
    return _marts("telemetry")


def quality_marts() -> dg.AssetsDefinition:
    """The marts of what inspection stations found."""
    return _marts("quality")


def planning_marts() -> dg.AssetsDefinition:
    """The marts of what was planned against what happened."""
    return _marts("planning")


def _marts(tag: str) -> dg.AssetsDefinition:
    """The marts of one dbt tag; apart, so that a later room can feed the warehouse without a circle."""
    manifest = load_manifest()

    @dbt_assets(
        manifest=manifest,
        select=f"tag:{tag}",
        dagster_dbt_translator=Translator(SETTINGS),
        name=f"{tag}_marts",
        pool=WAREHOUSE,
    )
    def _of_tag(context: dg.AssetExecutionContext, dbt: PlantDbt, lake: LakeResource) -> Iterator[Any]:
        marts.make_folders(lake.get(), [key.to_user_string() for key in context.selected_asset_keys])
        page = docs.write_docs(manifest, Path(dbt.docs_root))
        told = partial(_with_file_facts, context=context, lake=lake.get(), page=page)
        for event in dbt.build(context):
            yield told(event) if isinstance(event, dg.Output) else event

    return _of_tag


def _with_file_facts(
    output: dg.Output[Any], *, context: dg.AssetExecutionContext, lake: Lake, page: Path
) -> dg.Output[Any]:
    """Tell Dagster what dbt cannot: rows, place and bytes of the mart, and the page that explains it."""
    name = context.asset_key_for_output(output.output_name).to_user_string()
    file = marts.found(lake, name)
    metadata: dict[str, Any] = {
        **output.metadata,
        "dagster/row_count": file.rows,
        "written_to": dg.MetadataValue.path(str(file.path)),
        "dbt_docs": dg.MetadataValue.path(f"{page.as_uri()}{docs.fragment(name)}"),
    }
    return dg.Output(
        output.value,
        output_name=output.output_name,
        metadata=metadata,
        data_version=dg.DataVersion(file.sha256),
    )
