"""Segments that move: mobility, labels over time, drift, and how often to refresh."""

from segwork.dynamics.cadence import Cadence, cadence
from segwork.dynamics.drift import Drift, drift
from segwork.dynamics.mobility import Mobility, mobility
from segwork.dynamics.trace import Trace, trace, trace_features

__all__ = [
    "Cadence",
    "Drift",
    "Mobility",
    "Trace",
    "cadence",
    "drift",
    "mobility",
    "trace",
    "trace_features",
]
