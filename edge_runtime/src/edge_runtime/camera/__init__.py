"""Frames: where they come from, the ring in shared memory that they travel in, and whether they can be trusted."""
