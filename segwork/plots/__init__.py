"""Figures, one function each; every function returns the figure and its text alternative."""
