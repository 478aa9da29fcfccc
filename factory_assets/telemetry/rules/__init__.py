"""Rules of cleaning that look at a reading's neighbours; each tells which rows of a block break it.

A rule sees the day and what lies up to LOOKBACK before it, never a later day: so a late file can change its own day
and the next, and no other.
"""
