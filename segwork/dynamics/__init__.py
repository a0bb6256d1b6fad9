"""Segments that move: mobility, labels over time, drift, and how often to refresh."""

from segwork.dynamics.answer import answer
from segwork.dynamics.cadence import Cadence, cadence
from segwork.dynamics.counts import Against, against
from segwork.dynamics.drift import Drift, drift
from segwork.dynamics.methods import METHODS
from segwork.dynamics.mobility import Mobility, mobility
from segwork.dynamics.trace import Trace, summary, trace, trace_features

__all__ = ["METHODS", "Against", "Cadence", "Drift", "Mobility", "Trace"]
__all__ += ["against", "answer", "cadence", "drift", "mobility", "summary", "trace"]
__all__ += ["trace_features"]
