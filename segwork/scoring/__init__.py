"""A saved segmentation at work: assign segments to new customers, on one machine or on many.

A model is two plain files with a stated format and a SHA-256; nothing in them is executed.
"""

from segwork.scoring.assigning import assign
from segwork.scoring.models import load, model_of, save

__all__ = ["assign", "load", "model_of", "save"]
