"""Forecasts: what the champion says of every unit in service, how sure it is, and why."""
