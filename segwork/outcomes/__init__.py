"""What customers did after a day: the labelled table, and the outlook of today's customers."""

from segwork.outcomes.outlook import outlook, unseen
from segwork.outcomes.snapshots import Snapshots, quarters, snapshots

__all__ = ["Snapshots", "outlook", "quarters", "snapshots", "unseen"]
