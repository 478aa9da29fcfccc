"""`factory doctor`: a plant file held against its sources; what would go wrong, and how to mend it."""
