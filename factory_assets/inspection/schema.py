"""Contracts of the inspection room: tables of images, the files of a trained model, and its card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from pydantic import BaseModel, ConfigDict

from edge_runtime.bundle.inspection_spec import GoldenImageSettings
from edge_runtime.station.records import STAGES
from factory_assets.foundation.products import ImageInput, Method

if TYPE_CHECKING:
    import pandera.polars as pa

UTC_TIME = pl.Datetime("us", "UTC")

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

BLOB_FIELDS = ("x_px", "y_px", "width_px", "height_px", "area_px")

INSPECTION_VERDICT: dict[str, pl.DataType] = {
    "plant": pl.String(),
    "product": pl.String(),
    "station": pl.String(),
    "sequence": pl.Int64(),
    "part_id": pl.String(),
    "trigger_id": pl.String(),
    "trigger_source": pl.String(),
    "triggered_ts_utc": UTC_TIME,
    "concluded_ts_utc": UTC_TIME,
    "verdict": pl.String(),
    "failure": pl.String(),
    "detail": pl.String(),
    "score": pl.Float64(),
    "threshold": pl.Float64(),
    "label": pl.String(),
    "blobs": pl.List(pl.Struct(dict.fromkeys(BLOB_FIELDS, pl.Float64))),
    "release": pl.Int64(),
    "bundle_version": pl.String(),
    "engine": pl.String(),
    **{f"{stage}_ms": pl.Float64() for stage in STAGES},
    "image": pl.String(),
    "segment": pl.String(),
}

INSPECTION_VERDICT_COLUMNS = {
    "station": "where the part was looked at",
    "sequence": "number of the verdict at its station, 1, 2, ... without a gap over its whole life",
    "part_id": "what the line calls the part",
    "trigger_id": "unique; one verdict each",
    "concluded_ts_utc": "by the station's clock; `sequence` tells the order even where that was set",
    "verdict": "ok, nok, or classified where a product has no label for sound parts",
    "failure": "why the part was rejected without being judged; empty if it was judged",
    "detail": "the failure in words",
    "score": "larger is worse, 0 to 1",
    "threshold": "at or above it a part is rejected",
    "label": "most probable label",
    "blobs": "where the part differs from its golden image",
    "release": "number of the release that judged",
    "total_ms": "from the trigger to the verdict",
    "image": "path of the kept image below the exchange; empty if none was kept",
    "segment": "the file that it came in by, below the station's folder",
}

QUARANTINED_VERDICT: dict[str, pl.DataType] = {
    "plant": pl.String(),
    "station": pl.String(),
    "segment": pl.String(),
    "sequence": pl.Int64(),
    "reason": pl.String(),
    "detail": pl.String(),
    "line": pl.String(),
}

RESULT_SEGMENT: dict[str, pl.DataType] = {
    "station": pl.String(),
    "segment": pl.String(),
    "first": pl.Int64(),
    "last": pl.Int64(),
    "stamp": pl.String(),
    "sha256": pl.String(),
    "read_by": pl.String(),
    "status": pl.String(),
    "reason": pl.String(),
    "accepted": pl.Int64(),
    "quarantined": pl.Int64(),
    "slices": pl.List(pl.Struct({"product": pl.String, "day": pl.String, "rows": pl.Int64})),
}


def verdict_contract(products: tuple[str, ...]) -> pa.DataFrameSchema:
    """Verdicts: keys are there, the product is one of the plant, and no part passes without being judged."""
    import pandera.polars as pa

    needed = ("plant", "station", "part_id", "trigger_id", "triggered_ts_utc", "concluded_ts_utc", "segment")
    columns = {name: pa.Column(dtype, nullable=name not in needed) for name, dtype in INSPECTION_VERDICT.items()}
    columns |= {
        "product": pa.Column(pl.String, pa.Check.isin(products), nullable=False),
        "sequence": pa.Column(pl.Int64, pa.Check.ge(1), nullable=False),
        "verdict": pa.Column(pl.String, pa.Check.isin(["ok", "nok", "classified"]), nullable=False),
    }
    never_passes = pa.Check(
        lambda data: data.lazyframe.select(pl.col("failure").is_null() | (pl.col("verdict") == "nok")),
        error="a part that was not judged is nok",
    )
    return pa.DataFrameSchema(columns, checks=never_passes, unique=["station", "sequence"], strict=True, ordered=True)


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
