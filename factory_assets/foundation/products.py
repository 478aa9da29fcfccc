"""Products in the plant file: parts that are looked at, where their images are, and what a wrong verdict costs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Method = Literal["classification", "segmentation", "golden_image", "anomaly"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ImageColumns(_Strict):
    """Which column of a manifest holds what; where none is given, the usual names are looked for."""

    image: str | None = None
    label: str | None = None
    mask: str | None = None
    boxes: str | None = None
    reference: str | None = None
    group: str | None = None
    split: str | None = None


class ImageSource(_Strict):
    """Labelled images: a folder or a zip file, and in it a manifest (CSV) or one folder a label.

    `folder` may name `{home}` and `{data}`. Without `manifest`, `manifest.csv` is taken if it is there.
    """

    folder: str
    manifest: str | None = None
    columns: ImageColumns = ImageColumns()


class ImageInput(_Strict):
    """What the network takes: uint8 pixels of one size. Frames of another size are fitted, by the edge's own code.

    `stretch` scales both axes to the size; `letterbox` keeps the aspect and fills with the frame's median.
    """

    width_px: int = Field(224, ge=16, le=4096)
    height_px: int = Field(224, ge=16, le=4096)
    channels: Literal[1, 3] = 1
    fit: Literal["stretch", "letterbox"] = "stretch"


class Costs(_Strict):
    """What a wrong verdict costs, and how often parts are defective at the line; settles the operating threshold."""

    false_reject: float = Field(1.0, gt=0)
    escape: float = Field(20.0, gt=0)
    defect_rate: float = Field(0.02, gt=0, lt=1)
    currency: str = "EUR"


class Product(_Strict):
    """A part that is inspected, and how.

    `ok_label` is the label of sound parts; null where every image shows a defect and only its kind is asked for.
    `backbone` is a Keras file to start from instead of random weights. Splits keep groups (one part, photographed
    several times) whole; where the manifest names a split, it is kept.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
    title: str = ""
    line: str = ""
    images: ImageSource
    method: Method
    ok_label: str | None = "ok"
    input: ImageInput = ImageInput()
    costs: Costs = Costs()
    test_fraction: float = Field(0.2, ge=0, lt=0.5)
    validation_fraction: float = Field(0.2, gt=0, lt=0.5)
    epochs: int | None = Field(None, ge=1)
    seed: int = 1
    backbone: str | None = None

    @model_validator(mode="after")
    def _method_fits(self) -> Product:
        if self.ok_label is None and self.method != "classification":
            msg = f"product {self.name}: {self.method} tells sound parts from defective ones; give ok_label"
            raise ValueError(msg)
        if self.backbone is not None and self.method == "golden_image":
            msg = f"product {self.name}: golden_image trains nothing; leave backbone out"
            raise ValueError(msg)
        return self
