"""Evidence about privacy: canaries in every table, and audits of private releases."""
