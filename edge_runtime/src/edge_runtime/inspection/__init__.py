"""Looking at parts: frames fitted to a network, golden images, verdicts."""
