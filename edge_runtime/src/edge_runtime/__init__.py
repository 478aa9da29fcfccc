"""What runs next to the machine: pulls signed releases, verifies them, and predicts from readings.

Imports none of the platform's libraries; the platform may import this package, never the reverse.
"""

__version__ = "0.1.0"
