"""Where was the car: one trajectory a drive in the map frame, with its uncertainty."""
