"""A model's folder as promotion sees it: its card, its out-of-fold predictions, and what makes it this very model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from factory_assets.foundation.errors import FactoryError, broken_contract
from factory_assets.foundation.lake import combined_digest, sha256_file
from factory_assets.rul.schema import CARD_FILE, GRAPH_FILE, OUT_OF_FOLD_FILE, RUN_FILE, SAMPLES_FILE

ROW = ["unit_id", "life_id", "cycle"]
OF_TRUTH = ["fold", "is_censored", "rul_cycles"]


class ModelNotWholeError(FactoryError, ValueError):
    """A model folder that lacks a file, or holds one that cannot be read."""


class _Read(BaseModel):
    """Reads what it needs; cards of other versions may say more."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class InputChannel(_Read):
    """An input channel of a model."""

    name: str
    unit: str


class IntervalCoverage(_Read):
    """How often an interval held the truth out of fold, on how many units, and how wide it was."""

    units: int | None = None
    coverage: float
    mean_width_cycles: float


class ContenderCard(_Read):
    """What promotion reads of a model's card."""

    inputs: tuple[InputChannel, ...]
    window_cycles: int
    cap_cycles: int
    contestant: str
    figures: dict[str, dict[str, float | None]] = {}
    coverage: dict[str, IntervalCoverage] = {}
    data_sha256: str
    code_version: str


@dataclass(frozen=True)
class Contender:
    """A model that can be compared.

    Attributes:
        card: Its card.
        out_of_fold: One row a window: `ROW`, `OF_TRUTH`, and the predicted cycles of each contestant.
        model_sha256: Digest of its ONNX graph, whose bytes depend on the model alone.
        run_id: Its MLflow run; None if it was not recorded.
    """

    card: ContenderCard
    out_of_fold: pl.DataFrame
    model_sha256: str
    run_id: str | None

    @property
    def units(self) -> int:
        """How many units its out-of-fold figures rest on: those with a life whose failure was seen."""
        return self.out_of_fold.filter(~pl.col("is_censored"))["unit_id"].n_unique()


def read_contender(folder: Path) -> Contender:
    """A model's folder, whole.

    Raises:
        ModelNotWholeError: A file is missing or cannot be read; the message names it.
    """
    card = _card(folder)
    graph = _existing(folder / GRAPH_FILE)
    table = _existing(folder / OUT_OF_FOLD_FILE)
    try:
        out_of_fold = pl.read_parquet(table, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        msg = f"{table} cannot be read: {error}"
        raise ModelNotWholeError(msg) from error
    missing = [name for name in (*ROW, *OF_TRUTH, card.contestant) if name not in out_of_fold.columns]
    if missing:
        msg = f"{table} lacks the column(s) {', '.join(missing)}: it was written by another version"
        raise ModelNotWholeError(msg)
    return Contender(card, out_of_fold, sha256_file(graph), _run_id(folder))


def differing_inputs(old: ContenderCard, new: ContenderCard) -> str | None:
    """Why two models cannot be compared, in words; None if they take the same and promise the same."""
    before, after = ({channel.name: channel.unit for channel in card.inputs} for card in (old, new))
    if before != after:
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        return f"it takes other channels or units ({', '.join(changed)})"
    if old.window_cycles != new.window_cycles:
        return f"it takes windows of {old.window_cycles} cycles, not {new.window_cycles}"
    if old.cap_cycles != new.cap_cycles:
        return f"its cap is {old.cap_cycles} cycles, not {new.cap_cycles}"
    return None


def described(folder: Path) -> dict[str, Any] | None:
    """What can be said of a model in a record, as plain values; None if there is no such folder.

    What cannot be read is None: a record also has to speak of a model that is no longer whole.
    """
    if not folder.is_dir():
        return None
    graph = folder / GRAPH_FILE
    told: dict[str, Any] = {
        "run_id": _run_id(folder),
        "model_sha256": sha256_file(graph) if graph.is_file() else None,
        **dict.fromkeys(("contestant", "data_sha256", "code_version", "figures", "coverage")),
    }
    try:
        card = _card(folder)
    except ModelNotWholeError:
        return told
    coverage = {level: found.model_dump() for level, found in card.coverage.items()}
    return {
        **told,
        "contestant": card.contestant,
        "data_sha256": card.data_sha256,
        "code_version": card.code_version,
        "figures": card.figures.get(card.contestant, {}),
        "coverage": coverage,
    }


def digest(folder: Path) -> str:
    """One digest for a model: its graph, card and golden samples, but not which run made it; absent files count too."""
    files = [folder / name for name in (GRAPH_FILE, CARD_FILE, SAMPLES_FILE)]
    return combined_digest(sha256_file(path) if path.is_file() else "" for path in files)


def _card(folder: Path) -> ContenderCard:
    path = _existing(folder / CARD_FILE)
    try:
        return ContenderCard.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ModelNotWholeError(broken_contract(f"{path} (of another version, or damaged)", error)) from error


def _existing(path: Path) -> Path:
    if not path.is_file():
        msg = f"{path} is not there"
        raise ModelNotWholeError(msg)
    return path


def _run_id(folder: Path) -> str | None:
    file = folder / RUN_FILE
    return file.read_text(encoding="utf-8").strip() if file.is_file() else None
