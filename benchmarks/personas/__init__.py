"""Evidence for the personas: planted stages, shuffled segments, names on other customers."""
