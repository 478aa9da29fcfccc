"""What would be if: changes of a day's problem, the schedule that follows from them, and what is different then."""
