"""Weights on worlds that no training saw: scores and their spread, calibration, and whether they may replace others."""
