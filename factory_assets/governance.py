"""What a person does about models of remaining life: see them, approve or reject a challenger, roll back.

Folders change first, then MLflow's aliases, then the record; Dagster is told at last, so that what follows is stale.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from factory_assets.foundation import champions
from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.lake import combined_digest
from factory_assets.foundation.settings import Site
from factory_assets.foundation.tracking import Tracking
from factory_assets.rul import champion, contenders
from factory_assets.rul.champion import Decision

if TYPE_CHECKING:
    import dagster as dg

CHAMPION_ASSET = "rul_champion"
DECISIONS_SHOWN = 5


class NoModelError(FactoryError, ValueError):
    """A fleet that has no model of remaining useful life."""


def approve(site: Site, fleet: str, reason: str) -> Decision:
    """Crown the challenger of a fleet that waits for approval.

    Raises:
        NoModelError: The fleet has no model.
        NothingWaitsError: No challenger waits.
        ChallengerChangedError: The models are not those that were judged.
    """
    rivals, history = _rivals_and_history(site, fleet)
    return _done(site, champion.approve(rivals, fleet=fleet, reason=reason, history=history, now=_now()))


def reject(site: Site, fleet: str, reason: str) -> Decision:
    """Refuse the challenger of a fleet that waits for approval; errors as `approve`."""
    rivals, history = _rivals_and_history(site, fleet)
    return _done(site, champion.reject(rivals, fleet=fleet, reason=reason, history=history, now=_now()))


def roll_back(site: Site, fleet: str, reason: str) -> Decision:
    """Make the previous champion of a fleet the champion again.

    Raises:
        NoModelError: The fleet has no model.
        NoPreviousChampionError: There is no previous champion.
        ModelNotWholeError: There is one, but without its graph or card.
    """
    rivals, _ = _rivals_and_history(site, fleet)
    return _done(site, champion.roll_back(rivals, fleet=fleet, reason=reason, now=_now()))


def settle(site: Site, decision: Decision) -> None:
    """Make MLflow's aliases say what the folders say, and write a decision down; `rul_champion` does so as well.

    Args:
        site: The plant and its places.
        decision: What was decided, after folders were changed.
    """
    rivals = champion.rivals_of(site.home, decision.fleet)
    tracking = Tracking(uri=site.home.mlflow_uri, artifacts=site.home.mlflow_artifacts)
    tracking.align(champion.registered_name(decision.fleet), champions.run_ids(rivals))
    champions.record(champion.record_of(site.home, decision.fleet), decision.as_json())


def standing(site: Site, shown: int = DECISIONS_SHOWN) -> dict[str, dict[str, Any]]:
    """Champion, challenger, previous and the last decisions (newest first) of every fleet with a model."""
    found = {}
    for fleet in site.plant.modelled_fleets:
        rivals, history = _rivals_and_history(site, fleet)
        found[fleet] = {
            "champion": contenders.described(rivals.champion),
            "challenger": contenders.described(rivals.challenger),
            "previous": contenders.described(rivals.previous),
            "waits_for_approval": champion.waiting(history) is not None,
            "decisions": history[::-1][:shown],
        }
    return found


def tell_dagster(site: Site, instance: dg.DagsterInstance, decision: Decision) -> bool:
    """Report what is in a fleet's champion's place now, and whose challenger still waits.

    Returns:
        Whether what depends on the champion is stale because of it.
    """
    import dagster as dg

    from factory_assets.foundation.staleness import report_replaced
    from factory_assets.rul.checks import challenger_waits

    result = challenger_waits(champion.waiting_fleets(site.home, site.plant.modelled_fleets))
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(CHAMPION_ASSET),
            check_name=result.check_name or "",
            passed=result.passed,
            metadata=result.metadata,
            severity=result.severity,
        )
    )
    if decision.outcome is champion.Outcome.REJECTED:
        return False
    return report_replaced(
        instance,
        dg.AssetKey(CHAMPION_ASSET),
        decision.fleet,
        combined_digest([contenders.digest(champion.rivals_of(site.home, decision.fleet).champion)]),
        {"outcome": decision.outcome.value, "reason": decision.reason, "decided_by": decision.decided_by},
    )


def _done(site: Site, decision: Decision) -> Decision:
    from factory_assets.foundation.instance import open_instance

    settle(site, decision)
    with open_instance(site.home.dagster) as instance:
        tell_dagster(site, instance, decision)
    return decision


def _rivals_and_history(site: Site, fleet: str) -> tuple[champions.Rivals, list[dict[str, Any]]]:
    if site.plant.fleet(fleet).name not in site.plant.modelled_fleets:
        msg = f"fleet {fleet} has no model of remaining life; these have: {', '.join(site.plant.modelled_fleets)}"
        raise NoModelError(msg)
    return champion.rivals_of(site.home, fleet), champions.decisions(champion.record_of(site.home, fleet))


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
