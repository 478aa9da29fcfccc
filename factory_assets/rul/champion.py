"""Who is champion of a fleet: deciding, crowning, and what a person may do about it.

Nothing here knows Dagster or MLflow: whoever calls it records the decision, and tells them.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from edge_runtime.bundle import read_golden
from factory_assets.foundation import champions, parity
from factory_assets.foundation.champions import Rivals
from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.settings import Home, RulThresholds
from factory_assets.rul import promotion
from factory_assets.rul.contenders import (
    Contender,
    ModelNotWholeError,
    described,
    differing_inputs,
    read_contender,
)
from factory_assets.rul.promotion import Condition, Evidence, Foretell
from factory_assets.rul.schema import CARD_FILE, GRAPH_FILE, SAMPLES_FILE

Approval = Literal["automatic", "person"]
History = Sequence[Mapping[str, Any]]


class NothingWaitsError(FactoryError, ValueError):
    """An approval or rejection where no challenger waits for one."""


class ChallengerChangedError(FactoryError, ValueError):
    """The models that are there now are not those that were judged."""


class Outcome(StrEnum):
    """What came of a decision."""

    PROMOTED = "promoted"
    KEPT = "kept"
    WAITS = "waits for approval"
    REJECTED = "rejected"
    ROLLED_BACK = "rolled back"


@dataclass(frozen=True)
class Decision:
    """One line of a fleet's record.

    Attributes:
        outcome: What came of it.
        reason: Why, in words.
        fleet: Whose model.
        decided_by: Who ran it.
        decided_utc: When.
        challenger: The model that wants the place (a rollback: that takes it again), as `contenders.described`.
        champion: The model in place before the decision; None if there was none.
        cannot_defend: Why a champion that is there could not be compared; None otherwise.
        conditions: Every condition, with whether it holds and why.
        figures: Of the comparison: both RMSE, the interval of the gain, units, rows, what was left out.
        thresholds: What was asked for.
        approval: Whether a person must approve.
    """

    outcome: Outcome
    reason: str
    fleet: str
    decided_by: str
    decided_utc: dt.datetime
    challenger: Mapping[str, Any]
    champion: Mapping[str, Any] | None
    cannot_defend: str | None = None
    conditions: tuple[Condition, ...] = ()
    figures: Mapping[str, Any] | None = None
    thresholds: Mapping[str, Any] | None = None
    approval: Approval | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "outcome": self.outcome.value, "decided_utc": self.decided_utc.isoformat()}


def rivals_of(home: Home, fleet: str) -> Rivals:
    """The folders of a fleet's models."""
    return Rivals(home.models / fleet, home.champions / fleet)


def record_of(home: Home, fleet: str) -> Path:
    """The record of a fleet's decisions, one JSON object a line."""
    return home.root / "decisions" / f"rul-{fleet}.jsonl"


def registered_name(fleet: str) -> str:
    """The name of a fleet's model in MLflow."""
    return f"rul-{fleet}"


def measured(folder: Path) -> Evidence:
    """Run a model's graph on its golden samples, with ONNX Runtime, and compare with what the trainer gave for them.

    A graph that cannot be run is told in the evidence: it is the model that is refused, not the run that fails.
    """
    try:
        inputs, expected = read_golden(folder / SAMPLES_FILE)
        difference = parity.largest_difference(folder / GRAPH_FILE, inputs, expected)
    except Exception as error:  # noqa: BLE001 (ONNX Runtime's exceptions share no base class but this)
        return Evidence(math.nan, f"{GRAPH_FILE} cannot be run on {SAMPLES_FILE}: {error}")
    return Evidence(difference)


def decide(
    rivals: Rivals,
    *,
    fleet: str,
    approval: Approval,
    thresholds: RulThresholds,
    evidence: Evidence,
    history: History,
    now: dt.datetime,
    foretell: Foretell | None = None,
    champion_evidence: Evidence | None = None,
) -> Decision:
    """Whether the challenger takes the champion's place. Writes nothing.

    Args:
        rivals: The folders.
        fleet: Whose model.
        approval: "person" if a person must approve what holds all conditions.
        thresholds: What is asked for.
        evidence: What was measured of the challenger's graph.
        history: Earlier decisions, oldest first: what a person refused stays refused.
        now: When the decision is taken, with its time zone.
        foretell: What the champion's graph says for rows of units that it was not trained on; see `promotion.pair`.
        champion_evidence: What was measured of the champion's graph: one that cannot be run cannot defend itself.

    Raises:
        ModelNotWholeError: The challenger's folder lacks a file, or one cannot be read.
        NothingToCompareError: There is no champion to compare with, and no life whose failure was seen.
    """
    challenger = read_contender(rivals.challenger)
    champion, cannot_defend = _defender(rivals.champion, challenger)
    if champion is not None and champion_evidence is not None and champion_evidence.golden_failure is not None:
        champion, cannot_defend = None, champion_evidence.golden_failure
    open_decision = Decision(
        outcome=Outcome.KEPT,
        reason="",
        fleet=fleet,
        decided_by=champions.user_name(),
        decided_utc=now,
        challenger=described(rivals.challenger) or {},
        champion=described(rivals.champion),
        cannot_defend=cannot_defend,
        thresholds=thresholds.model_dump(mode="json"),
        approval=approval,
    )
    if champion is not None and champion.model_sha256 == challenger.model_sha256:
        told = "no better than noise: the challenger is the champion itself, the same graph byte for byte; it stays"
        return replace(open_decision, reason=told, conditions=(Condition("is_another_model", passed=False, told=told),))
    pairs = found = None
    if champion is not None:
        pairs = promotion.pair(champion, challenger, foretell)
        better, found = promotion.against_champion(pairs, thresholds.promotion)
        conditions = [better]
    else:
        conditions = list(promotion.without_champion(challenger, thresholds))
    conditions += promotion.keeps_coverage(challenger, thresholds.promotion)
    conditions += promotion.keeps_parity(evidence, thresholds.parity_cycles)
    conditions += _not_refused(history, challenger.model_sha256)
    return replace(
        open_decision,
        outcome=_outcome(conditions, approval),
        reason=_reason(conditions, champion, cannot_defend),
        conditions=tuple(conditions),
        figures=promotion.gain_as_json(found, pairs),
    )


def crown(rivals: Rivals, decision: Decision) -> str:
    """Put the challenger that was decided on in the champion's place; returns its MLflow run.

    Raises:
        ChallengerChangedError: The challenger's folder holds another model meanwhile; the champion stays.
        FileNotFoundError: The challenger was not recorded in MLflow; the champion stays.
    """

    def accept(copy: Path) -> None:
        found = described(copy) or {}
        if found.get("model_sha256") != decision.challenger.get("model_sha256"):
            raise ChallengerChangedError(_changed(decision.fleet, decision.challenger, found))

    return champions.crown(rivals, accept)


def promises(folder: Path, thresholds: RulThresholds, evidence: Evidence | None) -> tuple[Condition, ...]:
    """What a champion in force must go on to show: coverage, parity and golden samples.

    Args:
        folder: The champion's folder.
        thresholds: What is asked for.
        evidence: What was measured of its graph; None if there is none to measure.
    """
    if not folder.is_dir() or evidence is None:
        return (Condition("there_is_a_champion", passed=False, told="there is no champion to release"),)
    try:
        champion = read_contender(folder)
    except ModelNotWholeError as error:
        return (Condition("is_whole", passed=False, told=str(error)),)
    return (
        *promotion.keeps_coverage(champion, thresholds.promotion),
        *promotion.keeps_parity(evidence, thresholds.parity_cycles),
    )


def waiting(history: History) -> Mapping[str, Any] | None:
    """The decision that waits for a person; None if none does."""
    return history[-1] if history and history[-1].get("outcome") == Outcome.WAITS else None


def waiting_fleets(home: Home, fleets: Iterable[str]) -> dict[str, str]:
    """Those of some fleets whose challenger waits for a person, each with why it would be promoted."""
    judged = {fleet: waiting(champions.decisions(record_of(home, fleet))) for fleet in fleets}
    return {fleet: str(decision["reason"]) for fleet, decision in judged.items() if decision is not None}


def approve(rivals: Rivals, *, fleet: str, reason: str, history: History, now: dt.datetime) -> Decision:
    """Crown the challenger that waits for a person's approval.

    Raises:
        NothingWaitsError: No challenger waits.
        ChallengerChangedError: Challenger or champion are not those that were judged.
    """
    decision = _by_a_person(rivals, Outcome.PROMOTED, fleet=fleet, reason=reason, history=history, now=now)
    in_place = described(rivals.champion) or {}
    # A crash may have come between crowning and the record of it.
    if in_place.get("model_sha256") != decision.challenger.get("model_sha256"):
        crown(rivals, decision)
    return decision


def reject(rivals: Rivals, *, fleet: str, reason: str, history: History, now: dt.datetime) -> Decision:
    """Refuse the challenger that waits: that very model is not proposed again.

    Raises:
        NothingWaitsError: No challenger waits.
        ChallengerChangedError: Challenger or champion are not those that were judged.
    """
    return _by_a_person(rivals, Outcome.REJECTED, fleet=fleet, reason=reason, history=history, now=now)


def roll_back(rivals: Rivals, *, fleet: str, reason: str, now: dt.datetime) -> Decision:
    """Make the previous champion the champion again; the champion becomes the previous one.

    Raises:
        NoPreviousChampionError: There is no previous champion.
        ModelNotWholeError: There is one, but without its graph or card.
    """
    back, leaving = described(rivals.previous), described(rivals.champion)
    for name in (GRAPH_FILE, CARD_FILE) if back is not None else ():
        if not (rivals.previous / name).is_file():
            msg = f"the previous champion of {fleet} is not whole, and cannot be put back: {name} is not there"
            raise ModelNotWholeError(msg)
    champions.swap_back(rivals)
    return Decision(
        Outcome.ROLLED_BACK, reason, fleet, champions.user_name(), now, challenger=back or {}, champion=leaving
    )


def _by_a_person(
    rivals: Rivals, outcome: Outcome, *, fleet: str, reason: str, history: History, now: dt.datetime
) -> Decision:
    """The waiting decision, settled by a person: its conditions and figures go with it."""
    judged = waiting(history)
    if judged is None:
        last = f"the last decision was: {history[-1].get('outcome')}" if history else "nothing was decided yet"
        msg = f"no challenger of {fleet} waits for approval; {last} (see factory model list)"
        raise NothingWaitsError(msg)
    challenger, champion = described(rivals.challenger) or {}, described(rivals.champion)
    if challenger.get("model_sha256") != judged["challenger"].get("model_sha256"):
        raise ChallengerChangedError(_changed(fleet, judged["challenger"], challenger))
    place = (champion or {}).get("model_sha256")
    is_done = outcome is Outcome.PROMOTED and place == challenger.get("model_sha256")
    if not is_done and place != (judged["champion"] or {}).get("model_sha256"):
        raise ChallengerChangedError(_changed(fleet, judged["champion"] or {}, champion or {}))
    return Decision(
        outcome,
        reason,
        fleet,
        champions.user_name(),
        now,
        challenger=judged["challenger"],
        champion=judged["champion"],
        cannot_defend=judged.get("cannot_defend"),
        conditions=tuple(Condition(**condition) for condition in judged.get("conditions", ())),
        figures=judged.get("figures"),
        thresholds=judged.get("thresholds"),
        approval=judged.get("approval"),
    )


def _changed(fleet: str, judged: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    was, now = (model.get("run_id") or "no run" for model in (judged, found))
    return (
        f"{fleet}: the model that was judged (run {was}) is not the one that is there now (run {now}); "
        "materialise rul_champion, which judges what is there"
    )


def _defender(folder: Path, challenger: Contender) -> tuple[Contender | None, str | None]:
    """The champion, if it can defend itself; otherwise None and, if there is a folder, why it cannot."""
    if not folder.is_dir():
        return None, None
    try:
        champion = read_contender(folder)
    except ModelNotWholeError as error:
        return None, str(error)
    differs = differing_inputs(champion.card, challenger.card)
    return (champion, None) if differs is None else (None, differs)


def _not_refused(history: History, model_sha256: str) -> list[Condition]:
    """A condition that fails if the last word of a person on this very model was no; none otherwise."""
    refusal: Mapping[str, Any] | None = None
    for entry in history:
        taken = (entry.get("challenger") or {}).get("model_sha256") == model_sha256
        left = (entry.get("champion") or {}).get("model_sha256") == model_sha256
        outcome = entry.get("outcome")
        if (outcome == Outcome.REJECTED and taken) or (outcome == Outcome.ROLLED_BACK and left):
            refusal = entry
        elif outcome in (Outcome.PROMOTED, Outcome.ROLLED_BACK) and taken:
            refusal = None
    if refusal is None:
        return []
    day = str(refusal.get("decided_utc", ""))[:10]
    told = f"this very model was {refusal['outcome']} by {refusal.get('decided_by')} on {day}: {refusal.get('reason')}"
    return [Condition("not_refused_by_a_person", passed=False, told=told)]


def _outcome(conditions: Sequence[Condition], approval: Approval) -> Outcome:
    if not all(condition.passed for condition in conditions):
        return Outcome.KEPT
    return Outcome.WAITS if approval == "person" else Outcome.PROMOTED


def _reason(conditions: Sequence[Condition], champion: Contender | None, cannot_defend: str | None) -> str:
    failed = [condition.told for condition in conditions if not condition.passed]
    told = "; ".join(failed) if failed else conditions[0].told
    if champion is not None:
        return told
    if cannot_defend is not None:
        return f"the champion cannot defend itself: {cannot_defend}; the challenger: {told}"
    return f"there is no champion yet; the challenger: {told}"
