"""Pools: kinds of work of which a machine does one at a time, whoever asks for it. Limits are in `dagster.yaml`."""

from __future__ import annotations

TRAINING = "training"
COMPILATION = "compilation"
WAREHOUSE = "warehouse"
RELEASE = "release"
