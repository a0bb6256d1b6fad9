"""The stream measured: a real broker, a company replayed, kills, load, a million customers."""
