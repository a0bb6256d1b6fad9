"""What a segment is worth: profit, expected purchases, service, attractiveness."""

from segwork.value.ahead import RevenueAhead, revenue_ahead
from segwork.value.attractiveness import Attractiveness, attractiveness
from segwork.value.expected import Expected, expected
from segwork.value.profit import Profit, contact_bands, profit, whale_curve
from segwork.value.service import Service, service

__all__ = [
    "Attractiveness",
    "Expected",
    "Profit",
    "RevenueAhead",
    "Service",
    "attractiveness",
    "contact_bands",
    "expected",
    "profit",
    "revenue_ahead",
    "service",
    "whale_curve",
]
