"""The unit of release: a folder of graphs, engines and golden samples under one manifest.

Building and checking bundles is offered here; releases, trust and pulling are modules of their own.
"""

from edge_runtime.bundle.build import verify_files, write_bundle
from edge_runtime.bundle.golden import read_golden, write_golden
from edge_runtime.bundle.inspection_spec import InspectionSpec
from edge_runtime.bundle.manifest import (
    CertificateDraft,
    Channel,
    EngineDraft,
    GoldenDraft,
    GraphDraft,
    InputSpec,
    Lineage,
    Manifest,
    ManifestDraft,
    OutputSpec,
    ReferenceDraft,
    Regimes,
    Tolerance,
    load_manifest,
)
from edge_runtime.errors import BundleError
from edge_runtime.files import canonical_json

__all__ = [
    "BundleError",
    "CertificateDraft",
    "Channel",
    "EngineDraft",
    "GoldenDraft",
    "GraphDraft",
    "InputSpec",
    "InspectionSpec",
    "Lineage",
    "Manifest",
    "ManifestDraft",
    "OutputSpec",
    "ReferenceDraft",
    "Regimes",
    "Tolerance",
    "canonical_json",
    "load_manifest",
    "read_golden",
    "verify_files",
    "write_bundle",
    "write_golden",
]
