"""`python -m factory_assets.benchmarks`: the same as `factory bench`."""

from __future__ import annotations

import sys

from factory_assets.benchmarks.cli import bench_app
from factory_assets.foundation.errors import FactoryError

if __name__ == "__main__":
    try:
        bench_app(prog_name="python -m factory_assets.benchmarks")
    except FactoryError as error:
        sys.stderr.write(f"bench: {error}\n")
        sys.exit(1)
