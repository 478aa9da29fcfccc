"""From raw historian data to decisions at the line: one Dagster code location, one folder a room."""
