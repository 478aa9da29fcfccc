"""What every room stands on: plant file, settings, lake, tracking, partitions. Imports no room."""
