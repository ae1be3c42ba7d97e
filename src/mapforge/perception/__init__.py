"""Class probabilities and line geometry a (tile, drive); sign and light detections, and moving vehicles, a drive."""
