"""What a planner looks at: the Gantt page and picture, loads, late orders."""
