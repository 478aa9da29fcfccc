"""The one YAML file of a station: camera, triggers, deadline, release, spool and page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from edge_runtime.bundle.values import Name, Precision, Value
from edge_runtime.errors import InputError

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class FolderCamera(Value):
    """A folder that another program writes images into, one a part; the file's name without its ending is the part id.

    `when_done` says what becomes of the file once its verdict is kept.
    """

    kind: Literal["folder"]
    folder: Path
    poll_s: float = Field(0.05, gt=0, le=10)
    when_done: Literal["keep", "delete"] = "keep"


class VideoCamera(Value):
    """A video file, at its own pace or `frames_a_second`; `repeat` begins again at its end."""

    kind: Literal["video"]
    file: Path
    frames_a_second: float | None = Field(None, gt=0)
    repeat: bool = False


class UsbCamera(Value):
    """A USB or CSI camera through the system's driver (V4L2)."""

    kind: Literal["usb"]
    device: int | str = 0
    width_px: int | None = Field(None, gt=0)
    height_px: int | None = Field(None, gt=0)
    frames_a_second: float | None = Field(None, gt=0)


class RtspCamera(Value):
    """A network camera; name the user and password in the environment, not in the file: `{CAMERA_PASSWORD}`."""

    kind: Literal["rtsp"]
    url: str


class GenicamCamera(Value):
    """A GigE Vision or USB3 Vision camera through its maker's GenTL producer (`factory-edge[genicam]`)."""

    kind: Literal["genicam"]
    producer: Path
    serial_number: str | None = None
    exposure_us: float | None = Field(None, gt=0)
    gain_db: float | None = None


Camera = Annotated[FolderCamera | VideoCamera | UsbCamera | RtspCamera | GenicamCamera, Field(discriminator="kind")]


class Region(Value):
    """The part of a frame that is looked at, in pixels of the frame."""

    left_px: int = Field(ge=0)
    top_px: int = Field(ge=0)
    width_px: int = Field(gt=0)
    height_px: int = Field(gt=0)


class FreeRun(Value):
    """Every new frame is a part."""

    kind: Literal["free_run"]


class SoftwareTrigger(Value):
    """Programs on this machine trigger over a Unix socket; each line is a JSON object with `part_id`."""

    kind: Literal["software"]
    socket: Path | None = Field(None, description="by default `trigger.sock` in the state folder")


class PlcTrigger(Value):
    """A variable of a PLC, read over OPC UA: a new value is a new part. Nothing is ever written.

    `part_id_node` names a second variable that holds the part id; without it the trigger's value is the part id.
    """

    kind: Literal["plc"]
    endpoint: str
    node: str
    part_id_node: str | None = None


TriggerSettings = Annotated[FreeRun | SoftwareTrigger | PlcTrigger, Field(discriminator="kind")]


class ImageHealth(Value):
    """When a frame cannot be trusted; then the part is rejected with the reason. Grey values are 0 to 255.

    Attributes:
        darkest: The mean grey value must not be below.
        brightest: Nor above.
        largest_blown_share: Share of pixels at full scale.
        least_sharpness: Variance of the Laplacian over the variance of the grey values; 0 does not look.
        largest_shift_px: How far the scene may lie beside that of the first good frames; none does not look.
        oldest_frame_s: A frame older than this is stale.
    """

    darkest: float = Field(8, ge=0, le=255)
    brightest: float = Field(247, ge=0, le=255)
    largest_blown_share: float = Field(0.5, ge=0, le=1)
    least_sharpness: float = Field(0.0, ge=0)
    largest_shift_px: float | None = Field(None, gt=0)
    oldest_frame_s: float = Field(1.0, gt=0)


class ReleaseSettings(Value):
    """Where releases come from.

    Attributes:
        repository: The exchange's `releases/`; none if releases are pulled by hand.
        poll_s: How often it is looked at.
        root: The publisher's root, for the first pull.
        trust: See `factory-edge pull`.
        precision: Only this one; by default the most exact that meets the deadline.
        trial_parts: So many parts must be judged by a new release before the one before is let go.
    """

    repository: Path | None = None
    poll_s: float = Field(30.0, gt=0)
    root: Path | None = None
    trust: Literal["first-use", "pinned"] = "first-use"
    target: Name = "cpu"
    precision: Precision | None = None
    trial_parts: int = Field(20, ge=1)


class SpoolSettings(Value):
    """What is kept here until it was handed on.

    Attributes:
        results: The exchange's `results/`; none keeps everything here.
        batch: A segment is written once so many verdicts wait.
        batch_s: Or once the oldest waits for so long.
        quota_mib: Of images. The oldest OK ones go first; those that a person should see go last.
        borderline: An image whose score lies so near to the threshold is kept, as is every NOK one.
        keep_ok_share: Share of sound parts whose images are kept as well, chosen by sequence number.
    """

    results: Path | None = None
    batch: int = Field(500, ge=1)
    batch_s: float = Field(10.0, gt=0)
    quota_mib: int = Field(1024, ge=1)
    borderline: float = Field(0.15, ge=0, le=1)
    keep_ok_share: float = Field(0.01, ge=0, le=1)


class PageSettings(Value):
    """The status page. Beyond this machine it asks for a token, which the named file holds."""

    host: str = "127.0.0.1"
    port: int = Field(8090, ge=0, le=65535)
    token_file: Path | None = None

    @model_validator(mode="after")
    def _beyond_loopback_with_a_token(self) -> PageSettings:
        if self.host not in LOOPBACK and self.token_file is None:
            msg = f"page.host {self.host} can be reached from other machines: give page.token_file"
            raise ValueError(msg)
        return self


class StationConfig(Value):
    """A station. Paths are relative to the folder of its file.

    Attributes:
        station: Name; verdicts and segments carry it.
        state: This machine's own folder: releases, spool.
        product: What is inspected; needed where a release has several products.
        camera: Where frames come from.
        region: What part of a frame is looked at; none for all of it.
        trigger: What says that a part is there.
        deadline_ms: From trigger to verdict. Later than that, the fail-safe verdict was given.
        keep_warm_s: Idle engines are run so often: the first call after a pause would be slow.
        page: None for no page.
    """

    station: Name
    state: Path
    product: str | None = None
    camera: Camera
    region: Region | None = None
    trigger: TriggerSettings = FreeRun(kind="free_run")
    deadline_ms: float = Field(100.0, gt=0, le=60_000)
    keep_warm_s: float = Field(1.0, gt=0)
    image_health: ImageHealth = ImageHealth()
    release: ReleaseSettings = ReleaseSettings()
    spool: SpoolSettings = SpoolSettings()
    page: PageSettings | None = PageSettings()


def load_config(path: Path) -> StationConfig:
    """Read a station's file.

    Raises:
        InputError: It is not there, is no YAML, has an unknown key or a value out of range; the message names the key.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}", "give the YAML file of a station") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path} is no YAML: {' '.join(str(error).split())}", "mend that line") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no settings", "see docs/inspection-station.md for an example")
    try:
        config = StationConfig.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise InputError(f"{path}: {faults}", "see docs/inspection-station.md for every key") from error
    resolved: StationConfig = _resolved(config, path.absolute().parent)
    return resolved


def _resolved(value: Any, folder: Path) -> Any:
    """The same settings with every path made absolute."""
    if isinstance(value, Path):
        return folder / value.expanduser()
    if isinstance(value, Value):
        return value.model_copy(
            update={name: _resolved(getattr(value, name), folder) for name in type(value).model_fields}
        )
    return value
