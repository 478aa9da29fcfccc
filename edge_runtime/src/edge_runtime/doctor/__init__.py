"""Is this machine fit to inspect? Each check says what it found and how to mend it; none changes anything."""
