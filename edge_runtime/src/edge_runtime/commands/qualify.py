"""`factory-edge qualify`: how fast and how exactly does this device judge, told in a signed report?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.commands.values import above_zero, at_least

if TYPE_CHECKING:
    from edge_runtime.station.config import StationConfig

NAME = "qualify"
HELP = "measure latency, parity and throughput on this machine, and write a signed report"
LONGEST_DEADLINE_MS = 60_000.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--config", type=Path, metavar="FILE", help="the YAML file of the station")
    what.add_argument("--verify", type=Path, metavar="REPORT", help="check a report instead of measuring")
    parser.add_argument("--state", type=Path, metavar="DIR", help="this machine's own folder, if there is no file")
    parser.add_argument("--product", metavar="NAME", help="what the parts are; needed if there are several")
    parser.add_argument("--target", metavar="NAME", help="what to run on; by default what the station runs on")
    parser.add_argument("--precision", choices=("fp32", "fp16", "int8"), help="by default what the station takes")
    deadline = above_zero(LONGEST_DEADLINE_MS)
    parser.add_argument("--deadline-ms", type=deadline, metavar="MS", help="by default that of the station")
    parser.add_argument("--frames", type=at_least(1), default=1000, metavar="N", help="%(default)s by default")
    parser.add_argument("--rate", type=above_zero(), default=50.0, metavar="HZ", help="frames a second; %(default)g")
    parser.add_argument("--pauses", type=at_least(0), default=10, metavar="N", help="%(default)s by default")
    parser.add_argument("--pause-s", type=above_zero(), default=10.0, metavar="S", help="%(default)g by default")
    parser.add_argument("--key", type=Path, metavar="FILE", help="the device's public key, for --verify")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the signed report here")


def run(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """Measure and sign, or verify.

    Raises:
        InputError: The options or settings cannot be used, a station is at work, or the report is none.
        RefusedError: The report was changed or another key signed it.
        EdgeError: Parity failed or the deadline was missed; the report was written before.
    """
    return _verify(arguments) if arguments.verify is not None else _qualify(arguments)


def _verify(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    from edge_runtime.errors import InputError
    from edge_runtime.qualification.signature import PUBLIC_KEY, read_public_key, verify

    path = arguments.key
    if path is None and arguments.state is not None:
        path = arguments.state / PUBLIC_KEY
    try:
        data = arguments.verify.read_bytes()
    except OSError as error:
        raise InputError(f"{arguments.verify} cannot be read: {error.strerror}", "give a report") from error
    report, signer = verify(data, None if path is None else read_public_key(path), where=str(arguments.verify))
    whose = "the key that was given" if path is not None else "the key in it: compare the fingerprint with the device's"
    lines = [f"{arguments.verify} is as it was signed, with {whose}", f"key sha256 {signer}", *_summary(report)]
    return {"is_intact": True, "fingerprint": signer, "is_compared": path is not None}, lines


def _qualify(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    from edge_runtime.errors import EdgeError, InputError
    from edge_runtime.files import write_atomic
    from edge_runtime.qualification.qualify import Plan, qualify
    from edge_runtime.qualification.signature import device_key, signed

    if arguments.json is None:
        raise InputError("a qualification needs a report", "give --json FILE")
    config = _config(arguments)
    plan = Plan(frames=arguments.frames, rate_hz=arguments.rate, pauses=arguments.pauses, pause_s=arguments.pause_s)
    report = qualify(config, plan, _show)
    envelope = signed(report, device_key(config.state))
    lines = [*_summary(report), f"key sha256 {envelope['signature']['fingerprint']}"]
    faults = report["result"]["faults"]
    if faults:
        write_atomic(arguments.json, json.dumps(envelope, indent=2, allow_nan=False).encode() + b"\n")
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        raise EdgeError(f"not qualified: {'; '.join(faults)}", f"see {arguments.json}")
    return envelope, lines


def _config(arguments: argparse.Namespace) -> StationConfig:
    """The station's settings, with what the options say otherwise."""
    from edge_runtime.bundle.state import open_active
    from edge_runtime.errors import InputError
    from edge_runtime.station.config import FolderCamera, ReleaseSettings, StationConfig, load_config

    if arguments.config is not None:
        config = load_config(arguments.config)
        state = config.state if arguments.state is None else arguments.state.absolute()
    elif arguments.state is not None:
        state = arguments.state.absolute()
        target = open_active(state).record.target
        camera = FolderCamera(kind="folder", folder=state)
        config = StationConfig(
            station="qualification", state=state, camera=camera, release=ReleaseSettings(target=target)
        )
    else:
        raise InputError("it is not said what to qualify", "give --config FILE or --state DIR")
    changes = {"target": arguments.target, "precision": arguments.precision}
    release = config.release.model_copy(update={key: value for key, value in changes.items() if value is not None})
    return config.model_copy(
        update={
            "state": state,
            "release": release,
            "product": arguments.product or config.product,
            "deadline_ms": arguments.deadline_ms or config.deadline_ms,
        }
    )


def _summary(report: dict[str, Any]) -> Iterator[str]:
    """A report for people."""
    release = report["release"]
    yield f"release {release['number']}, {release['bundle']} {release['version']}, product {release['product']}"
    for entry in report["parity"]:
        if entry["state"] == "met":
            told = ", ".join(f"{name} {value:.3g}" for name, value in entry["difference"].items())
            tolerance = entry["tolerance"]
            allowed = f"{tolerance['atol']:g} + {tolerance['rtol']:g} * |expected|"
            yield f"  {entry['engine']}: golden difference of {told}, allowed {allowed}"
        else:
            yield f"  {entry['precision']}: {entry['state']}: {entry['fault']}"
    if "not_measured" in report:
        yield f"  not measured: {report['not_measured']}"
    else:
        yield from _latencies(report)
    yield "qualified" if report["result"]["passed"] else "NOT qualified"


def _latencies(report: dict[str, Any]) -> Iterator[str]:
    settings, bare, deadline = report["settings"], report["bare_engine"], report["deadline"]
    engine = report["engine"]["of_the_station"]
    yield f"  {settings['frames']} frames at {settings['rate_hz']:g} a second with {engine}, in ms:"
    yield f"    {'':12}{'p50':>9}{'p99':>9}{'p99.9':>9}{'max':>9}"
    for name, stage in {**report["latency"]["stages"], "engine alone": bare}.items():
        yield f"    {name:12}{_row(stage)}"
    for name, why in report["latency"]["stages"]["total"]["not_told"].items():
        yield f"    {name.removesuffix('_ms').replace('p999', 'p99.9')}: {why}"
    yield f"  the total is {_ms(bare['ratio_of_medians']).strip()} times the engine alone, by medians"
    paused = report["after_pauses"]["stages"]["total"]
    yield (
        f"  first verdict after {settings['pauses']} pauses of {settings['pause_s']:g} s: "
        f"p50 {_ms(paused['p50_ms']).strip()} ms, worst {_ms(paused['max_ms']).strip()} ms"
    )
    yield f"  back to back: {report['throughput']['frames_a_second']:g} frames a second"
    for part, what in (("latency", "p99 and above"), ("after_pauses", "the worst after pauses")):
        tail = report[part]["meanwhile"]["tail"]
        if not tail["is_valid"]:
            yield f"  INVALID: {what}, for {'; '.join(tail['reasons'])}"
    met = "met by every frame" if deadline["is_met"] else "MISSED"
    yield f"  deadline of {deadline['deadline_ms']:g} ms: {met}"


def _row(stage: dict[str, Any]) -> str:
    return "".join(_ms(stage[name]) for name in ("p50_ms", "p99_ms", "p999_ms", "max_ms"))


def _ms(value: float | None) -> str:
    return f"{'-':>9}" if value is None else f"{value:9.3f}"


def _show(line: str) -> None:
    sys.stdout.write(f"measuring: {line}\n")
    sys.stdout.flush()
