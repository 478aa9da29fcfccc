"""Maintenance by risk: when to begin it, from the distribution of the remaining life."""
