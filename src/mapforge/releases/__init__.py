"""Releases: what consumers read. Published whole, switched atomically, compared, rolled back, pruned, exported."""
