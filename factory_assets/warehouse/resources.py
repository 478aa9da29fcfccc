"""The dbt command as a Dagster resource, bound to one plant's lake."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource
from packaging.version import Version

from factory_assets.foundation.settings import Home
from factory_assets.warehouse.project import PROJECT, dbt_executable, environment, in_environment


class PlantDbt(DbtCliResource):
    """dbt over the lake of one plant.

    Attributes:
        lake_root: The lake.
        target_root: Below the plant's home, so that two plants never meet. Each run has its own folder in
            it for artefacts and logs, which stays only if the run fails.
        docs_root: Below the plant's home: the page that explains the marts.
    """

    lake_root: str
    target_root: str
    docs_root: str

    def build(self, context: dg.AssetExecutionContext) -> Iterator[Any]:
        """Build and test the models that a run has selected.

        Yields:
            Dagster's events, one a model and one a test, as they come.
        """
        folder = Path(self.target_root, context.run_id)
        # dbt's own unit tests are about code, not data: `make test` runs them.
        args = ["build", "--exclude-resource-type", "unit_test"]
        with in_environment(environment(Path(self.lake_root))):
            invocation = self.cli(args, context=context, target_path=folder)
        yield from invocation.stream()
        # 2 MB a run; after a failure they stay, to be looked at.
        shutil.rmtree(folder, ignore_errors=True)

    @cached_property
    def _cli_version(self) -> Version:
        # The inherited way, `dbt --version`, asks a package index for news on every run: 4 s, and a network.
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:  # type: ignore[override]
        # An adapter in this process would see an empty database in memory, for 3 s of imports.
        return None


def dbt_resource(home: Home) -> PlantDbt:
    """The dbt resource of the plant that has its state in `home`."""
    return PlantDbt(
        project_dir=str(PROJECT),
        profiles_dir=str(PROJECT),
        dbt_executable=str(dbt_executable()),
        lake_root=str(home.lake),
        target_root=str(home.root / "dbt"),
        docs_root=str(home.root / "dbt_docs"),
    )
