"""Assets of room 6 for inspected products: graphs, certified bundles, champions."""

from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np

from edge_runtime.bundle import Manifest, read_golden
from edge_runtime.engine import openvino_graph, tensorrt_backend, tensorrt_builder
from edge_runtime.errors import EdgeError
from factory_assets.engines import (
    certificate,
    compilation,
    golden,
    image_export,
    openvino_engine,
    precision,
    tensorrt_rtx,
)
from factory_assets.engines.inspection import bundle, checks
from factory_assets.engines.targets import Targets, load_targets
from factory_assets.foundation import onnx_export
from factory_assets.foundation import partitions as parts
from factory_assets.foundation.lake import combined_digest
from factory_assets.foundation.metadata import ML_TEAM
from factory_assets.foundation.pools import COMPILATION
from factory_assets.foundation.retries import RETRY, retried_if_it_may_pass
from factory_assets.foundation.settings import PROJECT_ROOT, Site
from factory_assets.foundation.settling import Settled, settled
from factory_assets.foundation.versions import code_version
from factory_assets.inspection.schema import (
    CALIBRATION_FILE,
    CARD_FILE,
    HEAT_MAP,
    MODEL_FILE,
    RUN_FILE,
    SAMPLES_FILE,
    SCORE,
    TRUTH,
    InspectionCard,
)

GROUP = "engines"
ONNX_FILE = "model.onnx"


def assets(site: Site) -> list[dg.AssetsDefinition]:
    """The assets of inspected products for one plant; none if there are none."""
    if not site.plant.products:
        return []
    return [inspection_onnx(site), inspection_bundle(site)]


def inspection_onnx(site: Site) -> dg.AssetsDefinition:
    """Models as ONNX graphs that take raw pixels."""

    @dg.asset(
        name="inspection_onnx",
        deps=["inspection_champion"],
        partitions_def=parts.products(site.plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        group_name=GROUP,
        kinds={"onnx"},
        owners=ML_TEAM,
        code_version=code_version(onnx_export, image_export),
        check_specs=checks.ONNX_CHECKS,
        description=(
            "The model as an ONNX graph: raw uint8 pixels in, scores out. Where golden images are compared there is no "
            "graph, and nothing is exported."
        ),
    )
    @retried_if_it_may_pass
    def _inspection_onnx(context: dg.AssetExecutionContext) -> Settled:
        digests, nodes, faults = [], {}, {}
        for name in context.partition_keys:
            folder = site.home.champions / name
            card = _card(folder)
            if card.golden_image is not None:
                (folder / ONNX_FILE).unlink(missing_ok=True)
                digests.append(card.code_version)
                continue
            facts = onnx_export.export_onnx(onnx_export.load_network(folder / MODEL_FILE), folder / ONNX_FILE)
            faults[name], nodes[name] = image_export.faults(folder / ONNX_FILE), dict(facts.nodes)
            digests.append(facts.sha256)
            of_product = {
                "opset": facts.opset,
                "bytes": facts.bytes,
                "nodes": dg.MetadataValue.json(dict(facts.nodes)),
                "written_to": dg.MetadataValue.path(str(folder / ONNX_FILE)),
            }
            context.add_asset_metadata(of_product, partition_key=name)
        yield from settled(
            dg.MaterializeResult(
                data_version=dg.DataVersion(combined_digest(digests)), check_results=[checks.clean_nodes(nodes, faults)]
            ),
            context=context,
        )

    return _inspection_onnx


def _card(folder: Path) -> InspectionCard:
    return InspectionCard.model_validate_json((folder / CARD_FILE).read_text(encoding="utf-8"))


def inspection_bundle(site: Site) -> dg.AssetsDefinition:
    """Everything of a product's model that may be released, in one folder."""
    wanted = load_targets(PROJECT_ROOT / "configs" / "targets.yaml", "inspection")

    @dg.asset(
        name="inspection_bundle",
        deps=["inspection_onnx", "inspection_champion"],
        partitions_def=parts.products(site.plant),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY,
        pool=COMPILATION,
        group_name=GROUP,
        kinds={"onnx", "tensorrt", "openvino"},
        owners=ML_TEAM,
        code_version=code_version(
            bundle,
            golden,
            compilation,
            certificate,
            openvino_engine,
            openvino_graph,
            precision,
            tensorrt_rtx,
            tensorrt_backend,
            tensorrt_builder,
            settings=[wanted],
        ),
        check_specs=checks.BUNDLE_CHECKS,
        description=(
            "Graphs in every precision, engines compiled ahead of time, threshold, golden samples and the parity "
            "certificate: what is released of a product's champion."
        ),
    )
    @retried_if_it_may_pass
    def _inspection_bundle(context: dg.AssetExecutionContext) -> Settled:
        digests, certificates, left_out = [], {}, {}
        differences, failures = {}, {}
        for name in context.partition_keys:
            folder = site.home.bundles / name
            manifest, compiled, certificates[name] = _make_bundle(site, name, wanted)
            left_out[name] = compiled.left_out
            try:
                differences[name] = golden.check_on_cpu(folder, manifest)
            except EdgeError as error:
                failures[name] = str(error)
            digests.append(manifest.version)
            context.add_asset_metadata(_metadata(manifest, compiled, folder), partition_key=name)
        results = [
            checks.parity_certificate(certificates),
            checks.precisions_are_complete(left_out),
            checks.golden_samples(differences, failures),
        ]
        yield from settled(
            dg.MaterializeResult(data_version=dg.DataVersion(combined_digest(digests)), check_results=results),
            context=context,
        )

    return _inspection_bundle


def _make_bundle(
    site: Site, name: str, wanted: Targets
) -> tuple[Manifest, compilation.Compiled, certificate.Certificate | None]:
    """Compile, certify and put together one product's bundle."""
    models = site.home.champions / name
    card = _card(models)
    inputs, outputs = read_golden(models / SAMPLES_FILE)
    truth, shapes = outputs.pop(TRUTH, None), {key: array.shape[1:] for key, array in outputs.items()}
    outputs.pop(HEAT_MAP, None)
    compiled, certified, samples = bundle.NOTHING_COMPILED, None, golden.GoldenSamples(inputs, outputs)
    if truth is not None:
        judged = certificate.Judged(inputs, outputs, truth[:, 0].astype(np.int64), card.threshold)
        samples = golden.choose(inputs, outputs, by=SCORE)
        calibration, _ = read_golden(models / CALIBRATION_FILE)
        compiled = compilation.compile_all(models / ONNX_FILE, models / "engines", wanted, samples, calibration)
        certified, compiled = certificate.certify(compiled, judged)
    manifest = bundle.make_inspection_bundle(
        site.home.bundles / name,
        plant=site.plant.plant,
        product=name,
        card=card,
        run_id=(models / RUN_FILE).read_text(encoding="utf-8"),
        models=models,
        compiled=compiled,
        certificate=certified,
        opset=onnx_export.OPSET,
        golden=samples,
        output_shapes=shapes,
        targets=wanted,
    )
    return manifest, compiled, certified


def _metadata(manifest: Manifest, compiled: compilation.Compiled, folder: Path) -> dict[str, Any]:
    return {
        "bundle": f"{manifest.bundle} {manifest.version}",
        "files_bytes": dg.MetadataValue.json({entry.path: entry.bytes for entry in manifest.files}),
        "engines": dg.MetadataValue.json([engine.model_dump(mode="json") for engine in manifest.engines]),
        "to_be_compiled_on_the_device": compilation.on_device_text(compiled.on_device),
        "left_out": "; ".join(compiled.left_out) or "none",
        "written_to": dg.MetadataValue.path(str(folder)),
    }
