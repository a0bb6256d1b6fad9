"""Worlds with planted unfairness."""
