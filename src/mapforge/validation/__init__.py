"""Tiles in; scores, rule issues and pass or reject out; and the report."""
