"""Room 1: from the plant's historian to raw extracts."""
