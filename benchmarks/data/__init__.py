"""Planted faults for the data audit, and how it is scored."""
