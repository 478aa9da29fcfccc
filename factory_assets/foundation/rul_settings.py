"""What a plant file says of a fleet's model of remaining useful life (RUL)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Contestant = Literal["trees", "bilstm", "ensemble"]


class RulSettings(BaseModel):
    """What the remaining-useful-life model of a fleet is trained with, and what is done with its forecasts.

    Attributes:
        window_cycles: What the model sees: so many newest cycles.
        window_stride: It learns from every so-manieth cycle of a life.
        cap_cycles: Remaining lives above this count as this.
        regimes: Operating regimes; sensors are scaled within each.
        test_fraction: Share of units that are kept for the test, where `life.test_units` does not name them.
        folds: Groups of the other units; what is settled is settled on units that a model has not seen.
        contestants: The models that are trained; out of fold the best of them is the challenger.
        uses_age: Whether the age since new or overhaul is known and may be used.
        loss: `squared`, or `phm08`: late predictions cost more than early ones (score of the PHM 2008 challenge).
        trees: Of a gradient-boosted model.
        epochs: Of a network.
        batch_size: Of a network.
        seed: Of everything that is drawn.
        seeds: Networks a fold, averaged.
        approval: Whether a challenger that wins becomes champion by itself, or waits for a person.
        alert_below_cycles: A unit whose predicted remaining life is below this is put on the list for maintenance.
        horizons_cycles: The probability of failure is told for each of these numbers of cycles ahead.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    window_cycles: int = Field(60, ge=4)
    window_stride: int = Field(2, ge=1)
    cap_cycles: int = Field(125, ge=1)
    regimes: int = Field(1, ge=1)
    test_fraction: float = Field(0.2, ge=0, lt=0.5)
    folds: int = Field(5, ge=2, le=20)
    contestants: tuple[Contestant, ...] = Field(("trees", "bilstm", "ensemble"), min_length=1)
    uses_age: bool = True
    loss: Literal["squared", "phm08"] = "squared"
    trees: int = Field(500, ge=1)
    epochs: int = Field(20, ge=1)
    batch_size: int = Field(64, ge=1)
    seed: int = 1
    seeds: int = Field(1, ge=1, le=10)
    approval: Literal["automatic", "person"] = "automatic"
    alert_below_cycles: int = Field(0, ge=0, description="0: a quarter of the cap")
    horizons_cycles: tuple[Annotated[int, Field(ge=1)], ...] = Field((), description="none: 1/12, 1/4, 1/2 of the cap")

    @model_validator(mode="before")
    @classmethod
    def _what_the_cap_decides(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(cap := values.get("cap_cycles", 125), int):
            return values
        alert, horizons = max(1, cap // 4), sorted({max(1, cap // part) for part in (12, 4, 2)})
        return {
            **values,
            "alert_below_cycles": values.get("alert_below_cycles") or alert,
            "horizons_cycles": values.get("horizons_cycles") or horizons,
        }

    def test_units_among(self, units: int) -> int:
        """How many of so many units are kept for the test; one at the least, but for a fraction of 0."""
        return max(1, round(self.test_fraction * units)) if self.test_fraction else 0

    @model_validator(mode="after")
    def _an_ensemble_has_parts(self) -> RulSettings:
        if "ensemble" in self.contestants and not {"trees", "bilstm"} <= set(self.contestants):
            msg = "contestants: an ensemble is made of trees and bilstm; name both of them too, or leave it out"
            raise ValueError(msg)
        if len(set(self.contestants)) != len(self.contestants):
            msg = "contestants: one is named twice"
            raise ValueError(msg)
        if max(self.horizons_cycles, default=0) > self.cap_cycles:
            msg = f"horizons_cycles: {max(self.horizons_cycles)} is above cap_cycles {self.cap_cycles}"
            raise ValueError(msg)
        return self
