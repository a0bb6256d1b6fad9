"""Worlds in which it is known who moved, and what ``segwork.dynamics`` makes of them."""
