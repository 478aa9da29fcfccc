"""Engines of inspection models: graphs, and certified bundles."""
