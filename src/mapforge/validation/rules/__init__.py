"""Rules a map must keep. Each module is one rule: a function that returns what breaks it."""
