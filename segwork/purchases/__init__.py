"""Models of buying: when customers order, whether they are still there, what an order is worth.

They stand below ``value``, which expects orders and money from them, and ``changepoints``, which
takes from them the outlook of customers with too few orders for a verdict of their own.
"""

from segwork.purchases.models import MODELS, Buying, History, fit
from segwork.purchases.occasions import Occasions, Seen, occasions
from segwork.purchases.spend import Spending, fit_spending

__all__ = [
    "MODELS",
    "Buying",
    "History",
    "Occasions",
    "Seen",
    "Spending",
    "fit",
    "fit_spending",
    "occasions",
]
