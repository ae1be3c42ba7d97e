"""What is measured, as published: no files, no configuration."""
