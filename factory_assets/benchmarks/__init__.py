"""Benchmarks: figures with goals, each one measured against a baseline or counted against a known truth."""
