"""The service at the line: a trigger comes in, a frame is looked at, a verdict goes out and is kept."""
