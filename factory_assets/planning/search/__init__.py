"""Search for schedules: a first one by dispatching rules, better ones by local search."""
