"""Models with planted defects."""
