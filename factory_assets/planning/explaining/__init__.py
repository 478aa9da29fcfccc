"""Why a problem has no schedule, in the words of a planner."""
