"""The commands `factory schedule ...`: thin; what they do is in `planning.what_if`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from factory_assets.options import HomeOption, JsonOption, PlantOption, chosen_site, write_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from factory_assets.planning.incumbent import Progress
    from factory_assets.planning.problem import Problem, Schedule
    from factory_assets.planning.what_if.base import Base

schedule_app = typer.Typer(no_args_is_help=True, help="The daily schedule: what is in force, and what would be if.")

PageOption = Annotated[Path | None, typer.Option("--page", help="Write the schedule as an HTML page to this file.")]
DayOption = Annotated[str | None, typer.Option("--day", help="Of which day, as 2026-11-26; default: the newest.")]


AtOption = Annotated[str | None, typer.Option("--at", metavar="TIME", help="From when on things change; default: now.")]
SecondsOption = Annotated[
    float | None, typer.Option("--seconds", min=0.1, help="How long to search; default: as the plant file says.")
]
Breakdowns = Annotated[
    list[str] | None, typer.Option("--breakdown", metavar="MACHINE@FROM/TO", help="A machine stands.")
]
Closures = Annotated[
    list[str] | None, typer.Option("--closed", metavar="MACHINE-OR-OPERATOR@FROM/TO", help="It does not work then.")
]
ExtraShifts = Annotated[
    list[str] | None, typer.Option("--extra-shift", metavar="MACHINE-OR-OPERATOR@FROM/TO", help="It works then too.")
]
RushOrders = Annotated[
    list[str] | None,
    typer.Option(
        "--rush-order",
        metavar="LIKE_ORDER:FACTOR@DUE[,COST_PER_H]",
        help="A new order that is made like one that is there, FACTOR times as many pieces: its minutes and materials "
        "are multiplied.",
    ),
]
OrdersOff = Annotated[list[str] | None, typer.Option("--without-order", metavar="ORDER", help="It is called off.")]
DueDates = Annotated[list[str] | None, typer.Option("--due", metavar="ORDER@TIME", help="It is due then.")]
LateDeliveries = Annotated[
    list[str] | None,
    typer.Option("--late-delivery", metavar="MATERIAL@+DURATION", help="All of it still to come is so much later."),
]
ExtraDeliveries = Annotated[
    list[str] | None,
    typer.Option("--extra-delivery", metavar="MATERIAL:QUANTITY@TIME", help="So much more of it comes then."),
]
MaintenanceTimes = Annotated[
    list[str] | None, typer.Option("--maintenance", metavar="MACHINE@TIME", help="Its maintenance begins then.")
]
NoMaintenances = Annotated[
    list[str] | None, typer.Option("--no-maintenance", metavar="MACHINE", help="Its maintenance is left out.")
]


@schedule_app.command()
def show(
    day: DayOption = None,
    page: PageOption = None,
    plant: PlantOption = None,
    home: HomeOption = None,
    json_file: JsonOption = None,
) -> None:
    """Show the schedule in force: cost, late orders with the reason why, maintenance, machines."""
    from factory_assets.foundation.lake import Lake
    from factory_assets.planning.intake import settings_of
    from factory_assets.planning.what_if import schedule_shown
    from factory_assets.planning.what_if.base import read_base

    site = chosen_site(plant, home=home)
    settings = settings_of(site)
    base = read_base(Lake(site.home.lake), settings.timezone, day)
    console = _console()
    console.print(schedule_shown.heading(base))
    for table in schedule_shown.tables(base, settings.currency):
        console.print(table)
    if page is not None:
        title = f"{site.plant.title or site.plant.plant}, {base.day}"
        _write_page(page, base, base.problem, base.schedule, title, base.clock.minute_of(dt.datetime.now(dt.UTC)))
    if json_file is not None:
        write_json(json_file, schedule_shown.document(base, settings.currency))


@schedule_app.command("what-if")
def what_if(  # noqa: PLR0917 (a command's options)
    breakdown: Breakdowns = None,
    closed: Closures = None,
    extra_shift: ExtraShifts = None,
    rush_order: RushOrders = None,
    without_order: OrdersOff = None,
    due: DueDates = None,
    late_delivery: LateDeliveries = None,
    extra_delivery: ExtraDeliveries = None,
    maintenance: MaintenanceTimes = None,
    no_maintenance: NoMaintenances = None,
    at: AtOption = None,
    anew: Annotated[bool, typer.Option("--anew", help="Place anew all that can be, not few tasks.")] = False,  # noqa: FBT002
    seconds: SecondsOption = None,
    page: PageOption = None,
    plant: PlantOption = None,
    home: HomeOption = None,
    json_file: JsonOption = None,
) -> None:
    """Show what would be different if something changed. Nothing is written to the lake or the ERP.

    Every change may be given several times. Times are those of the plant, 2026-11-26T10:00, unless they name a zone
    (10:00Z, 10:00+02:00); an end may be a duration (/PT6H, /P2D). Ends with 1 if no schedule keeps to everything.
    """
    from factory_assets.foundation.lake import Lake
    from factory_assets.planning.intake import settings_of
    from factory_assets.planning.what_if import texts, trial_document, trial_shown
    from factory_assets.planning.what_if.base import minute_asked, read_base
    from factory_assets.planning.what_if.trial import try_out

    written = {
        "--breakdown": breakdown, "--closed": closed, "--extra-shift": extra_shift, "--rush-order": rush_order,
        "--without-order": without_order, "--due": due, "--late-delivery": late_delivery,
        "--extra-delivery": extra_delivery, "--maintenance": maintenance, "--no-maintenance": no_maintenance,
    }  # fmt: skip
    asked = {option: given for option, given in written.items() if given}
    if not asked and not anew:
        msg = f"say what changes ({', '.join(texts.FORMS)}), or --anew to place everything anew"
        raise typer.BadParameter(msg)
    site = chosen_site(plant, home=home)
    settings = settings_of(site)
    base = read_base(Lake(site.home.lake), settings.timezone)
    now = minute_asked(base, at, dt.datetime.now(dt.UTC))
    changes = texts.changes_of(asked, base.clock)
    with _progress(settings.currency) as on_progress:
        trial = try_out(
            base, changes, settings, now_min=now, anew=anew, seconds=seconds, on_progress=on_progress
        )  # fmt: skip
    console = _console()
    console.print(trial_shown.asked(trial))
    for table in trial_shown.tables(trial, settings.currency):
        console.print(table)
    console.print(trial_shown.answer(trial, settings.currency), soft_wrap=True)
    if page is not None and trial.after is not None:
        title = f"{site.plant.title or site.plant.plant}, {base.day}: what if"
        _write_page(page, base, trial.problem, trial.after, title, now)
    if json_file is not None:
        write_json(json_file, trial_document.document(trial, settings.currency))
    if trial.after is None:
        raise typer.Exit(1)


@schedule_app.command()
def explain(day: DayOption = None, plant: PlantOption = None, home: HomeOption = None) -> None:
    """Say why a day cannot be planned: what cannot all be kept. Ends with 1 if so."""
    from factory_assets.foundation.lake import Lake
    from factory_assets.planning.what_if.failed_day import explain_day

    site = chosen_site(plant, home=home)
    found = explain_day(Lake(site.home.lake), site, day)
    if not found.clashes:
        typer.echo(f"{found.day} can be planned: nothing that was read for it clashes")
        return
    typer.echo(f"{found.day} cannot be planned:")
    for words in found.clashes:
        typer.echo(f"  {words}")
    raise typer.Exit(1)


@contextmanager
def _progress(currency: str) -> Iterator[Callable[[Progress], None]]:
    """A line on a terminal that says how far the search is."""
    from rich.console import Console

    with Console(stderr=True).status("making a schedule") as status:

        def told(progress: Progress) -> None:
            cost = "no schedule yet" if progress.value is None else f"{progress.value:,.0f} {currency}"
            status.update(f"making a schedule: {cost} after {progress.seconds:.0f} s, by {progress.solver}")

        yield told


def _write_page(  # noqa: PLR0917 (what a page is made of)
    path: Path, base: Base, problem: Problem, schedule: Schedule, title: str, now_min: int
) -> None:
    from factory_assets.planning.publishing import write_page
    from factory_assets.planning.showing.gantt import gantt_page

    clock = base.clock
    page = gantt_page(
        problem, schedule, title=title, time_zone=clock.time_zone, now_utc=clock.moment(now_min).astimezone(dt.UTC)
    )
    typer.echo(f"wrote {write_page(path, page)}")


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, markup=False)
