"""A real browser without a window, for tests that look at pages."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
QUIET = "disable-background-networking disable-component-update disable-sync disable-quic no-first-run"

NEEDS_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None, reason="no chromium with chromedriver on this machine: install both"
    ),
]


def needs_browser(test: Any) -> Any:
    """The same for one test of a file."""
    for mark in NEEDS_BROWSER:
        test = mark(test)
    return test


def headless(profile: Path, *arguments: str, log: str | None = None) -> Any:
    """A driver of its own, which may keep a log (`browser`, `performance`); whoever asks for it quits it."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in (*f"headless=new no-sandbox disable-gpu {QUIET}".split(), *arguments):
        options.add_argument(f"--{argument}")
    options.add_argument(f"--user-data-dir={profile}")
    if log is not None:
        options.set_capability("goog:loggingPrefs", {log: "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
