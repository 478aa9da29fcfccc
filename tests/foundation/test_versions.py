"""Code versions follow the source of what computes, imported or named."""

from __future__ import annotations

import sys

import pytest

from factory_assets.foundation import lake, versions
from factory_assets.foundation.versions import code_version


def test_a_module_and_its_name_are_one_version() -> None:
    assert code_version(lake) == code_version("factory_assets.foundation.lake")
    assert code_version(lake) != code_version(versions)


def test_a_named_module_is_read_and_not_imported() -> None:
    name = "factory_assets.inspection.synthetic_defects"
    sys.modules.pop(name, None)
    assert code_version(name) != code_version()
    assert name not in sys.modules


def test_settings_change_the_version_in_any_order_of_keys_alike() -> None:
    assert code_version(settings=[{"a": 1, "b": 2}]) == code_version(settings=[{"b": 2, "a": 1}])
    assert code_version(settings=[{"a": 1}]) != code_version(settings=[{"a": 2}])


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"inspection\.nothing"):
        code_version("factory_assets.inspection.nothing")
