"""The evidence: worlds, plants and studies behind what segwork claims; not in the wheel."""
