"""Segments: rule, K-Means, DBSCAN, autoencoder and controls, compared under one protocol."""

from segwork.clustering.comparison import METHODS, Comparison, compare
from segwork.clustering.describe import contrasts, segment_profile, tree_rules
from segwork.clustering.identity import segment_ids
from segwork.clustering.judging.dbcv import dbcv
from segwork.clustering.judging.null import copula_copy
from segwork.clustering.later import LaterPeriod, later_period
from segwork.clustering.methods.density import density_clusters
from segwork.clustering.model import SegmentModel
from segwork.clustering.movement import movement
from segwork.clustering.prepare import as_frame, behaviour
from segwork.clustering.saved import saved, saved_table, summary

__all__ = [
    "METHODS",
    "Comparison",
    "LaterPeriod",
    "SegmentModel",
    "as_frame",
    "behaviour",
    "compare",
    "contrasts",
    "copula_copy",
    "dbcv",
    "density_clusters",
    "later_period",
    "movement",
    "saved",
    "saved_table",
    "segment_ids",
    "segment_profile",
    "summary",
    "tree_rules",
]
