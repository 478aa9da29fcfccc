"""Assets of room 6: bundles with compiled engines, and the signed release."""

import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

import dagster as dg

from edge_runtime.bundle import Lineage, Manifest, read_golden
from edge_runtime.bundle.pull import pull
from edge_runtime.engine import tensorrt_backend, tensorrt_builder
from edge_runtime.errors import EdgeError
from factory_assets.engines import (
    bundle,
    checks,
    compilation,
    golden,
    keys,
    precision,
    release,
    tensorrt_rtx,
)
from factory_assets.engines.inspection import assets as inspection
from factory_assets.engines.release import Lifetimes
from factory_assets.engines.targets import Targets, load_targets
from factory_assets.foundation import onnx_export
from factory_assets.foundation import partitions as parts
from factory_assets.foundation.lake import combined_digest, sha256_file
from factory_assets.foundation.metadata import ML_TEAM
from factory_assets.foundation.pools import COMPILATION, RELEASE
from factory_assets.foundation.retries import RETRY, retried_if_it_may_pass
from factory_assets.foundation.settings import PROJECT_ROOT, Site, load_thresholds
from factory_assets.foundation.settling import Settled, settled
from factory_assets.foundation.versions import code_version
from factory_assets.rul.schema import CARD_FILE, GRAPH_FILE, RUN_FILE, SAMPLES_FILE, ModelCard

GROUP = "engines"


def assets(site: Site) -> list[dg.AssetsDefinition]:
    """The assets of this room for one plant; none if there is no model to release."""
    if not site.plant.releases_something:
        return []
    of_fleets = [rul_bundle(site)] if site.plant.modelled_fleets else []
    return [*of_fleets, *inspection.assets(site), engine_release(site), release_timestamp(site)]


def rul_bundle(site: Site) -> dg.AssetsDefinition:
    """Everything of a model that is released, in one folder."""
    wanted = load_targets(PROJECT_ROOT / "configs" / "targets.yaml", "rul")

    @dg.asset(
        name="rul_bundle",
        deps=["rul_champion"],
        partitions_def=parts.modelled_fleets(site.plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        pool=COMPILATION,
        group_name=GROUP,
        kinds={"onnx", "tensorrt"},
        owners=ML_TEAM,
        code_version=code_version(
            bundle,
            golden,
            compilation,
            precision,
            tensorrt_rtx,
            tensorrt_backend,
            tensorrt_builder,
            settings=[wanted, site.plant],
        ),
        check_specs=checks.BUNDLE_CHECKS,
        description=(
            "Graphs, engines compiled ahead of time, golden samples and manifest: what is released of a model. "
            "Targets that are compiled on the device are said to be; what is left out is told with the reason."
        ),
    )
    @retried_if_it_may_pass
    def _rul_bundle(context: dg.AssetExecutionContext) -> Settled:
        digests, differences, failures = [], {}, {}
        for fleet in context.partition_keys:
            manifest, compiled = _make_bundle(site, fleet, wanted)
            folder = site.home.bundles / fleet
            try:
                differences[fleet] = golden.check_on_cpu(folder, manifest)
            except EdgeError as error:
                failures[fleet] = str(error)
            digests.append(manifest.version)
            context.add_asset_metadata(_bundle_metadata(manifest, compiled, folder), partition_key=fleet)
        yield from settled(
            dg.MaterializeResult(
                data_version=dg.DataVersion(combined_digest(digests)),
                check_results=[checks.golden_samples(differences, failures)],
            ),
            context=context,
        )

    return _rul_bundle


def _make_bundle(site: Site, fleet: str, wanted: Targets) -> tuple[Manifest, compilation.Compiled]:
    """Compile and put together one fleet's bundle."""
    models = site.home.champions / fleet
    card = ModelCard.model_validate_json((models / CARD_FILE).read_text(encoding="utf-8"))
    units = {channel.name: channel for channel in site.plant.channels(fleet)}
    inputs, outputs = read_golden(models / SAMPLES_FILE)
    samples = golden.choose(inputs, outputs)
    compiled = compilation.compile_all(models / GRAPH_FILE, models / "engines", wanted, samples, inputs)
    manifest = bundle.make_rul_bundle(
        site.home.bundles / fleet,
        plant=site.plant,
        fleet=fleet,
        channels=[units[channel.name] for channel in card.inputs],
        window_cycles=card.window_cycles,
        cap_cycles=card.cap_cycles,
        regimes=card.regimes,
        levels=card.calibration.levels,
        lineage=Lineage(
            mlflow_run_id=(models / RUN_FILE).read_text(encoding="utf-8"),
            data_sha256=card.data_sha256,
            code_version=card.code_version,
        ),
        compiled=compiled,
        opset=onnx_export.OPSET,
        golden=samples,
        targets=wanted,
    )
    return manifest, compiled


def _bundle_metadata(manifest: Manifest, compiled: compilation.Compiled, folder: Path) -> dict[str, Any]:
    sizes = {entry.path: entry.bytes for entry in manifest.files}
    return {
        "bundle": f"{manifest.bundle} {manifest.version}",
        "files_bytes": dg.MetadataValue.json(sizes),
        "engines": dg.MetadataValue.json([engine.model_dump(mode="json") for engine in manifest.engines]),
        "to_be_compiled_on_the_device": compilation.on_device_text(compiled.on_device),
        "left_out": "; ".join(compiled.left_out) or "none",
        "written_to": dg.MetadataValue.path(str(folder)),
    }


def engine_release(site: Site) -> dg.AssetsDefinition:
    """All bundles, signed and numbered."""
    plant, home = site.plant, site.home
    deps = ["rul_bundle"] if plant.modelled_fleets else []
    deps += ["inspection_bundle"] if plant.products else []

    @dg.asset(
        name="engine_release",
        deps=deps,
        group_name=GROUP,
        retry_policy=RETRY,
        pool=RELEASE,
        kinds={"tuf"},
        owners=ML_TEAM,
        code_version=code_version(release, keys),
        check_specs=checks.RELEASE_CHECKS,
        description="All bundles of the plant as one signed, numbered release (TUF) that edges pull.",
    )
    @retried_if_it_may_pass
    def _engine_release() -> Settled:
        now = dt.datetime.now(dt.UTC)
        lifetimes = Lifetimes(**load_thresholds().release.model_dump())
        signers = keys.load_keys(home.keys) if (home.keys / "online").is_dir() else keys.create_keys(home.keys)
        folders = [home.bundles / name for name in (*plant.modelled_fleets, *plant.product_names)]
        folders = [folder for folder in folders if (folder / "manifest.json").is_file()]
        kept = load_thresholds().retention.releases_kept
        out = release.publish(
            home.releases, signers, folders, plant=plant.plant, now=now, lifetimes=lifetimes, kept=kept
        )
        failure = _failure_at_a_new_edge(home.releases, out.root_sha256)
        names = [f"{entry.bundle} {entry.version}" for entry in out.index.bundles]
        warnings = [str(warning) for warning in release.expiry_warnings(home.releases, now, lifetimes)]
        yield from settled(
            dg.MaterializeResult(
                metadata={
                    "release": out.number,
                    "is_new": out.is_new,
                    "bundles": ", ".join(names),
                    "root_sha256": out.root_sha256,
                    "written_to": dg.MetadataValue.path(str(home.releases)),
                },
                data_version=dg.DataVersion(sha256_file(home.releases / "metadata" / "timestamp.json")),
                check_results=[
                    checks.verifies_at_the_edge(failure, names),
                    checks.signatures_are_young(checks.RELEASE, warnings),
                ],
            )
        )

    return _engine_release


def release_timestamp(site: Site) -> dg.AssetsDefinition:
    """The signature that says that the release is still the newest one."""
    home = site.home
    lifetimes = Lifetimes(**load_thresholds().release.model_dump())
    half = lifetimes.of("timestamp") / 2
    is_expected = dg.FreshnessPolicy.time_window(fail_window=half, warn_window=half / 2)

    @dg.asset(
        name="release_timestamp",
        deps=["engine_release"],
        group_name=GROUP,
        retry_policy=RETRY,
        pool=RELEASE,
        freshness_policy=is_expected if site.plant.running else None,
        kinds={"tuf"},
        owners=ML_TEAM,
        code_version=code_version(release, keys),
        check_specs=checks.TIMESTAMP_CHECKS,
        description="The release's timestamp, signed anew every day, so that edges go on trusting a release.",
    )
    @retried_if_it_may_pass
    def _release_timestamp() -> Settled:
        now = dt.datetime.now(dt.UTC)
        expires = release.refresh_timestamp(home.releases, keys.load_keys(home.keys), now=now, lifetimes=lifetimes)
        warnings = [str(warning) for warning in release.expiry_warnings(home.releases, now, lifetimes)]
        yield from settled(
            dg.MaterializeResult(
                metadata={"expires_utc": dg.MetadataValue.timestamp(expires)},
                data_version=dg.DataVersion(sha256_file(home.releases / "metadata" / "timestamp.json")),
                check_results=[checks.signatures_are_young(checks.TIMESTAMP, warnings)],
            )
        )

    return _release_timestamp


def _failure_at_a_new_edge(releases: Path, root_sha256: str) -> str | None:
    """Why an edge that knows only the root's fingerprint would refuse the release; None if it would not."""
    with tempfile.TemporaryDirectory() as state:
        try:
            report = pull(releases, Path(state), trust="first-use", target="cpu")
        except EdgeError as error:
            return str(error)
    return None if report.root_sha256 == root_sha256 else f"the edge pinned another root: {report.root_sha256}"
