"""`factory-edge qualify` as a person calls it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge_runtime.bundle.state import only_one
from edge_runtime.cli import main
from edge_runtime.qualification.qualify import Plan, qualify
from edge_runtime.station.parts import Options
from factory_assets.engines.keys import create_keys
from tests.edge_runtime.qualification.wrong_engines import wrong
from tests.edge_runtime.station.station_site import StationSite
from tests.tiny_bundle import Site

QUICK = ("--frames", "12", "--rate", "200", "--pauses", "2", "--pause-s", "0.05")


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> StationSite:
    """A station whose second release is still on trial."""
    root = tmp_path_factory.mktemp("plant")
    site = StationSite(Site(root=root, keys=create_keys(root / "keys")))
    site.publish(code_version="1")
    site.pull()
    site.publish(code_version="2")
    site.pull()
    values = {
        "station": "press-3",
        "state": "state",
        "camera": {"kind": "usb", "width_px": 64, "height_px": 48},
        "trigger": {"kind": "plc", "endpoint": "opc.tcp://127.0.0.1:1", "node": "ns=2;s=part"},
        "deadline_ms": 20_000,
        "image_health": {"darkest": 100},
        "release": {"repository": "releases"},
        "spool": {"results": "results"},
    }
    (root / "station.yaml").write_text(yaml.safe_dump(values))
    (root / "results").mkdir()
    return site


@pytest.fixture(scope="module")
def report_file(plant: StationSite) -> Path:
    """The report of one run, which everything here looks at."""
    path = plant.publisher.root / "report.json"
    config = plant.publisher.root / "station.yaml"
    assert main(["qualify", "--config", str(config), *QUICK, "--json", str(path)]) == 0
    return path


def qualified(plant: StationSite, *options: str) -> tuple[int, dict[str, Any]]:
    path = plant.publisher.root / "other.json"
    code = main(["qualify", "--state", str(plant.state), *QUICK, *options, "--json", str(path)])
    return code, json.loads(path.read_text())["report"]


def names(folder: Path) -> Sequence[str]:
    return sorted(path.name for path in folder.iterdir())


def test_everything_is_measured_and_told(report_file: Path) -> None:
    report = json.loads(report_file.read_text())["report"]
    assert report["result"] == {"passed": True, "faults": []}
    assert (report["release"]["number"], report["release"]["product"]) == (2, "plate")
    assert {"manifest.json", "model.onnx", "golden.npz"} <= set(report["release"]["files"])
    assert report["engine"]["precision"] == "fp32"
    assert report["engine"]["label"] == report["engine"]["of_the_station"]
    stages = report["latency"]["stages"]
    assert set(stages) == {"frame", "fit", "engine", "verdict", "total"}
    for stage in stages.values():
        assert stage["samples"] == 12
        assert 0 <= stage["p50_ms"] <= stage["max_ms"]
        assert (stage["p99_ms"], stage["p999_ms"]) == (None, None)
        assert set(stage["not_told"]) == {"p99_ms", "p999_ms"}
    assert report["latency"]["failures"] == {}
    assert len(report["after_pauses"]["each_ms"]) == 2
    assert report["bare_engine"]["ratio_of_medians"] > 0
    assert report["throughput"]["frames"] == 12
    assert report["deadline"]["is_met"] is True
    # As large as the camera makes them; image health, which would reject these, takes its time alone.
    assert report["settings"]["frame_px"] == [64, 48]
    assert {"steal_s", "foreign_cores", "load", "temperature", "tail"} <= set(report["latency"]["meanwhile"])


def test_the_station_is_left_as_it_was(plant: StationSite, report_file: Path) -> None:
    assert names(plant.state) == [
        "active.json",
        "device_key.pem",
        "device_key.pub.pem",
        "fallback.json",
        "metadata",
        "releases",
        "root.json",
        "spool",
    ]
    assert names(plant.state / "spool") == []
    assert names(plant.publisher.root / "results") == []


def test_the_report_verifies_and_a_change_is_named(
    plant: StationSite, report_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = plant.state / "device_key.pub.pem"
    assert main(["qualify", "--verify", str(report_file), "--key", str(key)]) == 0
    assert "as it was signed, with the key that was given" in capsys.readouterr().out
    assert main(["qualify", "--verify", str(report_file)]) == 0
    assert "compare the fingerprint" in capsys.readouterr().out
    envelope = json.loads(report_file.read_text())
    envelope["report"]["deadline"]["deadline_ms"] = 5
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(envelope))
    assert main(["qualify", "--verify", str(changed), "--state", str(plant.state)]) == 1
    assert "changed after it was signed: deadline.deadline_ms" in capsys.readouterr().err


def test_a_missed_deadline_is_refused_and_its_report_written(
    plant: StationSite, capsys: pytest.CaptureFixture[str]
) -> None:
    code, report = qualified(plant, "--deadline-ms", "0.001")
    assert code == 1
    assert report["deadline"]["is_met"] is False
    assert report["latency"]["failures"]["deadline"] > 0
    assert "the deadline of 0.001 ms was missed" in capsys.readouterr().err


def test_a_machine_that_computes_otherwise_is_not_qualified(plant: StationSite) -> None:
    plan = Plan(frames=2, rate_hz=100, pauses=0, pause_s=0.1)
    report = qualify(plant.config(), plan, options=Options(open_engine=wrong))
    assert report["result"]["passed"] is False
    assert "score differs from its golden samples by 0.01" in report["result"]["faults"][0]
    assert "the station cannot judge" in report["not_measured"]
    assert "latency" not in report


def test_a_station_at_work_is_not_disturbed(
    plant: StationSite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (plant.state / "spool").mkdir(exist_ok=True)
    with only_one(plant.state / "spool", "station"):
        code = main(["qualify", "--state", str(plant.state), "--json", str(tmp_path / "x.json")])
    assert code == 2
    assert "is at work in" in capsys.readouterr().err
    assert not (tmp_path / "x.json").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "give --config FILE or --state DIR"),
        (("--state", "nowhere"), "no release is active"),
        (("--state", "STATE", "--product", "cup"), "the active release inspects: plate"),
        (("--state", "STATE", "--target", "abacus"), "target 'abacus' is not known"),
        (("--verify", "nowhere.json"), "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_usage(
    plant: StationSite, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], told: str
) -> None:
    given = [str(plant.state) if option == "STATE" else option for option in options]
    assert main(["qualify", *given, "--json", str(tmp_path / "x.json")]) == 2
    assert told in capsys.readouterr().err
