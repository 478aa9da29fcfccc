"""The page that explains the marts: complete, one file, calls nothing."""

from __future__ import annotations

import json
import time
from pathlib import Path

import dagster as dg
import pytest

from factory_assets.warehouse import assets, docs, project
from tests.chromium import headless, needs_browser

PARSED = {
    "metadata": {"generated_at": "2026-09-01T00:00:00Z"},
    "nodes": {
        "model.factory.m": {
            "resource_type": "model", "config": {"materialized": "table"}, "name": "m", "schema": "main",
            "database": "memory", "description": "ends </script> early",
            "columns": {"hours": {"name": "hours", "data_type": "double"}},
        },
        "model.factory.inlined": {"resource_type": "model", "config": {"materialized": "ephemeral"}},
    },
}  # fmt: skip


def test_types_come_from_the_contracts_of_marts() -> None:
    catalog = docs.catalog(PARSED)
    assert set(catalog["nodes"]) == {"model.factory.m"}
    assert catalog["nodes"]["model.factory.m"]["columns"]["hours"]["type"] == "double"


def test_the_page_holds_manifest_and_catalogue(tmp_path: Path) -> None:
    page = docs.write_docs(PARSED, tmp_path / "docs")
    text = page.read_text(encoding="utf-8")
    assert docs.MANIFEST_PLACE not in text
    assert docs.CATALOG_PLACE not in text
    assert json.dumps(docs.catalog(PARSED)) in text
    assert "ends </script> early" not in text
    assert "ends <\\/script> early" in text
    assert [path.name for path in page.parent.iterdir()] == [docs.PAGE]


def test_another_page_of_dbt_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docs, "_template", lambda: "<html></html>")
    with pytest.raises(docs.DocsPageError, match=r"requirements\.lock"):
        docs.write_docs(PARSED, tmp_path)
    assert not list(tmp_path.iterdir())


def test_marts_link_to_the_page_where_it_is_served(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = project.load_manifest(manifest.parent)
    unique_id = "model.factory.downtime"
    monkeypatch.delenv(docs.SERVED_AT, raising=False)
    assert "dbt_docs_page" not in assets.Translator().get_asset_spec(parsed, unique_id, None).metadata
    monkeypatch.setenv(docs.SERVED_AT, "http://127.0.0.1:3001/")
    link = assets.Translator().get_asset_spec(parsed, unique_id, None).metadata["dbt_docs_page"]
    assert link == dg.MetadataValue.url("http://127.0.0.1:3001/index.html#!/model/model.factory.downtime")


def test_the_page_tracks_nobody(manifest: Path) -> None:
    assert project.load_manifest(manifest.parent)["metadata"]["send_anonymous_usage_stats"] is False


@needs_browser
def test_a_browser_shows_a_mart_from_the_file(manifest: Path, tmp_path: Path) -> None:
    page = docs.write_docs(project.load_manifest(manifest.parent), tmp_path / "docs")
    browser = headless(tmp_path / "profile", log="performance")
    try:
        browser.get(page.as_uri() + docs.fragment("downtime"))
        until = time.monotonic() + 60
        shown = ""
        while "stop_number" not in shown and time.monotonic() < until:
            time.sleep(0.5)
            shown = browser.find_element("tag name", "body").text
        messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    finally:
        browser.quit()
    assert "One row a stop of a machine" in shown
    assert "timestamp with time zone" in shown
    requests = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
    asked_by_page = {sent["request"]["url"] for sent in requests if sent["documentURL"].startswith(page.as_uri())}
    assert page.as_uri() in {url.partition("#")[0] for url in asked_by_page}
    assert {url.partition(":")[0] for url in asked_by_page} <= {"file", "data"}
