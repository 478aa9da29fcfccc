"""The station's documents name every key, reason, state and metric that there is, and their examples work."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from edge_runtime.station import config
from edge_runtime.station.records import Failure
from edge_runtime.station.states import STATES
from edge_runtime.web.board import StatusBoard
from edge_runtime.web.metrics import StationCollector
from tests.edge_runtime.web.fake_station import status, verdict

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "inspection-station.md").read_text(encoding="utf-8")
UNIT = ROOT / "edge_runtime" / "packaging" / "factory-edge.service"


def settings() -> Iterator[tuple[str, str, Any]]:
    """Section, key and default of every setting; kinds of a section stand side by side."""
    for name, model in vars(config).items():
        is_settings = isinstance(model, type) and issubclass(model, BaseModel) and model.__module__ == config.__name__
        if is_settings:
            for key, field in model.model_fields.items():
                yield name, key, field.default


def row_of(key: str) -> str:
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and f"`{key}`" in line]
    assert rows, f"docs/inspection-station.md does not explain {key}"
    return "\n".join(rows)


@pytest.mark.parametrize(("section", "key", "default"), list(settings()))
def test_every_key_is_explained_with_its_default(section: str, key: str, default: Any) -> None:
    if key == "kind" or f"### `{key}`" in PAGE:
        return
    row = row_of(key)
    if isinstance(default, float | int) and not isinstance(default, bool):
        assert f"{default:g}" in row.replace(",", ""), f"{section}.{key}"


def test_every_reason_state_and_metric_is_explained() -> None:
    for name in (*get_args(Failure), *STATES, "ok", "nok", "classified"):
        assert f"`{name}`" in PAGE
    board = StatusBoard()
    board.show(status(verdict(1)))
    for metric in StationCollector(board).collect():
        suffix = {"counter": "_total", "info": "_info"}.get(metric.type, "")
        assert f"`{metric.name.removeprefix('factory_edge_')}{suffix}`" in PAGE


def test_the_examples_load(tmp_path: Path) -> None:
    written = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert written
    for text in written:
        config.StationConfig.model_validate(yaml.safe_load(text))
    example = config.load_config(ROOT / "configs" / "edge" / "station.yaml")
    assert example.station == "press-3-exit"
    assert example.state == Path("/var/lib/factory-edge")


def test_the_unit_runs_the_command_under_a_watchdog() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(UNIT.read_text(encoding="utf-8"))
    service = unit["Service"]
    assert (service["Type"], service["Restart"], service["User"]) == ("notify", "always", "factory-edge")
    assert int(service["WatchdogSec"]) >= 5
    assert service["ExecStart"].endswith("factory-edge run --config /etc/factory-edge/station.yaml")
    # This one hides cameras and GPUs.
    assert "ProtectClock" not in service
    assert "PrivateDevices" not in service
