"""The warehouse's documentation: dbt's own page, with the manifest and the contracts in it; one file, no server.

dbt writes the same page by `dbt docs generate --static`; that takes 8 s of CPU and leaves the types out, because
the tables are gone with the database in memory. Knows dbt's page, and nothing of Dagster.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.lake import replacing

PAGE = "index.html"
SERVED_AT = "FACTORY_DOCS_URL"
MANIFEST_PLACE, CATALOG_PLACE = '"MANIFEST.JSON INLINE DATA"', '"CATALOG.JSON INLINE DATA"'
NO_STATISTICS = {"id": "has_stats", "label": "Has Stats?", "value": False, "include": False, "description": ""}


class DocsPageError(FactoryError, RuntimeError):
    """dbt's page is not where, or not as, it is in the version of the lock."""


def write_docs(manifest: Mapping[str, Any], folder: Path) -> Path:
    """Write the page, whole.

    Args:
        manifest: dbt's, as `project.load_manifest` gives it.
        folder: Where to; made if missing.

    Returns:
        The page. It opens from the file system and calls nothing.

    Raises:
        DocsPageError: dbt's page has changed.
    """
    page = _template()
    for place, content in ((MANIFEST_PLACE, manifest), (CATALOG_PLACE, catalog(manifest))):
        if page.count(place) != 1:
            msg = f"dbt's page has no {place}: this version of dbt is not the one of requirements.lock, install that"
            raise DocsPageError(msg)
        # A description that holds `</script>` would end the page's script.
        page = page.replace(place, json.dumps(content).replace("</", "<\\/"))
    with replacing(folder / PAGE) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return folder / PAGE


def address(mart: str) -> str | None:
    """Where the page explains a mart, if somebody serves it (`factory dev` does); browsers open no file from a page."""
    root = os.environ.get(SERVED_AT)
    return f"{root.rstrip('/')}/{PAGE}{fragment(mart)}" if root else None


def fragment(mart: str) -> str:
    """The part of an address that leads to a mart within the page."""
    return f"#!/model/model.factory.{mart}"


def catalog(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The catalogue that dbt's page reads, made from the marts' contracts: which columns of which type."""
    marts = {
        unique_id: node
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and node["config"]["materialized"] == "table"
    }
    return {
        "metadata": {"generated_at": manifest["metadata"]["generated_at"]},
        "nodes": {unique_id: _table(unique_id, node) for unique_id, node in marts.items()},
        "sources": {},
        "errors": None,
    }


def _table(unique_id: str, node: Mapping[str, Any]) -> dict[str, Any]:
    columns = enumerate(node["columns"].values(), start=1)
    return {
        "unique_id": unique_id,
        "metadata": {
            "type": "Parquet", "database": node["database"], "schema": node["schema"], "name": node["name"],
            "comment": None, "owner": None,
        },
        "columns": {
            column["name"]: {"name": column["name"], "type": column["data_type"], "index": index, "comment": None}
            for index, column in columns
        },
        "stats": {"has_stats": NO_STATISTICS},
    }  # fmt: skip


def _template() -> str:
    # `dbt.task.docs` itself imports all of dbt, 3 s: its folder is enough.
    package = importlib.util.find_spec("dbt.task.docs")
    places = list(package.submodule_search_locations or []) if package else []
    for place in places:
        path = Path(place) / PAGE
        if path.is_file():
            return path.read_text(encoding="utf-8")
    msg = "dbt's documentation page is not installed with dbt: install dbt-core as requirements.lock says"
    raise DocsPageError(msg)
