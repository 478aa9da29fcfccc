"""Runs the two command lines as a person would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FACTORY = Path(sys.executable).with_name("factory")
CLEAN_EDGE = ROOT / ".venv-edge" / "bin" / "factory-edge"
EDGE = CLEAN_EDGE if CLEAN_EDGE.is_file() else Path(sys.executable).with_name("factory-edge")


def factory(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `factory`; what FACTORY_* variables say outside must not matter."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FACTORY_")}
    command = [str(FACTORY), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment)


def edge(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `factory-edge`, from its own environment where that has been made."""
    command = [str(EDGE), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
