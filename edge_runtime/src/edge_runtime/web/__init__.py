"""What people and monitoring see of a station: a page, its health and its metrics. Nothing here changes anything."""
