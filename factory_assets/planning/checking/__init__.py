"""The rules that a schedule is checked against, written anew: nothing here is shared with what makes schedules."""
