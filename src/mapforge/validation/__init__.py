"""Scores against a reference, rule issues, pass or reject, the report."""
