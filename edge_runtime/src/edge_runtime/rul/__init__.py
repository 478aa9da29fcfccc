"""Remaining useful life: readings from a file, windows from readings, predictions from windows."""
