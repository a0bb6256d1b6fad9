"""Segments: rule, K-Means, DBSCAN, autoencoder and controls, compared under one protocol."""

from segwork.clustering.dbcv import dbcv
from segwork.clustering.density import density_clusters
from segwork.clustering.identity import segment_ids
from segwork.clustering.model import SegmentModel
from segwork.clustering.null import copula_copy
from segwork.clustering.profile import contrasts, segment_profile, tree_rules
from segwork.clustering.protocol import METHODS, Comparison, compare

__all__ = [
    "METHODS",
    "Comparison",
    "SegmentModel",
    "compare",
    "contrasts",
    "copula_copy",
    "dbcv",
    "density_clusters",
    "segment_ids",
    "segment_profile",
    "tree_rules",
]
