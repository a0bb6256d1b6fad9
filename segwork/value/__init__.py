"""What a segment is worth: profit, expected purchases, service, attractiveness."""

from segwork.value.expected import Expected, expected

__all__ = ["Expected", "expected"]
