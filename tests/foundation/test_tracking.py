"""MLflow records: a finished run with its figures, curves and files, and a registered version of the model."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory_assets.foundation.tracking import Tracking, TrainingRecord


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A store with two trainings of one model."""
    folder = tmp_path_factory.mktemp("tracking")
    tracking = Tracking(uri=f"sqlite:///{folder / 'mlflow.db'}", artifacts=folder / "artifacts")
    (folder / "model.keras").write_bytes(b"weights")
    (folder / "model.json").write_text("{}")
    record = TrainingRecord(
        params={"seed": 1, "epochs": 2},
        metrics={"rmse_capped": 12.5, "skill": float("nan")},
        curves={"validation_rmse_capped": [20.0, 12.5]},
        tags={"data_sha256": "ab" * 32, "code_version": "c0de"},
        files=[folder / "model.keras", folder / "model.json"],
    )
    first, second = (tracking.log_training("mill-press", "rul-press", record) for _ in range(2))
    return folder, first, second


def client(folder: Path) -> object:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")


def test_a_training_is_a_finished_run_with_its_figures(recorded: tuple[Path, str, str]) -> None:
    run = client(recorded[0]).get_run(recorded[1])
    assert run.info.status == "FINISHED"
    assert run.data.params == {"seed": "1", "epochs": "2"}
    assert run.data.metrics["rmse_capped"] == 12.5
    assert "skill" not in run.data.metrics
    assert run.data.tags["data_sha256"] == "ab" * 32
    assert run.data.tags["code_version"] == "c0de"


def test_curves_have_a_value_an_epoch(recorded: tuple[Path, str, str]) -> None:
    history = client(recorded[0]).get_metric_history(recorded[1], "validation_rmse_capped")
    assert sorted((metric.step, metric.value) for metric in history) == [(1, 20.0), (2, 12.5)]


def test_files_are_artefacts_of_the_run(recorded: tuple[Path, str, str]) -> None:
    folder, first, _ = recorded
    place = Path(client(folder).get_run(first).info.artifact_uri.removeprefix("file://"))
    assert place.is_relative_to(folder / "artifacts")
    assert (place / "model" / "model.keras").read_bytes() == b"weights"
    assert (place / "model" / "model.json").read_text() == "{}"


def test_every_training_is_a_version_of_the_registered_model(recorded: tuple[Path, str, str]) -> None:
    folder, first, second = recorded
    versions = client(folder).search_model_versions("name = 'rul-press'")
    assert {(int(version.version), version.run_id) for version in versions} == {(1, first), (2, second)}
    assert all(version.source.endswith("model/model.keras") for version in versions)


def aliases(folder: Path) -> dict[str, str]:
    return {name: str(version) for name, version in client(folder).get_registered_model("rul-press").aliases.items()}


def tracking_of(folder: Path) -> Tracking:
    return Tracking(uri=f"sqlite:///{folder / 'mlflow.db'}", artifacts=folder / "artifacts")


def test_aliases_follow_promotion_and_rollback(recorded: tuple[Path, str, str]) -> None:
    folder, first, second = recorded
    tracking = tracking_of(folder)
    assert aliases(folder) == {"challenger": "2"}, "the newest training"
    assert tracking.promote("rul-press", first, "the first one") == "1"
    assert tracking.promote("rul-press", second, "better") == "2"
    assert tracking.promote("rul-press", "no such run", "worse") is None
    assert aliases(folder) == {"champion": "2", "challenger": "2", "previous": "1"}
    assert client(folder).get_model_version("rul-press", "2").tags["factory.promoted"] == "better"
    rolled_back = {"champion": first, "challenger": second, "previous": second}
    for _ in range(2):
        found = tracking.align("rul-press", rolled_back)
        assert found == aliases(folder) == {"champion": "1", "challenger": "2", "previous": "2"}
    assert tracking.align("rul-press", {"champion": first, "previous": None, "challenger": "no such run"}) == {
        "champion": "1"
    }


def test_aliases_of_a_model_that_was_never_registered_are_none(recorded: tuple[Path, str, str]) -> None:
    assert tracking_of(recorded[0]).align("rul-lathe", {"champion": recorded[1]}) == {}
