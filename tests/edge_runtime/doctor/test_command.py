"""`factory-edge doctor` as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
import yaml

from edge_runtime.cli import main
from edge_runtime.doctor.installation import gpu, installation, library
from edge_runtime.station.config import StationConfig, load_config
from tests.edge_runtime.station.station_site import StationSite
from tests.image_files import pattern
from tests.tiny_bundle import Site

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def config(site: Site, tmp_path: Path) -> Path:
    publisher = StationSite(site)
    publisher.publish()
    publisher.pull()
    (tmp_path / "parts").mkdir()
    cv2.imwrite(str(tmp_path / "parts" / "part-1.png"), pattern())
    values = {
        "station": "press-3",
        "state": "state",
        "camera": {"kind": "folder", "folder": "parts"},
        "release": {"repository": "releases"},
        "spool": {"quota_mib": 1},
        "page": {"port": 0},
    }
    path = tmp_path / "station.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def test_a_station_that_is_fit(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--config", str(config), "--json", str(tmp_path / "out.json")]) == 0
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["is_fit"] is True
    assert report["counts"]["failed"] == 0
    names = [check["name"] for check in report["checks"]]
    assert {"python", "clock", "state folder", "disk", "release", "engine", "repository", "camera", "page"} <= set(
        names
    )
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == len(names) + 1
    assert shown[-1].startswith("fit to inspect")


def test_what_failed_is_said_with_how_to_mend_it_and_the_code_is_1(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "parts" / "part-1.png").write_bytes(b"")
    assert main(["doctor", "--config", str(config), "--json", str(tmp_path / "out.json")]) == 1
    report = json.loads((tmp_path / "out.json").read_text())
    failed = [check for check in report["checks"] if check["state"] == "failed"]
    assert [check["name"] for check in failed] == ["camera"]
    assert failed[0]["mend"]
    told = capsys.readouterr()
    assert "FAILED  camera: " in told.out
    assert told.err.startswith("factory-edge: 1 of ")


def test_without_settings_the_machine_and_the_state_are_looked_at(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--state", str(config.parent / "state")]) == 0
    out = capsys.readouterr().out
    assert "release 1 is active and intact" in out
    assert "camera" not in out
    assert main(["doctor", "--state", str(config.parent / "other")]) == 1


def test_settings_that_cannot_be_read_are_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "station.yaml"
    path.write_text("station: a\nstate: s\ncamera: {kind: usb}\ncolour: red\n")
    assert main(["doctor", "--config", str(path)]) == 2
    assert "colour" in capsys.readouterr().err


def test_the_example_station_loads_and_is_looked_at() -> None:
    config = load_config(ROOT / "configs" / "edge" / "station.yaml")
    assert config.camera.kind == "usb"
    assert config.page is not None


def test_a_library_that_is_not_there_fails_with_its_extra() -> None:
    check = library("plc", ("no_such_module_here",), "plc")
    assert (check.state, check.mend) == ("failed", "install factory-edge[plc]")


def test_what_a_station_needs_depends_on_its_settings() -> None:
    values = {"station": "a", "state": "s", "camera": {"kind": "usb"}, "page": None}
    names = [check.name for check in installation(StationConfig.model_validate(values), "cpu")]
    assert names == ["python", "opencv", "onnxruntime", "openvino"]
    values["trigger"] = {"kind": "plc", "endpoint": "opc.tcp://a", "node": "n"}
    values["camera"] = {"kind": "genicam", "producer": "x.cti"}
    names = [check.name for check in installation(StationConfig.model_validate(values), "cpu")]
    assert names[-2:] == ["plc", "genicam"]


def test_a_target_without_its_library_or_gpu_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tensorrt", None)
    assert gpu("tensorrt").state == "failed"
    assert gpu("no-such-target").state == "failed"
