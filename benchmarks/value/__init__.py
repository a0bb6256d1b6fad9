"""Evidence for ``segwork.value``: planted profits, later periods of public data, a million rows."""
