"""The `factory-edge` command: pull signed releases, compile, predict and inspect with them; see also `commands`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_runtime import __version__
from edge_runtime.commands import COMMANDS
from edge_runtime.errors import EdgeError, InputError
from edge_runtime.extras import not_installed
from edge_runtime.files import write_atomic

PRECISIONS = ("fp32", "fp16", "int8")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0 done, 1 refused (trust, integrity, golden samples) or nothing here that compiles, 2 bad input or usage.
    """
    arguments = _parser().parse_args(argv)
    try:
        report, lines = arguments.run(arguments)
        if getattr(arguments, "json", None) is not None:
            _write_json(arguments.json, report)
    except EdgeError as error:
        sys.stderr.write(f"factory-edge: {error}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"factory-edge: {error} / check free space and permissions\n")
        return InputError.exit_code
    except ModuleNotFoundError as error:
        missing = not_installed(error)
        if missing is None:
            raise
        sys.stderr.write(f"factory-edge: {missing}\n")
        return missing.exit_code
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="factory-edge", description="Signed models next to the machine.")
    parser.add_argument("--version", action="version", version=f"factory-edge {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    pull = commands.add_parser("pull", help="verify the newest release and make it the active one")
    pull.add_argument("--releases", type=Path, required=True, metavar="DIR", help="the release repository")
    pull.add_argument("--state", type=Path, required=True, metavar="DIR", help="this machine's own folder")
    pull.add_argument("--root", type=Path, metavar="FILE", help="the publisher's root, for the first pull")
    pull.add_argument("--trust", choices=("first-use", "pinned"), default="first-use", help="%(default)s by default")
    pull.add_argument("--target", default="cpu", metavar="NAME", help="what engines run on; %(default)s by default")
    pull.add_argument("--json", type=Path, metavar="FILE", help="write the report here")
    pull.set_defaults(run=_pull)

    predict = commands.add_parser("predict", help="predict remaining useful life with the active release")
    predict.add_argument("--state", type=Path, required=True, metavar="DIR", help="this machine's own folder")
    predict.add_argument("--input", type=Path, required=True, metavar="FILE", help="readings as CSV")
    predict.add_argument("--json", type=Path, required=True, metavar="FILE", help="write the predictions here")
    predict.add_argument("--bundle", metavar="NAME", help="the bundle to use; else what fits the input")
    predict.add_argument("--target", metavar="NAME", help="what to predict on; by default what was pulled for")
    predict.add_argument("--precision", choices=PRECISIONS, help="of a compiled engine; the most exact by default")
    predict.set_defaults(run=_predict)

    inspecting = commands.add_parser("inspect", help="look at the images of a folder with the active release")
    inspecting.add_argument("--state", type=Path, required=True, metavar="DIR", help="this machine's own folder")
    inspecting.add_argument("--input", type=Path, required=True, metavar="DIR", help="images, one a part")
    inspecting.add_argument("--json", type=Path, required=True, metavar="FILE", help="write the verdicts here")
    inspecting.add_argument("--product", metavar="NAME", help="what the parts are; needed if there are several")
    inspecting.add_argument("--target", metavar="NAME", help="what to run on; by default what was pulled for")
    inspecting.set_defaults(run=_inspect)

    compiling = commands.add_parser("compile", help="compile the active release for the GPU of this machine")
    compiling.add_argument("--state", type=Path, required=True, metavar="DIR", help="this machine's own folder")
    compiling.add_argument("--target", default="tensorrt", metavar="NAME", help="tensorrt (default) or tensorrt-rtx")
    compiling.add_argument("--precision", choices=PRECISIONS, help="only this one; else all that the release has")
    compiling.add_argument("--bundle", metavar="NAME", help="only this one; else all")
    compiling.add_argument("--json", type=Path, metavar="FILE", help="write the report here")
    compiling.set_defaults(run=_compile)

    status = commands.add_parser("status", help="verify and show the active release")
    status.add_argument("--state", type=Path, required=True, metavar="DIR", help="this machine's own folder")
    status.add_argument("--json", type=Path, metavar="FILE", help="write the status here")
    status.set_defaults(run=_status)

    for command in COMMANDS:
        subparser = commands.add_parser(command.NAME, help=command.HELP)
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser


def _pull(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    from edge_runtime.bundle.pull import pull

    report = pull(
        arguments.releases,
        arguments.state,
        root=arguments.root,
        trust=arguments.trust,
        target=arguments.target,
    )
    lines = []
    if report.is_first_pin:
        lines.append(f"pinned root sha256 {report.root_sha256}: compare it with the publisher's fingerprint")
    if report.is_new:
        lines.append(f"release {report.release} is active (before: {report.previous or 'none'})")
    else:
        lines.append(f"nothing new: release {report.release} is active and intact")
    for bundle in report.bundles:
        differences = report.golden.get(bundle["bundle"], {})
        golden = "".join(f", golden difference of {name} {value:.3g}" for name, value in differences.items())
        lines.append(f"  {bundle['bundle']} {bundle['version']} for {bundle['subject']}{golden}")
    return report.as_json(), lines


def _predict(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    from edge_runtime.bundle.state import open_active
    from edge_runtime.engine.serving import engine_for_serving
    from edge_runtime.rul.predict import channel_names, predict, route
    from edge_runtime.rul.readings import UNIT, parse_readings, read_table

    active = open_active(arguments.state)
    table = read_table(arguments.input)
    manifests = {name: bundle.manifest for name, bundle in active.bundles.items() if bundle.manifest.task == "rul"}
    found = {}
    parts = route(table, manifests, arguments.bundle)
    for name, part in parts.items():
        readings = parse_readings(part, channel_names(manifests[name]))
        engine = engine_for_serving(
            arguments.state,
            active.bundles[name].folder,
            manifests[name],
            arguments.target or active.record.target,
            arguments.precision,
        )
        found.update({entry["unit_id"]: entry for entry in predict(engine, manifests[name], readings)})
    column = table.column(UNIT)
    order = dict.fromkeys(row.cells[column] for row in table.rows)
    refused = [
        f"{entry['unit_id']} was not predicted: {entry['refused']}" for entry in found.values() if entry["refused"]
    ]
    predicted = len(found) - len(refused)
    lines = [f"{predicted} units predicted with {', '.join(parts)} of release {active.record.release}", *refused]
    return {"units": [found[unit] for unit in order]}, lines


def _inspect(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    from edge_runtime.bundle.state import open_active
    from edge_runtime.engine.serving import engine_for_serving
    from edge_runtime.inspection.folder import inspect_folder
    from edge_runtime.inspection.inspector import Inspector, bundle_for

    active = open_active(arguments.state)
    bundle = bundle_for(active.bundles, arguments.product)
    target = arguments.target or active.record.target
    engine = engine_for_serving(arguments.state, bundle.folder, bundle.manifest, target)
    parts = inspect_folder(Inspector(bundle.folder, bundle.manifest, engine), arguments.input)
    rejected = [part for part in parts if part["verdict"] == "nok"]
    product, release = bundle.manifest.product, active.record.release
    unseen = [f"{part['image']} was rejected unseen: {part['failure']}" for part in parts if part["failure"]]
    lines = [f"{len(parts)} parts of product {product}, {len(rejected)} rejected (release {release})", *unseen]
    return {"product": product, "release": release, "parts": parts}, lines


def _compile(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    from edge_runtime.engine.compilation import compile_active

    states = compile_active(
        arguments.state,
        target=arguments.target,
        precision=arguments.precision,
        bundle=arguments.bundle,
        progress=_show,
    )
    return {"engines": [state.as_json() for state in states]}, [state.as_line() for state in states]


def _show(line: str) -> None:
    sys.stdout.write(f"  {line}\n")
    sys.stdout.flush()


def _status(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    from edge_runtime.bundle.state import open_active, summary
    from edge_runtime.engine.compilation import engine_states

    active = open_active(arguments.state)
    engines = engine_states(arguments.state, active)
    report = {**summary(active), "engines": [state.as_json() for state in engines]}
    lines = [
        f"release {report['release']} of plant {report['plant']} is active and intact",
        f"target {report['target']}",
        f"pinned root sha256 {report['root_sha256']}",
        *(f"  {entry['bundle']} {entry['version']} for {entry['subject']}" for entry in report["bundles"]),
        *(f"  {state.as_line()}" for state in engines),
    ]
    return report, lines


def _write_json(path: Path, report: dict[str, Any]) -> None:
    try:
        write_atomic(path, json.dumps(report, indent=2, allow_nan=False).encode() + b"\n")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}", "give another file") from error


if __name__ == "__main__":
    sys.exit(main())
