"""Assets of room 3: the marts of the dbt project, one function a dbt tag; dbt's tests are checks."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject, dbt_assets

from factory_assets.foundation.lake import Lake
from factory_assets.foundation.metadata import DATA_TEAM
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.settings import Site
from factory_assets.warehouse import marts
from factory_assets.warehouse.project import load_manifest
from factory_assets.warehouse.resources import PlantDbt

GROUP = "warehouse"


class Translator(DagsterDbtTranslator):
    """How a mart and its tests look in Dagster."""

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """A mart: its name is its key, and its code includes what is inlined into it."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        if not unique_id.startswith("model."):
            return spec
        return spec.replace_attributes(
            key=dg.AssetKey(self.get_resource_props(manifest, unique_id)["name"]),
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


def assets(_site: Site) -> list[dg.AssetsDefinition]:
    """The assets of this room; the same for every plant."""
    return [telemetry_marts()]


def telemetry_marts() -> dg.AssetsDefinition:
    """The marts that need nothing but readings and lives."""

    @dbt_assets(
        manifest=load_manifest(),
        select="tag:telemetry",
        dagster_dbt_translator=Translator(),
        name="telemetry_marts",
    )
    def _telemetry_marts(context: dg.AssetExecutionContext, dbt: PlantDbt, lake: LakeResource) -> Iterator[Any]:
        marts.make_folders(lake.get(), [key.to_user_string() for key in context.selected_asset_keys])
        for event in dbt.build(context):
            yield _with_file_facts(event, context, lake.get()) if isinstance(event, dg.Output) else event

    return _telemetry_marts


def _with_file_facts(output: dg.Output[Any], context: dg.AssetExecutionContext, lake: Lake) -> dg.Output[Any]:
    """Tell Dagster what dbt cannot: rows, place and bytes of the mart that was just written."""
    written = marts.found(lake, context.asset_key_for_output(output.output_name).to_user_string())
    metadata: dict[str, Any] = {
        **output.metadata,
        "dagster/row_count": written.rows,
        "written_to": dg.MetadataValue.path(str(written.path)),
    }
    return dg.Output(
        output.value,
        output_name=output.output_name,
        metadata=metadata,
        data_version=dg.DataVersion(written.sha256),
    )
