"""Suites of labelled tables, and the training of the referees."""
