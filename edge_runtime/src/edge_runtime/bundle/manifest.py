"""The manifest of a bundle: what it takes, what it gives, which files it is made of, and where it comes from.

Values only; hashing files and writing bundles is in `build`.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from edge_runtime.bundle.inspection_spec import InspectionSpec
from edge_runtime.bundle.values import VERSION_LENGTH, FileFacts, Name, PathValue, Precision, Shape, Value, Version
from edge_runtime.errors import BundleError
from edge_runtime.files import canonical_json, sha256_bytes


class Channel(Value):
    """One column of the window input, in raw engineering units."""

    name: str = Field(min_length=1)
    unit: str


class Regimes(Value):
    """The operating regimes of the training data, in the setting channels' engineering units.

    Attributes:
        channels: The setting channels.
        scale: What distances are measured in, for each channel.
        centres: One point a regime.
        reach: Largest distance of a training cycle from its regime's centre.
    """

    channels: tuple[str, ...] = Field(min_length=1)
    scale: tuple[float, ...]
    centres: tuple[tuple[float, ...], ...] = Field(min_length=1)
    reach: tuple[float, ...]

    @model_validator(mode="after")
    def _shapes_agree(self) -> Regimes:
        settings, regimes = len(self.channels), len(self.centres)
        if len(self.scale) != settings or len(self.reach) != regimes or any(len(c) != settings for c in self.centres):
            msg = f"{settings} channels and {regimes} centres need as many scales, coordinates and reaches"
            raise ValueError(msg)
        return self


class InputSpec(Value):
    """A named input of the graph; a text in `shape` is a free dimension."""

    name: str
    dtype: Literal["float32", "uint8"]
    shape: Shape
    channels: tuple[Channel, ...] | None = None
    unit: str | None = None


class OutputSpec(Value):
    """A named output of the graph with its unit and range.

    `shown_only` says that people look at it and nothing is decided by it: golden samples leave it out.
    `levels` says that its last axis holds quantiles, and of which probabilities.
    """

    name: str
    dtype: Literal["float32"]
    shape: Shape
    unit: str
    minimum: float | None = None
    maximum: float | None = None
    shown_only: Literal[True] | None = None
    levels: tuple[Annotated[float, Field(gt=0, lt=1)], ...] | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _levels_fit(self) -> OutputSpec:
        if self.levels is None:
            return self
        if self.shape[-1] != len(self.levels):
            msg = f"output {self.name} has {len(self.levels)} levels and shape {list(self.shape)}"
            raise ValueError(msg)
        if any(low >= high for low, high in pairwise(self.levels)):
            msg = f"output {self.name}: levels {list(self.levels)} must rise"
            raise ValueError(msg)
        return self


class Lineage(Value):
    """Where the bundle comes from. The run id is a record only and does not enter the version."""

    mlflow_run_id: str | None = None
    data_sha256: str
    code_version: str


class GraphDraft(PathValue):
    """An ONNX graph and the targets that may run it, or compile it on the device.

    `precision` is what the graph's own types compute in; where it is not stated, that is fp32.
    """

    opset: int
    targets: tuple[Name, ...]
    precision: Precision | None = None

    @property
    def computes_in(self) -> Precision:
        """The precision, stated or not."""
        return self.precision or "fp32"


class EngineDraft(PathValue):
    """An engine compiled ahead of time for one target."""

    target: Name
    precision: str
    compiler: str


class Tolerance(Value):
    """Bound on |engine - expected|: atol + rtol * |expected|, in output units."""

    atol: float = Field(ge=0, allow_inf_nan=False)
    rtol: float = Field(ge=0, allow_inf_nan=False)


class GoldenDraft(PathValue):
    """Golden samples and how far each target and precision may be from them."""

    path: str = "golden.npz"
    tolerance: dict[str, dict[str, Tolerance]]


class Graph(GraphDraft, FileFacts):
    """An ONNX graph of a finished bundle."""


class EngineFile(EngineDraft, FileFacts):
    """A compiled engine of a finished bundle."""


class ReferenceDraft(PathValue):
    """A golden image: what a sound part looks like."""

    name: Name


class Reference(ReferenceDraft, FileFacts):
    """A golden image of a finished bundle."""


class CertificateDraft(PathValue):
    """The parity certificate: how far trainer, runtimes and precisions are apart."""

    path: str = "certificate.json"


class Certificate(CertificateDraft, FileFacts):
    """The parity certificate of a finished bundle."""


class Golden(GoldenDraft, FileFacts):
    """The golden samples of a finished bundle."""

    samples: int = Field(ge=1)


class Contents(Value):
    """What draft and manifest share. RUL bundles are of a fleet, inspection bundles of a product."""

    schema_version: Literal[1] = 1
    bundle: Name
    task: Literal["rul", "inspection"]
    plant: Name
    fleet: Name | None = None
    product: Name | None = None
    lineage: Lineage
    inputs: tuple[InputSpec, ...]
    outputs: tuple[OutputSpec, ...]
    regimes: Regimes | None = None
    inspection: InspectionSpec | None = None

    @model_validator(mode="after")
    def _task_is_whole(self) -> Contents:
        is_rul, is_inspection = self.task == "rul", self.task == "inspection"
        if is_rul != (self.fleet is not None) or is_inspection != (self.product is not None):
            msg = f"task {self.task}: a rul bundle names its fleet, an inspection bundle its product"
            raise ValueError(msg)
        if is_inspection != (self.inspection is not None):
            msg = f"task {self.task}: an inspection bundle, and no other, says how it inspects"
            raise ValueError(msg)
        return self

    @property
    def subject(self) -> str:
        """What the bundle is for, in words: `fleet press` or `product flange`."""
        return f"fleet {self.fleet}" if self.fleet is not None else f"product {self.product}"

    @model_validator(mode="after")
    def _names_are_unique(self) -> Contents:
        for kind in (self.inputs, self.outputs):
            names = [spec.name for spec in kind]
            if len(set(names)) != len(names):
                msg = f"names are used twice: {names}"
                raise ValueError(msg)
        for spec in self.inputs:
            if spec.channels is not None and spec.shape[-1] != len(spec.channels):
                msg = f"input {spec.name} has {len(spec.channels)} channels and shape {list(spec.shape)}"
                raise ValueError(msg)
        known = {channel.name for spec in self.inputs for channel in spec.channels or ()}
        if self.regimes is not None and not set(self.regimes.channels) <= known:
            msg = f"regimes are told of {', '.join(self.regimes.channels)}, which are not all inputs"
            raise ValueError(msg)
        return self


class ManifestDraft(Contents):
    """What the platform knows about a bundle before its files are hashed."""

    graphs: tuple[GraphDraft, ...]
    engines: tuple[EngineDraft, ...] = ()
    references: tuple[ReferenceDraft, ...] = ()
    certificate: CertificateDraft | None = None
    golden: GoldenDraft


class Manifest(Contents):
    """A finished bundle's manifest.

    `version` is a hash over everything else here (thus over all files), except `lineage.mlflow_run_id`:
    training again with the same data and code gives the same bytes and so must give the same version.
    """

    version: Version
    graphs: tuple[Graph, ...]
    engines: tuple[EngineFile, ...] = ()
    references: tuple[Reference, ...] = ()
    certificate: Certificate | None = None
    golden: Golden

    @model_validator(mode="after")
    def _has_something_to_run(self) -> Manifest:
        compares = self.inspection is not None and self.inspection.golden_image is not None
        if compares != (not self.graphs):
            msg = "a bundle needs a graph; one that compares golden images has none"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _version_is_content(self) -> Manifest:
        paths = [entry.path for entry in self.files]
        if len(set(paths)) != len(paths):
            msg = f"a file is listed twice: {paths}"
            raise ValueError(msg)
        expected = content_version(self.as_json())
        if self.version != expected:
            msg = f"version is {self.version}, its content makes it {expected}"
            raise ValueError(msg)
        return self

    @property
    def files(self) -> tuple[Graph | EngineFile | Reference | Certificate | Golden, ...]:
        """Every file of the bundle except the manifest."""
        certificates = () if self.certificate is None else (self.certificate,)
        return (*self.graphs, *self.engines, *self.references, *certificates, self.golden)

    def graph(self, target: str, precision: str) -> Graph | None:
        """The graph that a target runs or compiles in a precision, if there is one."""
        fitting = (entry for entry in self.graphs if target in entry.targets and entry.computes_in == precision)
        return next(fitting, None)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values; fields that are not set are left out."""
        return self.model_dump(mode="json", exclude_none=True)

    def input(self, name: str) -> InputSpec:
        """The input of that name.

        Raises:
            BundleError: The bundle has no such input.
        """
        for spec in self.inputs:
            if spec.name == name:
                return spec
        raise BundleError(f"bundle {self.bundle} has no input {name!r}", "release a bundle of this task")


def content_version(content: dict[str, Any]) -> str:
    """Version of a manifest given as JSON values, whether or not it holds a version already."""
    hashed = {key: value for key, value in content.items() if key != "version"}
    hashed["lineage"] = {key: value for key, value in content["lineage"].items() if key != "mlflow_run_id"}
    return sha256_bytes(canonical_json(hashed))[:VERSION_LENGTH]


def parse_manifest(data: bytes, *, where: str) -> Manifest:
    """Read a manifest from its bytes.

    Raises:
        BundleError: It is not JSON, a field is missing, unknown or wrong, or the version does not fit.
    """
    try:
        return Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "manifest"
        raise BundleError(f"{where}: {field}: {first['msg']}", "make the bundle again on the platform") from error


def load_manifest(path: Path) -> Manifest:
    """Read a bundle's `manifest.json`.

    Raises:
        BundleError: The file is missing or `parse_manifest` refuses it.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}", "give the folder of a bundle") from error
    return parse_manifest(data, where=str(path))
