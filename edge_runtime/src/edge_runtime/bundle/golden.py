"""The file of golden samples: an .npz whose bytes depend on the arrays alone."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edge_runtime.errors import BundleError
from edge_runtime.files import write_atomic

EPOCH = (1980, 1, 1, 0, 0, 0)
INPUT = "input:"
OUTPUT = "output:"


def write_golden(path: Path, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]) -> None:
    """Write golden samples; the first axis of every array is the sample.

    Entries are sorted, stored uncompressed and carry a fixed time, so equal arrays give equal bytes.

    Raises:
        ValueError: Nothing to write, or the arrays do not hold the same number of samples.
    """
    arrays = {f"{INPUT}{name}": array for name, array in inputs.items()}
    arrays |= {f"{OUTPUT}{name}": array for name, array in outputs.items()}
    lengths = {name: len(array) for name, array in arrays.items()}
    if not inputs or not outputs or len(set(lengths.values())) != 1 or 0 in lengths.values():
        msg = f"golden samples need inputs and outputs with equally many samples, got {lengths}"
        raise ValueError(msg)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", EPOCH), entry.getvalue())
    write_atomic(path, buffer.getvalue())


def read_golden(path: Path) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Read golden samples.

    Returns:
        Inputs by name and expected outputs by name.

    Raises:
        BundleError: The file is missing, is not such an archive, lacks inputs or outputs, or expects outputs that are
            not finite.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise BundleError(f"{path} cannot be read: {error}", "make the bundle again on the platform") from error
    inputs = {name[len(INPUT) :]: array for name, array in arrays.items() if name.startswith(INPUT)}
    outputs = {name[len(OUTPUT) :]: array for name, array in arrays.items() if name.startswith(OUTPUT)}
    if not inputs or not outputs:
        raise BundleError(f"{path} holds {sorted(arrays)}", "it needs arrays input:<name> and output:<name>")
    # Anything is within a relative tolerance of infinity.
    endless = sorted(name for name, array in outputs.items() if not np.isfinite(array).all())
    if endless:
        raise BundleError(
            f"{path}: expected outputs {', '.join(endless)} are not finite", "make the bundle again on the platform"
        )
    return inputs, outputs
