"""Tables of the forecasts: their columns and what fills them."""

from __future__ import annotations

import polars as pl

FORECAST_KEYS: dict[str, pl.DataType] = {
    "plant": pl.String(),
    "fleet": pl.String(),
    "unit_id": pl.String(),
    "life_id": pl.String(),
    "cycle": pl.Int64(),
}

RUL_FORECAST: dict[str, pl.DataType] = {
    **FORECAST_KEYS,
    "rank": pl.Int64(),
    "rul_cycles": pl.Float64(),
    "rul_low_80_cycles": pl.Float64(),
    "rul_high_80_cycles": pl.Float64(),
    "rul_low_90_cycles": pl.Float64(),
    "rul_high_90_cycles": pl.Float64(),
    "is_at_cap": pl.Boolean(),
    "is_alert": pl.Boolean(),
    "is_new_alert": pl.Boolean(),
    "reasons": pl.String(),
    "refused": pl.String(),
}

RUL_FORECAST_COLUMNS = {
    "cycle": "operating cycles of the life so far; null where none was read",
    "rank": "1 is the most urgent; null where refused",
    "rul_cycles": "predicted operating cycles until failure, at most the model's cap",
    "rul_low_80_cycles": "the life outlasts this with 90 % probability; to rul_high_80_cycles it is an 80 % interval",
    "rul_high_80_cycles": "it ends before this with 90 % probability; at the cap: no upper bound is known",
    "rul_low_90_cycles": "as above, 95 %",
    "rul_high_90_cycles": "as above, 95 %",
    "is_at_cap": "more likely than not the life outlasts what the model can tell: read rul_cycles as 'over the cap'",
    "is_alert": "the predicted life is below the fleet's planning threshold",
    "is_new_alert": "an alert that the forecast before did not give",
    "reasons": "what takes most from, or adds most to, the life of a healthy unit; the most urgent units only",
    "refused": "why no forecast is given; null where one is",
}

RUL_FAILURE_PROBABILITY: dict[str, pl.DataType] = {
    **FORECAST_KEYS,
    "horizon_cycles": pl.Int64(),
    "failure_probability": pl.Float64(),
}

RUL_FAILURE_PROBABILITY_COLUMNS = {
    "horizon_cycles": "operating cycles ahead",
    "failure_probability": "that the unit fails within them; null at or beyond the model's cap",
}

RUL_CONTRIBUTION: dict[str, pl.DataType] = {
    **FORECAST_KEYS,
    "channel": pl.String(),
    "contribution_cycles": pl.Float64(),
    "healthy_rul_cycles": pl.Float64(),
}

RUL_CONTRIBUTION_COLUMNS = {
    "channel": "input channel, or age_cycles",
    "contribution_cycles": "what it adds to the prediction for healthy readings; a unit's sum up to the difference",
    "healthy_rul_cycles": "the prediction for healthy readings in the unit's place",
}

RUL_PAST_FAILURE: dict[str, pl.DataType] = {
    **FORECAST_KEYS,
    "past_life_id": pl.String(),
    "past_cycle": pl.Int64(),
    "past_rul_cycles": pl.Float64(),
    "distance": pl.Float64(),
}

RUL_PAST_FAILURE_COLUMNS = {
    "past_life_id": "a life that ended in failure and was alike at some age",
    "past_cycle": "its age then",
    "past_rul_cycles": "operating cycles that it had left then",
    "distance": "root mean square difference of levels, slopes and spreads, in training standard deviations",
}
