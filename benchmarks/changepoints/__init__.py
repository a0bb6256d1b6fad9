"""Worlds, scores and training of the change-point detectors."""
