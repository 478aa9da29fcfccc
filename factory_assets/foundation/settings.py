"""Where things are: the plant file in use, its state folder and the data folder.

`FACTORY_PLANT`, `FACTORY_HOME` and `FACTORY_DATA` are the only environment variables that choose a place.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.plant import Plant, load_plant

PROJECT_ROOT = Path(__file__).resolve().parents[2]
REFERENCE_PLANT = PROJECT_ROOT / "configs" / "plants" / "reference.yaml"


class Settings(BaseSettings):
    """The three places, read from the environment."""

    model_config = SettingsConfigDict(env_prefix="FACTORY_")

    plant: Path = REFERENCE_PLANT
    home: Path = Path(".factory")
    data: Path | None = None


class PromotionThresholds(BaseModel):
    """What a challenger must show before it takes the champion's place.

    Attributes:
        confidence: Of the bootstrap's interval, and of the interval of a coverage.
        resamples: Of the bootstrap over units.
        seed: Of the bootstrap.
        least_units: With fewer common units, no gain can be told from luck.
        coverage_80: Least out-of-fold coverage of the 80 % interval.
        coverage_90: Least out-of-fold coverage of the 90 % interval.
        coverage_units: With fewer units, a coverage below its bound is refused only where luck cannot explain it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    confidence: float = Field(gt=0, lt=1)
    resamples: int = Field(ge=100)
    seed: int
    least_units: int = Field(ge=2)
    coverage_80: float = Field(gt=0, lt=0.8)
    coverage_90: float = Field(gt=0, lt=0.9)
    coverage_units: int = Field(ge=1)


class RulThresholds(BaseModel):
    """Bounds of the RUL and engines rooms."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    parity_cycles: float
    skill_over_mean: float
    promotion: PromotionThresholds


class InspectionThresholds(BaseModel):
    """Bounds of the inspection room and of parity certificates."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    near_copies_share: float
    quarantined_share: float
    fail_safe_share: float


class ReleaseThresholds(BaseModel):
    """For how many days each role's signature is good."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    root_days: float
    targets_days: float
    snapshot_days: float
    timestamp_days: float


class RetentionThresholds(BaseModel):
    """What is kept, and for how long; docs/runbooks/operations.md says what is never deleted."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    releases_kept: int = Field(ge=1)
    runs_days: float = Field(gt=0)
    leftovers_days: float = Field(ge=1)


class Thresholds(BaseModel):
    """`configs/thresholds.yaml`: what the asset checks ask for, and how long things last."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    rul: RulThresholds
    inspection: InspectionThresholds
    release: ReleaseThresholds
    retention: RetentionThresholds


@lru_cache(maxsize=1)
def load_thresholds() -> Thresholds:
    """The bounds in force."""
    text = (PROJECT_ROOT / "configs" / "thresholds.yaml").read_text(encoding="utf-8")
    return Thresholds.model_validate(yaml.safe_load(text))


class DataFolderMissingError(FactoryError, ValueError):
    """The plant file speaks of `{data}` and nobody said where that is."""


@dataclass(frozen=True)
class Home:
    """The state folder of one plant, `FACTORY_HOME/<plant>/`."""

    root: Path

    @property
    def lake(self) -> Path:
        """Parquet tables."""
        return self.root / "lake"

    @property
    def exchange(self) -> Path:
        """What passes between the platform and the edge: segments and results up, releases down."""
        return self.root / "exchange"

    @property
    def segments(self) -> Path:
        """Collected historian data."""
        return self.exchange / "segments"

    @property
    def results(self) -> Path:
        """Verdicts and images that stations handed on, one folder a station."""
        return self.exchange / "results"

    @property
    def releases(self) -> Path:
        """The TUF repository of signed bundles."""
        return self.exchange / "releases"

    @property
    def models(self) -> Path:
        """Trained models, one folder a fleet or product."""
        return self.root / "models"

    @property
    def bundles(self) -> Path:
        """Bundles that may be released, one folder a fleet or product."""
        return self.root / "bundles"

    @property
    def champions(self) -> Path:
        """The models that are released, one folder a fleet or product."""
        return self.root / "champions"

    @property
    def schedules(self) -> Path:
        """Schedules as the floor gets them, and their pages, one folder a day."""
        return self.root / "schedules"

    @property
    def keys(self) -> Path:
        """Signing keys; the root key in `offline/` belongs elsewhere."""
        return self.root / "keys"

    @property
    def dagster(self) -> Path:
        """Dagster's own home."""
        return self.root / "dagster"

    @property
    def log(self) -> Path:
        """What the last run in the terminal said, in full."""
        return self.root / "materialize.log"

    @property
    def mlflow_uri(self) -> str:
        """MLflow's store."""
        return f"sqlite:///{self.root / 'mlflow.db'}"

    @property
    def mlflow_artifacts(self) -> Path:
        """MLflow's artefacts."""
        return self.root / "mlartifacts"


@dataclass(frozen=True)
class Site:
    """A plant together with its places on this machine."""

    plant: Plant
    plant_file: Path
    home: Home
    data: Path | None

    def folder(self, text: str) -> Path:
        """A folder named in the plant file: `{home}` and `{data}` are filled in, relative ones start at the file.

        Raises:
            DataFolderMissingError: The text names `{data}` and no data folder was given.
        """
        if "{data}" in text and self.data is None:
            msg = (
                f"{self.plant_file.name} reads from {text}: say where {{data}} is, "
                "by --data DIR or the environment variable FACTORY_DATA"
            )
            raise DataFolderMissingError(msg)
        filled = Path(text.replace("{home}", str(self.home.root)).replace("{data}", str(self.data)))
        return filled if filled.is_absolute() else self.plant_file.parent / filled


@lru_cache(maxsize=8)
def _load_site(plant_file: Path, home: Path, data: Path | None) -> Site:
    plant = load_plant(plant_file)
    return Site(plant=plant, plant_file=plant_file, home=Home(home / plant.plant), data=data)


def load_site(settings: Settings | None = None) -> Site:
    """The plant that the environment (or the given settings) chooses, with absolute places."""
    chosen = settings or Settings()
    data = chosen.data.resolve() if chosen.data else None
    return _load_site(chosen.plant.resolve(), chosen.home.resolve(), data)
