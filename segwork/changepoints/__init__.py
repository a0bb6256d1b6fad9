"""Change points with a false-alarm rate one can state."""
