"""How a bundle inspects: part of the manifest of inspection bundles."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from edge_runtime.bundle.values import Value

# A comparison with one blob that counts scores more, one without any scores 0.
LEAST_BLOB_SCORE = 0.5

Method = Literal["classification", "segmentation", "golden_image", "anomaly"]


class GoldenImageSettings(Value):
    """How golden images are compared; lengths in pixels of the golden image.

    Attributes:
        edge_tolerance_px: How far edges may lie beside where they should.
        contrast: Share of the full scale by which a pixel must be outside of what the golden image shows nearby.
        least_area_px: Smaller differences are noise.
        margin_px: Blobs are told with so much around what differs, as people draw boxes.
        joining_px: Fragments that lie nearer than twice this are one blob.
        smoothing_px: Radius of the mean that is taken first; 0 for none.
        lighting_px: Changes of light slower than this are taken out; 0 if light does not change.
        largest_shift_px: A part that lies farther off cannot be compared.
        largest_turn_deg: A part that is turned farther cannot be compared.
        largest_scale_change: Nor can one that is larger or smaller by a larger share.
        least_correlation: A part that is less like its golden image cannot be compared.
        registration_step: Registration looks at means of so many pixels by as many.
    """

    edge_tolerance_px: float = Field(3, ge=0, le=20)
    contrast: float = Field(0.4, gt=0, lt=1)
    least_area_px: int = Field(10, ge=1)
    margin_px: int = Field(8, ge=0, le=100)
    joining_px: int = Field(3, ge=0, le=50)
    smoothing_px: int = Field(0, ge=0, le=20)
    lighting_px: int = Field(0, ge=0)
    largest_shift_px: float = Field(30, ge=0)
    largest_turn_deg: float = Field(3, ge=0, le=10)
    largest_scale_change: float = Field(0.03, ge=0, le=0.1)
    least_correlation: float = Field(0.5, ge=-1, le=1)
    registration_step: int = Field(4, ge=1, le=8)


class InspectionSpec(Value):
    """What the edge must know beside the graph.

    Attributes:
        method: How parts are judged.
        labels: The order of `probabilities`; empty where there are none.
        ok_label: The label of sound parts; none where only the kind of defect is asked for.
        threshold: A part whose score is at or above it is rejected; none where there is no OK label.
        fit: How frames become the size that the graph takes.
        golden_image: How golden images are compared, where the method is that.
    """

    method: Method
    labels: tuple[str, ...] = ()
    ok_label: str | None = None
    threshold: float | None = Field(None, allow_inf_nan=False)
    fit: Literal["stretch", "letterbox"] = "stretch"
    golden_image: GoldenImageSettings | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> InspectionSpec:
        if (self.ok_label is None) != (self.threshold is None):
            msg = "a threshold is there exactly where sound parts have a label"
            raise ValueError(msg)
        if (self.method == "golden_image") != (self.golden_image is not None):
            msg = f"method {self.method}: golden_image, and no other method, has settings of comparison"
            raise ValueError(msg)
        return self
