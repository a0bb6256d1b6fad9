"""Segments that move: mobility, labels over time, drift, and how often to refresh."""

from segwork.dynamics.mobility import Mobility, mobility
from segwork.dynamics.trace import Trace, trace, trace_features

__all__ = ["Mobility", "Trace", "mobility", "trace", "trace_features"]
