"""What a segment is worth: profit, expected purchases, service, attractiveness."""

from segwork.value.expected import Expected, expected
from segwork.value.profit import Profit, contact_bands, profit, whale_curve

__all__ = ["Expected", "Profit", "contact_bands", "expected", "profit", "whale_curve"]
