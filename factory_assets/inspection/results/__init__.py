"""Verdicts of the stations: segments of the exchange become a table; nothing is lost, nothing is there twice."""
