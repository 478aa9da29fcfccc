"""The command line: what it writes, what it says, and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from edge_runtime.cli import main

HEADER = "unit_id,cycle,egt_degc,vib_mm_s,oil_kpa\n"


@pytest.fixture
def command(site, capsys):
    """Run a command; gives exit code, standard output and standard error."""

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def pulled(site, command):
    site.publish(site.bundle())
    assert command("pull", "--releases", site.releases, "--state", site.state)[0] == 0
    return site


def predict(command, site, text, *more):
    source, target = site.root / "in.csv", site.root / "out.json"
    source.write_bytes(text if isinstance(text, bytes) else text.encode())
    code, out, err = command("predict", "--state", site.state, "--input", source, "--json", target, *more)
    return code, out, err, json.loads(target.read_text()) if target.exists() else None


def test_pull_tells_the_fingerprint_and_then_that_nothing_is_new(site, command):
    released = site.publish(site.bundle())
    report = site.root / "report.json"
    arguments = ("pull", "--releases", site.releases, "--state", site.state, "--json", report)
    code, out, err = command(*arguments)
    assert (code, err) == (0, "")
    assert released.root_sha256 in out
    assert "release 1 is active" in out
    assert json.loads(report.read_text())["is_new"] is True
    code, out, _ = command(*arguments)
    assert code == 0
    assert "nothing new" in out
    assert json.loads(report.read_text())["is_new"] is False


def test_refused_pull_says_what_and_how_to_mend_it(pulled, command):
    path = pulled.releases / "metadata" / "timestamp.json"
    path.write_bytes(path.read_bytes() + b"\n")
    code, out, err = command("pull", "--releases", pulled.releases, "--state", pulled.state)
    assert (code, out) == (1, "")
    assert err.startswith("factory-edge: ")
    assert " / " in err
    assert "Traceback" not in err


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_predictions_are_the_truth(pulled, command, truth, bom):
    text = HEADER + "p,1,1,2,3\nq,7,10,,20\np,3,4,5,6\n"
    code, out, _, found = predict(command, pulled, bom + text.encode())
    assert code == 0
    assert "2 units" in out
    assert [(entry["unit_id"], entry["cycle"]) for entry in found["units"]] == [("p", 3), ("q", 7)]
    expected = truth(np.array([[[4, 5, 6]], [[10, np.nan, 20]]], np.float32), np.array([[3], [7]], np.float32))
    np.testing.assert_allclose([entry["rul_cycles"] for entry in found["units"]], expected[:, 0], rtol=1e-6)


def test_units_of_several_fleets_come_in_the_order_of_the_file(site, command):
    site.publish(site.bundle(), site.bundle(fleet="F2", channels=("egt_degc", "vib_mm_s")))
    site.pull()
    header = HEADER.replace("\n", ",fleet\n")
    code, _, err, found = predict(command, site, header + "b,1,1,1,1,F2\na,1,1,1,1,F1\nc,1,1,1,,F2\n")
    assert (code, err) == (0, "")
    assert [entry["unit_id"] for entry in found["units"]] == ["b", "a", "c"]
    code, _, err, _ = predict(command, site, HEADER + "a,1,1,1,1\n")
    assert code == 2
    assert "rul-F1, rul-F2" in err
    assert predict(command, site, HEADER + "a,1,1,1,1\n", "--bundle", "rul-F2")[0] == 0


@pytest.mark.parametrize("text", ["", HEADER, HEADER + "p,x,1,1,1\n", "unit_id,cycle\np,1\n", HEADER + "p,1,,,\n"])
def test_bad_input_ends_with_two_and_writes_nothing(pulled, command, text):
    code, out, err, found = predict(command, pulled, text)
    assert (code, out, found) == (2, "", None)
    assert err.startswith("factory-edge: ")
    assert "in.csv" in err


def test_predict_needs_an_active_release(site, command):
    code, _, err, _ = predict(command, site, HEADER + "p,1,1,1,1\n")
    assert code == 2
    assert "factory-edge pull" in err


def test_tampered_state_is_refused_at_start(pulled, command):
    next((pulled.state / "releases").rglob("model.onnx")).write_bytes(b"other")
    code, _, err, found = predict(command, pulled, HEADER + "p,1,1,1,1\n")
    assert (code, found) == (1, None)
    assert "model.onnx" in err
    assert command("status", "--state", pulled.state)[0] == 1


def test_status_shows_the_active_release(pulled, command):
    report = pulled.root / "status.json"
    code, out, _ = command("status", "--state", pulled.state, "--json", report)
    assert code == 0
    assert "rul-F1" in out
    found = json.loads(report.read_text())
    assert (found["release"], found["plant"], found["target"]) == (1, "mill", "cpu")


def test_output_that_cannot_be_written_is_said(pulled, command):
    (pulled.root / "file").write_text("")
    code, _, err = command("status", "--state", pulled.state, "--json", pulled.root / "file" / "x.json")
    assert code == 2
    assert "cannot be written" in err


def test_wrong_usage_ends_with_two(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["predict"])
    assert caught.value.code == 2
    assert "--state" in capsys.readouterr().err


def test_predicting_imports_neither_tuf_nor_the_platform(pulled):
    (pulled.root / "in.csv").write_text(HEADER + "p,1,1,1,1\n")
    code = (
        "import sys; from edge_runtime.cli import main; code = main(sys.argv[1:]);"
        "bad = {'tuf', 'polars', 'dagster', 'pandas', 'tensorflow', 'factory_assets'} & set(sys.modules);"
        "sys.exit(code or (f'imported {bad}' if bad else 0))"
    )
    arguments = [
        "predict",
        "--state",
        pulled.state,
        "--input",
        pulled.root / "in.csv",
        "--json",
        pulled.root / "o.json",
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
