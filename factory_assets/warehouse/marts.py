"""The marts as dbt knows them: what their code is, and what lies in the lake after a run."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from factory_assets.foundation.lake import Lake, Written, sha256_file
from factory_assets.warehouse.project import variables

VARIABLE = re.compile(r"""\bvar\(\s*['"](\w+)['"]""")


def make_folders(lake: Lake, names: list[str]) -> None:
    """Make the folders that marts are written into; DuckDB does not."""
    for name in names:
        lake.path(name).parent.mkdir(parents=True, exist_ok=True)


def found(lake: Lake, name: str) -> Written:
    """What a run has left behind of a mart."""
    path = lake.path(name)
    rows = pl.scan_parquet(path, glob=False).select(pl.len()).collect().item()
    return Written(path=path, rows=rows, sha256=sha256_file(path))


def code_version(manifest: Mapping[str, Any], unique_id: str) -> str:
    """Digest of a mart's SQL and contract, and of the models, macros and variables that go into it."""
    digest = hashlib.sha256()
    for part in sorted(_parts(manifest, unique_id)):
        digest.update(part.encode())
    return digest.hexdigest()[:16]


def _parts(manifest: Mapping[str, Any], unique_id: str) -> Iterator[str]:
    seen: set[str] = set()
    waiting = [unique_id]
    own = manifest["metadata"]["project_name"]
    while waiting:
        part = waiting.pop()
        node = manifest["nodes"].get(part) or manifest["macros"].get(part)
        # Sources are data; macros of dbt itself change with the lock file, not with the project.
        if part in seen or node is None or node["package_name"] != own:
            continue
        seen.add(part)
        columns = {name: column.get("data_type") for name, column in node.get("columns", {}).items()}
        code = node.get("raw_code") or node["macro_sql"]
        yield f"{part} {code} {columns} {_variables_in(code)}"
        waiting += [*node["depends_on"].get("nodes", []), *node["depends_on"].get("macros", [])]


def _variables_in(code: str) -> dict[str, Any]:
    values = variables()
    return {name: values.get(name) for name in sorted(set(VARIABLE.findall(code)))}
