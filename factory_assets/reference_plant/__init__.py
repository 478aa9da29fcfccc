"""Room 0: a simulated factory that writes what a plant would, and keeps the truth apart."""
