"""Polylines, polygons and points of one drive, whole over tile borders."""
