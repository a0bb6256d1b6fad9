"""Evidence about privacy: audits of private releases."""
