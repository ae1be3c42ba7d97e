"""Georeferenced vector tiles and exports."""
