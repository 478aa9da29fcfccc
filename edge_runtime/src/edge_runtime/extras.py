"""Which extra of this package brings what its base does without."""

from __future__ import annotations

from edge_runtime.errors import EdgeError, InputError

EXTRAS = {
    "cv2": "inspection",
    "prometheus_client": "inspection",
    "starlette": "inspection",
    "transitions": "inspection",
    "uvicorn": "inspection",
    "yaml": "inspection",
    "openvino": "openvino",
    "asyncua": "plc",
    "harvesters": "genicam",
    "pycuda": "tensorrt",
}


def not_installed(error: ModuleNotFoundError) -> EdgeError | None:
    """What a person can do about a module that was not found; None if no extra brings it."""
    module = (error.name or "").split(".")[0]
    extra = EXTRAS.get(module)
    if extra is None:
        return None
    return InputError(
        f"this needs the Python module {module}, which is not installed", f"install factory-edge[{extra}]"
    )
