"""MLflow, thinly: one run a training, one registered model a fleet or product.

Its aliases say which version is the champion, which the challenger (the newest), and which was champion before.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"


@dataclass(frozen=True)
class TrainingRecord:
    """What is recorded of a training.

    Attributes:
        params: What it was told.
        metrics: What came of it.
        curves: One value an epoch, by name.
        tags: Data hash, code version and the like.
        files: Artefacts; the first one is the model.
    """

    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    curves: Mapping[str, Sequence[float]]
    tags: Mapping[str, str]
    files: Sequence[Path]


@dataclass(frozen=True)
class Tracking:
    """An MLflow store.

    Attributes:
        uri: The store, `sqlite:///...`.
        artifacts: Where artefacts go.
    """

    uri: str
    artifacts: Path

    def promote(self, model: str, run_id: str, reason: str) -> str | None:
        """Make the version of a registered model that a run made its champion; the one before becomes `previous`.

        Returns:
            The version that is champion now; None if the run registered none.
        """
        client = self._client()
        version = self._version(client, model, run_id)
        if version is None:
            return None
        before = self._aliases(client, model).get(CHAMPION)
        if before is not None and before != version:
            client.set_registered_model_alias(model, PREVIOUS, before)
        client.set_registered_model_alias(model, CHAMPION, version)
        client.set_model_version_tag(model, version, "factory.promoted", reason)
        return version

    def align(self, model: str, run_ids: Mapping[str, str | None]) -> dict[str, str]:
        """Point aliases of a registered model at the versions that some runs made; doing it again changes nothing.

        Args:
            model: The registered model; if nothing was ever registered under that name, nothing happens.
            run_ids: By alias (`champion`, `challenger`, `previous`); None, or a run that registered nothing, removes
                the alias.

        Returns:
            All aliases of the model with their versions, afterwards.
        """
        client = self._client()
        if not client.search_registered_models(f"name='{model}'"):
            return {}
        before = self._aliases(client, model)
        for alias, run_id in run_ids.items():
            version = None if run_id is None else self._version(client, model, run_id)
            if version is not None and before.get(alias) != version:
                client.set_registered_model_alias(model, alias, version)
            elif version is None and alias in before:
                client.delete_registered_model_alias(model, alias)
        return self._aliases(client, model)

    @staticmethod
    def _version(client: Any, model: str, run_id: str) -> str | None:
        found = client.search_model_versions(f"name='{model}' and run_id='{run_id}'")
        return str(found[0].version) if found else None

    @staticmethod
    def _aliases(client: Any, model: str) -> dict[str, str]:
        return {alias: str(version) for alias, version in client.get_registered_model(model).aliases.items()}

    def _client(self) -> Any:
        # Before the import, which is when MLflow decides.
        os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true")
        from mlflow import MlflowClient

        logging.getLogger("alembic").setLevel(logging.WARNING)
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        return MlflowClient(tracking_uri=self.uri)

    def log_training(self, experiment: str, model: str, record: TrainingRecord) -> str:
        """Record a training as a finished run, and its model as the newest version of a registered model: `challenger`.

        Returns:
            The run's id.
        """
        self.artifacts.mkdir(parents=True, exist_ok=True)
        client = self._client()
        run = client.create_run(self._experiment(client, experiment), run_name=model, tags=dict(record.tags))
        run_id: str = run.info.run_id
        try:
            self._fill(client, run_id, model, record)
        except Exception:
            client.set_terminated(run_id, status="FAILED")
            raise
        client.set_terminated(run_id)
        self._register(client, model, run, record.files[0])
        return run_id

    @staticmethod
    def _fill(client: Any, run_id: str, model: str, record: TrainingRecord) -> None:
        from mlflow.entities import Metric, Param, RunTag

        now = int(time.time() * 1000)
        metrics = [Metric(name, value, now, 0) for name, value in record.metrics.items() if math.isfinite(value)]
        metrics += [
            Metric(name, value, now, step)
            for name, values in record.curves.items()
            for step, value in enumerate(values, start=1)
        ]
        params = [Param(name, str(value)) for name, value in record.params.items()]
        client.log_batch(run_id, metrics=metrics, params=params, tags=[RunTag("factory.model", model)])
        for file in record.files:
            client.log_artifact(run_id, str(file), artifact_path="model")

    def _experiment(self, client: Any, name: str) -> str:
        found = client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        return str(client.create_experiment(name, artifact_location=(self.artifacts / name).as_uri()))

    @staticmethod
    def _register(client: Any, model: str, run: Any, file: Path) -> None:
        from mlflow.exceptions import MlflowException

        try:
            client.create_registered_model(model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        made = client.create_model_version(model, f"{run.info.artifact_uri}/model/{file.name}", run.info.run_id)
        client.set_registered_model_alias(model, CHALLENGER, made.version)
