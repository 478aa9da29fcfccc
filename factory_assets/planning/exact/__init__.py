"""The CP-SAT model of a problem, whole or by windows of time."""
