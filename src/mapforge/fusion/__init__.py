"""What exists, where exactly, how sure: one map out of all drives."""
