"""The `factory` command: thin; what it does is in `operations`, what it shows in `summary`."""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from factory_assets.benchmarks.cli import bench_app
from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.settings import REFERENCE_PLANT, Settings
from factory_assets.model_commands import model_app
from factory_assets.options import DataOption, HomeOption, JsonOption, PlantOption, chosen_site, write_json
from factory_assets.schedule_commands import schedule_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="From raw historian data to decisions at the line.",
)
evaluate_app = typer.Typer(no_args_is_help=True, help="Score models by the very code that runs at the edge.")
app.add_typer(evaluate_app, name="evaluate")
release_app = typer.Typer(no_args_is_help=True, help="Signatures of releases.")
app.add_typer(release_app, name="release")
app.add_typer(model_app, name="model")
app.add_typer(schedule_app, name="schedule")
app.add_typer(bench_app)

FleetOption = Annotated[list[str] | None, typer.Option("--fleet", help="Only this fleet; may be repeated.")]
ProductOption = Annotated[list[str] | None, typer.Option("--product", help="Only this product; may be repeated.")]


@app.command("init-plant")
def init_plant(
    exports: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Exports, folders of them, or zips.")],
    name: Annotated[str | None, typer.Option("--name", help="The plant's name; default: that of the files.")] = None,
    output: Annotated[Path, typer.Option("--output", help="Where to write the plant file.")] = Path("plant.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,  # noqa: FBT002
) -> None:
    """Draft a plant file from CSV or Parquet exports; comments say where a person must decide."""
    from rich.console import Console

    from factory_assets.historian.drafting.draft import draft_plant, write_draft

    now = dt.datetime.now(dt.UTC)
    draft = draft_plant(exports, name=name, output=output, now=now)
    write_draft(draft, output, force=force)
    console = Console(highlight=False, markup=False)
    console.print(f"looked at {draft.looked_at}", soft_wrap=True)
    console.print(f"wrote {output}: {draft.decisions} place(s) say DECIDE", soft_wrap=True)
    console.print(f"then: factory doctor --plant {output}", soft_wrap=True)


@app.command()
def doctor(
    plant: PlantOption = None,
    data: DataOption = None,
    home: HomeOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Read all data, not a sample.")] = False,  # noqa: FBT002
    json_file: JsonOption = None,
) -> None:
    """Check a plant file against its sources: what would go wrong, and how to mend it. Ends with 1 on a problem."""
    from rich.console import Console

    from factory_assets.historian.doctor.examination import examine
    from factory_assets.historian.doctor.report import print_diagnosis

    diagnosis = examine(chosen_site(plant, data, home), now=dt.datetime.now(dt.UTC), everything=everything)
    print_diagnosis(diagnosis, Console(highlight=False))
    if json_file is not None:
        write_json(json_file, diagnosis.as_json())
    if diagnosis.has_problem:
        raise typer.Exit(1)


@app.command()
def materialize(  # noqa: PLR0917 (a command's options)
    plant: PlantOption = None,
    data: DataOption = None,
    home: HomeOption = None,
    fleet: FleetOption = None,
    product: ProductOption = None,
    room: Annotated[list[str] | None, typer.Option("--room", help="Only this room; may be repeated.")] = None,
) -> None:
    """Collect what is new and run every asset that is stale, from the historian to the signed release."""
    from factory_assets import operations, summary

    site = chosen_site(plant, data, home)
    with summary.progress_lines(site.home.log) as on_progress:
        done = operations.bring_up_to_date(
            site, fleets=fleet or (), products=product or (), rooms=room, on_progress=on_progress
        )
    summary.print_result(site, done)


@evaluate_app.command("rul")
def evaluate_rul(
    fleet: Annotated[str, typer.Option("--fleet", help="Whose model.")],
    plant: PlantOption = None,
    home: HomeOption = None,
    json_file: JsonOption = None,
) -> None:
    """Score a fleet's bundle on every test unit, with the test truth capped and raw."""
    from factory_assets import evaluation, summary

    figures = evaluation.evaluate_rul(chosen_site(plant, home=home), fleet)
    summary.print_evaluation(fleet, figures)
    if json_file is not None:
        write_json(json_file, figures)


@evaluate_app.command("inspection")
def evaluate_inspection(  # noqa: PLR0917 (a command's options)
    data: Annotated[
        Path | None, typer.Option("--data", help="Labelled images: trains if need be, scores the test split.")
    ] = None,
    bundle: Annotated[Path | None, typer.Option("--bundle", help="A released bundle, to score on --manifest.")] = None,
    manifest: Annotated[Path | None, typer.Option("--manifest", help="CSV of labelled images.")] = None,
    product: Annotated[str | None, typer.Option("--product", help="A product of the plant file.")] = None,
    plant: PlantOption = None,
    home: HomeOption = None,
    json_file: JsonOption = None,
) -> None:
    """Score inspection: a data set (--data), a product of a plant (--product), or a bundle on other images."""
    from factory_assets import evaluation, summary

    if (bundle is None) != (manifest is None) or (bundle is None and data is None and product is None):
        msg = "give --data DIR, or --product NAME, or --bundle DIR with --manifest FILE"
        raise typer.BadParameter(msg)
    if bundle is not None and manifest is not None:
        figures = evaluation.evaluate_bundle(bundle, manifest)
    else:
        site = chosen_site(plant, data, home)
        if product is None and data is not None:
            site = evaluation.plant_of_images(data.resolve(), (home or Settings().home).resolve())
        name = product or site.plant.product_names[0]
        with summary.progress_lines(site.home.log) as on_progress:
            figures = evaluation.evaluate_product(site, name, on_progress=on_progress)
    summary.print_inspection(figures)
    if json_file is not None:
        write_json(json_file, figures)


@app.command()
def demo(
    edge: Annotated[Path, typer.Option("--edge", help="The factory-edge command to predict with.")] = Path(
        "factory-edge"
    ),
    home: HomeOption = None,
) -> None:
    """Run the whole graph on the reference plant, pull its release at the edge, predict, and show what was made."""
    from factory_assets import demonstration

    demonstration.run(chosen_site(REFERENCE_PLANT, home=home), edge.absolute())


@app.command()
def dev(plant: PlantOption = None, data: DataOption = None, home: HomeOption = None, port: int = 3000) -> None:
    """Dagster's UI, daemon, sensors and schedules for a plant, on this machine only."""
    from factory_assets import development

    raise typer.Exit(development.serve(chosen_site(plant, data, home), port=port))


@app.command()
def line(
    product: Annotated[str, typer.Option("--product", help="Which product comes along.")],
    every: Annotated[float, typer.Option("--every", min=0.0, help="Seconds from part to part.")] = 3.0,
    plant: PlantOption = None,
    home: HomeOption = None,
) -> None:
    """Let parts of a simulated plant come along at its station, until stopped; `factory dev` does."""
    from factory_assets.stations import simulated_stations

    site = chosen_site(plant, home=home)
    stations = {station.product: station for station in simulated_stations(site)}
    if product not in stations:
        msg = f"{product} is rendered by no simulator here; there are: {', '.join(stations) or 'none'}"
        raise typer.BadParameter(msg)
    typer.echo(f"photographs go to {stations[product].line.camera}")
    stations[product].line.run(every_s=every)


@release_app.command("refresh")
def release_refresh(plant: PlantOption = None, home: HomeOption = None) -> None:
    """Sign the release's timestamp anew; the daily job does the same."""
    from factory_assets import upkeep

    typer.echo(f"timestamp good until {upkeep.refresh_timestamp(chosen_site(plant, home=home)):%Y-%m-%d}")


@release_app.command("renew-root")
def release_renew_root(
    root_key: Annotated[Path | None, typer.Option("--root-key", help="The root key's file.")] = None,
    plant: PlantOption = None,
    home: HomeOption = None,
) -> None:
    """Give the root a new lifetime, with the offline root key."""
    from factory_assets import upkeep

    typer.echo(f"root good until {upkeep.renew_root(chosen_site(plant, home=home), root_key=root_key):%Y-%m-%d}")


@app.command()
def retention(
    *,
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would go.")] = False,
    plant: PlantOption = None,
    home: HomeOption = None,
) -> None:
    """Remove old runs and half-written files, never data."""
    from factory_assets import upkeep

    for thing in upkeep.tidy(chosen_site(plant, home=home), is_dry_run=is_dry_run):
        typer.echo(f"{thing.kind:<9} {thing.bytes:>12,} B  {thing.name}: {thing.why}")


@app.command()
def manifest() -> None:
    """Build the dbt manifest that the code location reads; `make setup` does it."""
    from factory_assets.warehouse.project import ensure_manifest

    ensure_manifest()


def main() -> None:
    """Entry point: expected errors are told in plain words, without a traceback."""
    # TensorFlow decides at its import what it writes to the terminal, and its C++ side knows no other switch.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from edge_runtime.errors import EdgeError

    try:
        app()
    except (FactoryError, EdgeError) as error:
        sys.stderr.write(f"factory: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
