"""The commands `factory model ...`: thin; what they do is in `governance`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from factory_assets.options import HomeOption, JsonOption, PlantOption, chosen_site, write_json

if TYPE_CHECKING:
    from rich.table import Table

model_app = typer.Typer(no_args_is_help=True, help="Models of remaining life: which are in force, and who decided so.")

FleetName = Annotated[str, typer.Option("--fleet", help="Whose model.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the record.")]


@model_app.command("list")
def list_models(plant: PlantOption = None, home: HomeOption = None, json_file: JsonOption = None) -> None:
    """Show champion, challenger and previous champion of each fleet, and the last decisions."""
    from rich.console import Console

    from factory_assets import governance

    found = governance.standing(chosen_site(plant, home=home))
    console = Console(highlight=False, markup=False)
    console.print(models_table(found))
    if any(fleet["decisions"] for fleet in found.values()):
        console.print(decisions_table(found))
    if json_file is not None:
        write_json(json_file, found)


@model_app.command()
def approve(fleet: FleetName, reason: Reason, plant: PlantOption = None, home: HomeOption = None) -> None:
    """Make the challenger that waits the champion."""
    from factory_assets import governance

    done = governance.approve(chosen_site(plant, home=home), fleet, reason)
    typer.echo(f"{fleet}: run {_run(done.challenger)} is champion now; factory materialize releases it")


@model_app.command()
def reject(fleet: FleetName, reason: Reason, plant: PlantOption = None, home: HomeOption = None) -> None:
    """Refuse the challenger that waits; that very model is not proposed again."""
    from factory_assets import governance

    done = governance.reject(chosen_site(plant, home=home), fleet, reason)
    typer.echo(f"{fleet}: run {_run(done.challenger)} is refused; the champion stays")


@model_app.command()
def rollback(fleet: FleetName, reason: Reason, plant: PlantOption = None, home: HomeOption = None) -> None:
    """Make the previous champion the champion again."""
    from factory_assets import governance

    done = governance.roll_back(chosen_site(plant, home=home), fleet, reason)
    typer.echo(f"{fleet}: run {_run(done.challenger)} is champion again; factory materialize releases it")


def models_table(standing: Mapping[str, Mapping[str, Any]]) -> Table:
    """A row a model: whose, which, and its out-of-fold figures."""
    from rich.table import Table

    table = Table("fleet", "model", "contestant", "RMSE", "RMSE low", "covers 80 %", "covers 90 %", "run", "data")
    table.title = "Models of remaining life, figures out of fold"
    for fleet, found in standing.items():
        for alias in ("champion", "challenger", "previous"):
            model = found[alias]
            if model is None:
                table.add_row(fleet, alias, "none")
                continue
            table.add_row(fleet, _told_alias(alias, found), model["contestant"] or "unreadable", *_figures(model))
    return table


def decisions_table(standing: Mapping[str, Mapping[str, Any]]) -> Table:
    """The last decisions of each fleet, newest first."""
    from rich.table import Table

    table = Table("fleet", "when (UTC)", "who", "what", "why", title="Last decisions")
    for fleet, found in standing.items():
        for entry in found["decisions"]:
            when = str(entry.get("decided_utc", ""))[:16].replace("T", " ")
            table.add_row(fleet, when, *(str(entry.get(name, "")) for name in ("decided_by", "outcome", "reason")))
    return table


def _told_alias(alias: str, found: Mapping[str, Any]) -> str:
    if alias != "challenger":
        return alias
    if found["waits_for_approval"]:
        return "challenger (waits for approval)"
    champion = (found["champion"] or {}).get("model_sha256")
    return "challenger (is the champion)" if champion == found[alias]["model_sha256"] else alias


def _figures(model: Mapping[str, Any]) -> list[str]:
    figures, coverage = model["figures"] or {}, model["coverage"] or {}
    rmse = [_cycles(figures.get(name)) for name in ("rmse_capped", "rmse_low_rul")]
    covers = [f"{coverage[level]['coverage']:.0%}" if level in coverage else "-" for level in ("80", "90")]
    return [*rmse, *covers, _run(model), (model["data_sha256"] or "-")[:8]]


def _cycles(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _run(model: Mapping[str, Any]) -> str:
    return str(model.get("run_id") or "-")[:8]
