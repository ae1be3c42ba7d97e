"""Class probabilities and line geometry a (tile, drive); sign and light detections a drive."""
