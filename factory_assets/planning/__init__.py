"""Room 7: orders, machines and maintenance that fit together in one schedule."""
