"""Run by another interpreter, one that has anomalib: its own models and our graphs in its own inferencer.

It reads a request as JSON from standard input and answers on standard output, in the last line. Nothing of this project
can be imported here but `call_timing.py`, which is loaded from its file.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Any

# Left to itself the runtime chooses threads and precision; both sides are given the same.
SETTINGS = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
# No weights are downloaded: what a call costs does not depend on them.
WITHOUT_WEIGHTS: dict[str, dict[str, Any]] = {"Padim": {"backbone": "resnet18", "pre_trained": False}}


def main() -> None:
    """Answer one request.

    It holds `models` (sides in pixels by name), `graphs` (side and path by name), `frames` (by side, the path of a .npy
    file with uint8 (side, side)), `count` and `rounds`.
    """
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    request = json.loads(sys.stdin.read())
    timing = _timing()
    core = timing.stay_on_one_core()
    import numpy as np

    grey = {side: np.load(path) for side, path in request["frames"].items()}
    inferencers, frames, failures = {}, {}, {}
    for name, side in request["models"].items():
        try:
            inferencers[name] = _inferencer(_exported(name, side))
            frames[name] = np.repeat(grey[str(side)][..., None], 3, axis=2)
        except Exception as error:  # noqa: BLE001 (any model may fail without weights or a network: it is told)
            failures[name] = f"{type(error).__name__}: {error}"
    for name, (side, path) in request["graphs"].items():
        inferencers[name], frames[name] = _inferencer(path), grey[str(side)][..., None]
    calls = {name: functools.partial(inferencers[name].predict, frames[name]) for name in inferencers}
    answer = {
        "versions": _versions(),
        "core": core,
        "failures": failures,
        "scores": {name: _score(call()) for name, call in calls.items()},
        "timed": timing.timed(calls, count=request["count"], rounds=request["rounds"]),
    }
    sys.stdout.write(f"\n{json.dumps(answer)}\n")


def _timing() -> Any:
    spec = importlib.util.spec_from_file_location("call_timing", Path(__file__).with_name("call_timing.py"))
    if spec is None or spec.loader is None:
        msg = "call_timing.py is not beside this file"
        raise ImportError(msg)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _exported(name: str, side_px: int) -> Path:
    """One of anomalib's models, with random weights, in OpenVINO's format; resizing and thresholds are in its graph."""
    import torch  # type: ignore[import-not-found,unused-ignore]
    from anomalib import models  # type: ignore[import-not-found,unused-ignore]

    torch.manual_seed(1)
    kind = getattr(models, name)
    size = (side_px, side_px)
    model = kind(pre_processor=kind.configure_pre_processor(image_size=size), **WITHOUT_WEIGHTS.get(name, {}))
    if name == "Padim":
        _fitted(model, torch.rand(32, 3, *size))
    # It writes beside the current directory, which the caller chose and removes.
    path: Path = model.eval().to_openvino(Path.cwd() / name, input_size=size)
    return path


def _fitted(model: Any, images: Any) -> None:
    """PaDiM keeps statistics of features, which must be there before it can be exported."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    with torch.no_grad():
        model.model.train()
        for start in range(0, len(images), 8):
            model.model(images[start : start + 8])
        model.model.fit()


def _inferencer(path: str | Path) -> Any:
    from anomalib.deploy import OpenVINOInferencer  # type: ignore[import-not-found,unused-ignore]

    return OpenVINOInferencer(path=path, device="CPU", config=dict(SETTINGS))


def _score(prediction: Any) -> float | None:
    score = prediction.pred_score
    return None if score is None else float(score.reshape(-1)[0])


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("anomalib", "openvino", "torch")}


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
