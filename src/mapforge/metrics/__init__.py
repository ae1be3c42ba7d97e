"""How good a map is: pure functions of geometry. No files, no configuration."""
