"""What a segment is worth: profit, expected purchases, service, attractiveness."""

from segwork.value.ahead import revenue_ahead
from segwork.value.attractiveness import attractiveness
from segwork.value.expected import expected
from segwork.value.profit import contact_bands, profit, whale_curve
from segwork.value.service import service

__all__ = ["attractiveness", "contact_bands", "expected", "profit"]
__all__ += ["revenue_ahead", "service", "whale_curve"]
