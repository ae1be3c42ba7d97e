"""Values and functions of geometry: no files, no configuration, no tensors."""
