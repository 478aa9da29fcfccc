"""Room 2: from raw extracts to clean readings and sensor tables; what is not accepted is set aside with a reason."""
