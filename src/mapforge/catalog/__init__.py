"""Runs, tiles, builds and attempts, in SQL."""
