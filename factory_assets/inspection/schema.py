"""Contracts of the inspection room: tables of images, the files of a trained model, and its card."""

from __future__ import annotations

from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict

from edge_runtime.bundle.inspection_spec import GoldenImageSettings
from factory_assets.foundation.products import ImageInput, Method

IMAGE, REFERENCE = "image", "reference"
SCORE, PROBABILITIES, HEAT_MAP = "score", "probabilities", "heat_map"
# Beside the trainer's outputs for validation images: (images, 1), the class's place, or 1 for defective parts.
TRUTH = "truth"
SPLITS = ("train", "validation", "test")

MODEL_FILE, CARD_FILE, RUN_FILE = "model.keras", "model.json", "mlflow_run_id"
SAMPLES_FILE, CALIBRATION_FILE, REFERENCES_FOLDER = "validation.npz", "calibration.npz", "references"

INSPECTION_EVALUATION: dict[str, pl.DataType] = {
    "product": pl.String(),
    "method": pl.String(),
    "images": pl.Int64(),
    "accuracy": pl.Float64(),
    "accuracy_low": pl.Float64(),
    "accuracy_high": pl.Float64(),
    "auroc": pl.Float64(),
    "recall_at_5_false_reject": pl.Float64(),
    "false_reject_rate": pl.Float64(),
    "escape_rate": pl.Float64(),
    "cost_per_part": pl.Float64(),
}

INSPECTION_EVALUATION_COLUMNS = {
    "images": "test images, of parts that are in no other split",
    "accuracy": "right labels of a classifier, else right OK/NOK verdicts at the operating threshold",
    "accuracy_low": "lower end of the 95 % Wilson interval",
    "accuracy_high": "upper end of the 95 % Wilson interval",
    "auroc": "chance that a defective part scores higher than a sound one; empty without sound parts",
    "recall_at_5_false_reject": "share of defective parts found where 5 % of sound ones are rejected",
    "false_reject_rate": "sound parts rejected at the operating threshold",
    "escape_rate": "defective parts passed at the operating threshold",
    "cost_per_part": "expected cost of wrong verdicts a part, with the plant file's costs and defect rate",
}


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InspectionCard(_Record):
    """What has to be known of a trained inspection model, beside its weights.

    Attributes:
        method: How parts are judged.
        classes: The order of `probabilities`; empty where there are none.
        ok_label: The label of sound parts; none where only the kind of defect is asked for.
        input: What the network takes.
        threshold: Scores at or above it are rejected; none without an OK label.
        operating_point: What the threshold was settled by, on validation images.
        validation: Figures on validation images.
        choices: What else was settled on validation images.
        golden_image: How golden images are compared, where the method is that.
        references: Names of the golden images that travel with the bundle.
    """

    method: Method
    classes: tuple[str, ...]
    ok_label: str | None
    input: ImageInput
    threshold: float | None
    operating_point: dict[str, Any]
    validation: dict[str, float | None]
    choices: dict[str, Any]
    golden_image: GoldenImageSettings | None = None
    references: tuple[str, ...] = ()
    seed: int
    epochs_trained: int
    best_epoch: int
    training_cpu_s: float
    data_sha256: str
    code_version: str
