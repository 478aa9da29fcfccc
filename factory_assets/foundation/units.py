"""Conversion from the historian's units to engineering units, by the pint library."""

from __future__ import annotations

from functools import lru_cache

from factory_assets.foundation.errors import FactoryError

# What plants write, in pint's words; everything else is passed on as it is.
SPELLINGS = {
    "percent": "percent", "%": "percent", "": "dimensionless", "mm/s": "mm/s", "g": "standard_gravity",
    "degC": "degC", "degF": "degF", "degR": "degR", "lb/s": "lb/s", "pps/psi": "lb/s/psi",
}  # fmt: skip


class UnitError(FactoryError, ValueError):
    """Two units that do not convert into each other, or a unit that nobody knows."""


@lru_cache
def linear_conversion(source: str, target: str) -> tuple[float, float]:
    """(scale, offset) so that target = scale * source + offset.

    Raises:
        UnitError: The units do not measure the same quantity, or one is unknown to pint.
    """
    if not source or source == target:
        return 1.0, 0.0
    import pint

    registry = pint.get_application_registry()
    try:
        zero, one = (
            registry.Quantity(value, SPELLINGS.get(source, source)).to(SPELLINGS.get(target, target)).magnitude
            for value in (0.0, 1.0)
        )
    except (pint.PintError, AssertionError, ValueError) as error:
        msg = f"cannot convert {source!r} to {target!r} ({error}): correct unit or source_unit of the channel"
        raise UnitError(msg) from error
    return float(one - zero), float(zero)
