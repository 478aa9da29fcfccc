"""Qualifying a device: how fast it judges, whether it computes what it should, and proof of both."""
