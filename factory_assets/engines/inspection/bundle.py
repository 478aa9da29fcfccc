"""The bundle of an inspected product: a graph in its precisions, or golden images; threshold, certificate, samples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edge_runtime.bundle import (
    CertificateDraft,
    GoldenDraft,
    InputSpec,
    InspectionSpec,
    Lineage,
    Manifest,
    ManifestDraft,
    OutputSpec,
    ReferenceDraft,
    Tolerance,
)
from factory_assets.engines.bundle import GOLDEN, engine_drafts, graph_drafts, tolerances, write_whole
from factory_assets.engines.certificate import Certificate
from factory_assets.engines.compilation import Compiled
from factory_assets.engines.golden import GoldenSamples
from factory_assets.engines.targets import Targets
from factory_assets.inspection.schema import (
    HEAT_MAP,
    IMAGE,
    PROBABILITIES,
    REFERENCE,
    REFERENCES_FOLDER,
    SCORE,
    InspectionCard,
)

CERTIFICATE = "certificate.json"
NOTHING_COMPILED = Compiled(graphs=(), engines=(), on_device=(), left_out=())
# The same code on the same pixels; only another OpenCV could differ.
GOLDEN_IMAGE_TOLERANCE = Tolerance(atol=0.01, rtol=0)


def bundle_name(product: str) -> str:
    """The name under which a product's inspection is released."""
    return f"inspection-{product}"


def make_inspection_bundle(
    folder: Path,
    *,
    plant: str,
    product: str,
    card: InspectionCard,
    run_id: str,
    models: Path,
    compiled: Compiled,
    certificate: Certificate | None,
    opset: int,
    golden: GoldenSamples,
    output_shapes: Mapping[str, tuple[int, ...]],
    targets: Targets,
) -> Manifest:
    """Put a bundle together; the folder is replaced as a whole.

    Args:
        folder: The bundle's folder.
        plant: The plant's name.
        product: Whose model it is.
        card: What is known of the model.
        run_id: Its MLflow run.
        models: Its files, golden images among them.
        compiled: Graphs in all precisions, and engines; nothing where golden images are compared.
        certificate: The parity certificate; none where golden images are compared.
        opset: The graphs' ONNX operator set.
        golden: Golden samples; without heat maps, by which nothing is decided.
        output_shapes: Shapes of one image's outputs, by name.
        targets: Tolerances.
    """
    references = tuple(ReferenceDraft(path=f"references/{name}.png", name=name) for name in card.references)
    draft = ManifestDraft(
        bundle=bundle_name(product),
        task="inspection",
        plant=plant,
        product=product,
        lineage=Lineage(mlflow_run_id=run_id, data_sha256=card.data_sha256, code_version=card.code_version),
        inputs=_inputs(card),
        outputs=_outputs(output_shapes),
        inspection=InspectionSpec(
            method=card.method,
            labels=card.classes,
            ok_label=card.ok_label,
            threshold=card.threshold,
            fit=card.input.fit,
            golden_image=card.golden_image,
        ),
        graphs=graph_drafts(compiled, opset),
        engines=engine_drafts(compiled),
        references=references,
        certificate=None if certificate is None else CertificateDraft(path=CERTIFICATE),
        golden=GoldenDraft(path=GOLDEN, tolerance=_tolerance(card, targets)),
    )
    texts = {} if certificate is None else {CERTIFICATE: certificate.model_dump_json(indent=2) + "\n"}
    copied = {draft.path: models / REFERENCES_FOLDER / f"{draft.name}.png" for draft in references}
    return write_whole(folder, draft, compiled, golden, texts=texts, copied=copied)


def _inputs(card: InspectionCard) -> tuple[InputSpec, ...]:
    shape = ("batch", card.input.height_px, card.input.width_px, card.input.channels)
    names = (IMAGE,) if card.golden_image is None else (IMAGE, REFERENCE)
    return tuple(InputSpec(name=name, dtype="uint8", shape=shape) for name in names)


def _outputs(shapes: Mapping[str, tuple[int, ...]]) -> tuple[OutputSpec, ...]:
    return tuple(
        OutputSpec(
            name=name,
            dtype="float32",
            shape=("batch", *shapes[name]),
            unit="1",
            minimum=0,
            maximum=1,
            shown_only=True if name == HEAT_MAP else None,
        )
        for name in (SCORE, PROBABILITIES, HEAT_MAP)
        if name in shapes
    )


def _tolerance(card: InspectionCard, targets: Targets) -> dict[str, dict[str, Tolerance]]:
    if card.golden_image is not None:
        return {"cpu": {"fp32": GOLDEN_IMAGE_TOLERANCE}}
    return tolerances(targets)
